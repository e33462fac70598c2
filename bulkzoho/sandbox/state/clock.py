"""Time as the sandbox sees it, handed in so that a day can pass in minutes."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import formatdate
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

__all__ = ["Clock", "SystemClock", "TimeZone"]


class Clock(Protocol):
    """What the sandbox asks of time.  All values are seconds of the service, which may pass faster than ours."""

    def monotonic(self) -> float:
        """Seconds that only go forward; windows and lives are measured by it."""

    def wall(self) -> float:
        """Seconds since 1970, as records and the Date header show it."""

    async def sleep(self, seconds: float) -> None:
        """Keep a caller waiting: these are the caller's own seconds, on any scale."""

    def advance(self, seconds: float) -> None:
        """Jump forward."""


class SystemClock:
    """The machine's own time, or one that runs *scale* times as fast from now on.

    The service lives in the scaled time: windows, lives of tokens, results and page tokens, jobs, the search index, the times of
    records and the Date header.  What a caller feels on the wire does not shrink with it: latency and the seconds of a fault.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale
        self._real_s = time.monotonic()  # the moment since which the scale holds, in real and in the service's time
        self._wall_s = time.time()
        self._ahead_s = self._wall_s - self._real_s  # keeps both of the service's times in step

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        return self.wall() - self._ahead_s

    def wall(self) -> float:
        """Seconds since 1970."""
        return self._wall_s + (time.monotonic() - self._real_s) * self._scale

    async def sleep(self, seconds: float) -> None:
        """Sleep for *seconds* of real time."""
        await asyncio.sleep(seconds)

    def run(self, scale: float) -> None:
        """Go on *scale* times as fast as real time."""
        self._wall_s, self._real_s = self.wall(), time.monotonic()
        self._scale = scale

    def advance(self, seconds: float) -> None:
        """Jump forward."""
        self._wall_s += seconds


class TimeZone:
    """The organization's time zone: instants to Zoho's text and back.

    Raises:
        ValueError: there is none of that name.
    """

    def __init__(self, name: str) -> None:
        self._zone: tzinfo
        try:
            self._zone, self.name = ZoneInfo(name), name
        except (ZoneInfoNotFoundError, ValueError):
            if available_timezones():
                raise ValueError(f"there is no time zone {name}") from None
            # a machine without a time zone database
            self._zone, self.name = UTC, "UTC"
        self.text = lru_cache(maxsize=1024)(self._text)

    def _text(self, epoch_s: int) -> str:
        return datetime.fromtimestamp(epoch_s, self._zone).isoformat(timespec="seconds")

    def local(self, moment: datetime) -> str:
        """Give a moment of this zone's own clocks as an instant."""
        return moment.replace(tzinfo=self._zone).isoformat(timespec="seconds")

    def normal(self, text: str) -> str:
        """Give the instant *text* with this zone's offset, as answers do.

        Raises:
            ValueError: *text* is no date-time with an offset.
        """
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no offset")
        return moment.astimezone(self._zone).isoformat(timespec="seconds")


@lru_cache(maxsize=8)
def http_date(epoch_s: int) -> str:
    """Give the text of a Date header."""
    return formatdate(epoch_s, usegmt=True)


def epoch(text: str) -> float:
    """Give the seconds since 1970 of an ISO 8601 text; one without offset is taken as UTC.

    Raises:
        ValueError: *text* is no date-time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone(timedelta()))
    return moment.timestamp()
