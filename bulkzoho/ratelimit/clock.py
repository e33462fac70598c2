"""The clocks and timers of the quota: the event loop's own, and wall time as it was handed in.

A loop whose time is made up (:mod:`bulkzoho.testing.virtual_time`) makes all of it made up, aiolimiter's timers too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from bulkzoho.ratelimit.ledger_queries import ClockReading

__all__ = ["Clock", "boot_id"]

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")  # Linux; elsewhere nothing tells one start from another


class Clock:
    """Steady time (the loop's), wall time, and timers."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self.wall = wall
        self._boot = boot_id()

    def moment(self) -> ClockReading:
        """Give the time on both clocks."""
        return ClockReading(wall=self.wall(), steady=self.now(), boot=self._boot)

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Have *callback* called at *when*, steady time."""
        return self._loop.call_at(when, callback)


def boot_id() -> str:
    """Give a name for this start of the machine, or "" where there is none."""
    with suppress(OSError):
        return BOOT_ID.read_text("ascii").strip()
    return ""
