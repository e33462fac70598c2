"""Spread calls out, so that no minute begins with all of them.  aiolimiter keeps the bucket; this gives it our words."""

from __future__ import annotations

import asyncio
from typing import Final

from aiolimiter import AsyncLimiter

from bulkzoho.interfaces import LimiterClosedError

__all__ = ["Pacer"]

BURST: Final = 5.0  # calls that may leave at once (measured: holds N in any minute and uses 99.5 % of it)
BURST_S: Final = 0.05  # or as many as leave in this time: a faster pace would cost more timers than calls


class Pacer:
    """Lets calls through one after the other at a given pace; one caller of each kind waits at a time."""

    def __init__(self, calls_per_s: float) -> None:
        self._burst = max(BURST, calls_per_s * BURST_S)
        self._bucket = AsyncLimiter(self._burst, self._burst / calls_per_s)
        self._waits: set[asyncio.Timeout] = set()

    @property
    def waits(self) -> bool:
        """Whether somebody waits now."""
        return bool(self._waits)

    async def wait(self, part: float) -> None:
        """Wait for one call's turn when only *part* of the pace may be used.

        A call simply weighs more when others use the rest of the pace.  Safe to cancel.

        Raises:
            LimiterClosedError: :meth:`interrupt` was called meanwhile.
        """
        weight = 1.0 / part
        if weight <= self._burst and self._bucket.has_capacity(weight):
            await self._bucket.acquire(weight)
            return
        try:
            async with asyncio.timeout(None) as wait:
                self._waits.add(wait)
                try:
                    while weight > 0.0:
                        step = min(weight, self._burst)
                        await self._bucket.acquire(step)
                        weight -= step
                finally:
                    self._waits.discard(wait)
        except TimeoutError as error:
            raise LimiterClosedError from error

    def interrupt(self) -> None:
        """Wake all that wait, with LimiterClosedError."""
        while self._waits:
            self._waits.pop().reschedule(asyncio.get_running_loop().time())
