"""Wake callers that wait for a change."""

from __future__ import annotations

import asyncio

__all__ = ["Wakeup"]


class Wakeup:
    """Event with a deadline: waiters continue at the next wake-up or at a given time."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    async def wait(self, until: float | None) -> None:
        """Wait for :meth:`wake`, at most until the loop time *until*.  Safe to cancel."""
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        timer = None if until is None else loop.call_at(until, _resolve, woken)
        self._waiting.add(woken)
        try:
            await woken
        finally:
            self._waiting.discard(woken)
            if timer is not None:
                timer.cancel()

    def wake(self) -> None:
        """Wake all waiters."""
        for woken in self._waiting:
            _resolve(woken)


def _resolve(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
