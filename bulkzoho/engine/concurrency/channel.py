"""Bounded channel between one writer and several readers: a full channel makes the writer wait."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Channel"]

Item = TypeVar("Item")


class Channel(Generic[Item]):
    """A queue of at most *size* items that can be closed (``asyncio.Queue.shutdown`` only exists from Python 3.13).

    Readers use ``async for``, which ends when the channel is closed and empty.  An item wakes one reader, free space the writer.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: deque[Item] = deque()
        self._closed = False
        self._readers: deque[asyncio.Future[None]] = deque()  # waiting
        self._writers: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._items)

    async def send(self, item: Item) -> None:
        """Add *item*; wait while the channel is full.

        Raises:
            RuntimeError: The channel is closed.
        """
        while len(self._items) >= self._size and not self._closed:
            await _wait_in(self._writers)
        if self._closed:
            raise RuntimeError("the channel is closed")
        self._items.append(item)
        _wake_first(self._readers)

    def close(self) -> None:
        """Accept no more items; readers still get those in the channel."""
        self._closed = True
        for waiting in (self._readers, self._writers):
            while waiting:
                _wake_first(waiting)

    def __aiter__(self) -> Channel[Item]:
        return self

    async def __anext__(self) -> Item:
        while not self._items:
            if self._closed:
                raise StopAsyncIteration
            await _wait_in(self._readers)
        item = self._items.popleft()
        _wake_first(self._writers)
        return item


async def _wait_in(waiting: deque[asyncio.Future[None]]) -> None:
    """Wait to be woken; a task that is cancelled after it was woken wakes the next one."""
    woken = asyncio.get_running_loop().create_future()
    waiting.append(woken)
    try:
        await woken
    except asyncio.CancelledError:
        if woken in waiting:
            waiting.remove(woken)
        elif woken.done() and not woken.cancelled():
            _wake_first(waiting)
        raise


def _wake_first(waiting: deque[asyncio.Future[None]]) -> None:
    while waiting:
        woken = waiting.popleft()
        if not woken.done():
            woken.set_result(None)
            return
