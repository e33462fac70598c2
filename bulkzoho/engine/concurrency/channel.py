"""A bounded channel between one writer and several readers: a full one makes the writer wait."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Channel"]

Item = TypeVar("Item")


class Channel(Generic[Item]):
    """At most *size* items wait.  ``asyncio.Queue.shutdown`` only exists from Python 3.13, hence one of our own.

    Reading is ``async for``: it ends when the channel is closed and empty.  An item wakes one reader, room wakes the writer.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: deque[Item] = deque()
        self._closed = False
        self._readers: deque[asyncio.Future[None]] = deque()  # that wait
        self._writers: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._items)

    async def send(self, item: Item) -> None:
        """Hand *item* over, waiting while the channel is full.

        Raises:
            RuntimeError: The channel is closed.
        """
        while len(self._items) >= self._size and not self._closed:
            await _wait_in(self._writers)
        if self._closed:
            raise RuntimeError("the channel is closed")
        self._items.append(item)
        _wake(self._readers)

    async def close(self) -> None:
        """Say that nothing more comes; what waits is still read."""
        self._closed = True
        for line in (self._readers, self._writers):
            while line:
                _wake(line)

    def __aiter__(self) -> Channel[Item]:
        return self

    async def __anext__(self) -> Item:
        while not self._items:
            if self._closed:
                raise StopAsyncIteration
            await _wait_in(self._readers)
        item = self._items.popleft()
        _wake(self._writers)
        return item


async def _wait_in(line: deque[asyncio.Future[None]]) -> None:
    """Wait to be woken; who is cancelled after that wakes the next one."""
    woken = asyncio.get_running_loop().create_future()
    line.append(woken)
    try:
        await woken
    except asyncio.CancelledError:
        if woken in line:
            line.remove(woken)
        elif woken.done() and not woken.cancelled():
            _wake(line)
        raise


def _wake(line: deque[asyncio.Future[None]]) -> None:
    while line:
        woken = line.popleft()
        if not woken.done():
            woken.set_result(None)
            return
