"""Spread calls evenly over a minute.  The leaky bucket is aiolimiter's."""

from __future__ import annotations

import asyncio
from typing import Final

from aiolimiter import AsyncLimiter

from bulkzoho.interfaces import LimiterClosedError

__all__ = ["Pacer"]

BURST: Final = 5.0  # calls that may leave at once (measured: keeps N in any minute and uses 99.5 % of it)
BURST_S: Final = 0.05  # or the calls of this time, if more: at a higher pace, one timer per call would cost too much


class Pacer:
    """Admits calls one after the other at a given pace; at most one caller per queue waits at a time."""

    def __init__(self, calls_per_s: float) -> None:
        self._burst = max(BURST, calls_per_s * BURST_S)
        self._bucket = AsyncLimiter(self._burst, self._burst / calls_per_s)
        self._timeouts: set[asyncio.Timeout] = set()

    @property
    def is_waited_for(self) -> bool:
        """Whether a caller waits now."""
        return bool(self._timeouts)

    async def wait(self, share: float) -> None:
        """Wait for the turn of one call when this process may use *share* of the pace.

        A call takes 1 / *share* units of the bucket, because other processes use the rest.  Safe to cancel.

        Raises:
            LimiterClosedError: :meth:`interrupt` was called meanwhile.
        """
        weight = 1.0 / share
        if weight <= self._burst and self._bucket.has_capacity(weight):
            await self._bucket.acquire(weight)
            return
        try:
            async with asyncio.timeout(None) as timeout:
                self._timeouts.add(timeout)
                try:
                    while weight > 0.0:
                        step = min(weight, self._burst)
                        await self._bucket.acquire(step)
                        weight -= step
                finally:
                    self._timeouts.discard(timeout)
        except TimeoutError as error:
            raise LimiterClosedError from error

    def interrupt(self) -> None:
        """Raise LimiterClosedError in all waiting callers."""
        while self._timeouts:
            self._timeouts.pop().reschedule(asyncio.get_running_loop().time())
