"""A bounded channel between one writer and several readers: a full one makes the writer wait."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Channel"]

Item = TypeVar("Item")


class Channel(Generic[Item]):
    """At most *size* items wait.  ``asyncio.Queue.shutdown`` only exists from Python 3.13, hence one of our own.

    Reading is ``async for``: it ends when the channel is closed and empty.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: deque[Item] = deque()
        self._closed = False
        self._changed = asyncio.Condition()
        self.peak = 0  #: most items that ever waited

    def __len__(self) -> int:
        return len(self._items)

    async def send(self, item: Item) -> None:
        """Hand *item* over, waiting while the channel is full.

        Raises:
            RuntimeError: The channel is closed.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._items) < self._size or self._closed)
            if self._closed:
                raise RuntimeError("the channel is closed")
            self._items.append(item)
            self.peak = max(self.peak, len(self._items))
            self._changed.notify_all()

    async def close(self) -> None:
        """Say that nothing more comes; what waits is still read."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take_back(self) -> list[Item]:
        """Take out what nobody has read."""
        items = list(self._items)
        self._items.clear()
        return items

    def __aiter__(self) -> Channel[Item]:
        return self

    async def __anext__(self) -> Item:
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._items) or self._closed)
            if not self._items:
                raise StopAsyncIteration
            item = self._items.popleft()
            self._changed.notify_all()
            return item
