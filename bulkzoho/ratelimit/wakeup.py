"""Wake those who wait for something to change."""

from __future__ import annotations

import asyncio

__all__ = ["Wakeup"]


class Wakeup:
    """Waiting until rung, or until a time."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    async def wait(self, until: float | None) -> None:
        """Wait until :meth:`ring`, or until *until* on the loop's clock.  Safe to cancel."""
        loop = asyncio.get_running_loop()
        heard = loop.create_future()
        timer = None if until is None else loop.call_at(until, _wake, heard)
        self._waiting.add(heard)
        try:
            await heard
        finally:
            self._waiting.discard(heard)
            if timer is not None:
                timer.cancel()

    def ring(self) -> None:
        """Wake all that wait."""
        for heard in self._waiting:
            _wake(heard)


def _wake(heard: asyncio.Future[None]) -> None:
    if not heard.done():
        heard.set_result(None)
