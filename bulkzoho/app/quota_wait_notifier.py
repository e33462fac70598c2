"""Say for what a run waits, and until when, while there is nothing else to show of it: before it reads its first row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from bulkzoho.interfaces import RateLimiter

__all__ = ["QuotaWaitNotifier"]

LOOK_EVERY_S: Final = 1.0  # seconds between two looks at the quota
LONG_S: Final = 60.0  # seconds from which a wait is worth a line


class QuotaWaitNotifier:
    """Looks at a quota once a second until it is told to be quiet, and tells each long wait once."""

    def __init__(self, quota: RateLimiter, tell: Callable[[str], None]) -> None:
        self._quota = quota
        self._tell = tell
        self._told = ""
        self._timer: asyncio.TimerHandle | None = None
        self._look_again()

    def quiet(self) -> None:
        """Tell nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        status = self._quota.status()
        if status.waiting_for is not None and status.waiting_until is not None:
            until = datetime.fromtimestamp(round(status.waiting_until)).astimezone()
            words = f"Waiting for {status.waiting_for} until {until:%H:%M on %A}."
            if status.waiting_until - time.time() >= LONG_S and words != self._told:
                self._tell(words)
                self._told = words
        self._look_again()
