"""Wall clock, monotonic clock and timers of the rate limiter.

Monotonic time and timers are the event loop's, so a loop in virtual time (:mod:`bulkzoho.testing.virtual_time`) controls both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from bulkzoho.ratelimit.ledger_queries import ClockReading

__all__ = ["Clock", "boot_id"]

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")  # Linux only; other systems have no id of a boot


class Clock:
    """Monotonic time (the loop's), wall time, and timers."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self.wall = wall
        self._boot = boot_id()

    def read(self) -> ClockReading:
        """Return the time on both clocks."""
        return ClockReading(wall=self.wall(), monotonic=self.now(), boot=self._boot)

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Schedule *callback* for the monotonic time *when*."""
        return self._loop.call_at(when, callback)


def boot_id() -> str:
    """Return the id of this boot of the machine, or "" if the system has none."""
    with suppress(OSError):
        return BOOT_ID.read_text("ascii").strip()
    return ""
