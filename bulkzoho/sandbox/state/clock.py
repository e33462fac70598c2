"""Clocks of the sandbox; injectable, so that a day can pass in minutes."""

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
    """Clock interface.  All values are service seconds, which may pass faster than real ones."""

    def monotonic(self) -> float:
        """Return monotonic seconds, used for windows and lifetimes."""

    def wall(self) -> float:
        """Return seconds since 1970, shown in records and the Date header."""

    async def sleep(self, seconds: float) -> None:
        """Delay a client for real seconds, on any time scale."""

    def advance(self, seconds: float) -> None:
        """Advance the clock."""


class SystemClock:
    """The system clock, or one that runs *scale* times as fast from now on.

    Service time is scaled: quota windows, lifetimes of tokens, results and page tokens, jobs, the search index, times of
    records and the Date header.  Latency and the seconds of a fault are real time.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale
        self._real_s = time.monotonic()  # instant of the last scale change, in real and in service time
        self._wall_s = time.time()
        self._ahead_s = self._wall_s - self._real_s  # offset between wall and monotonic service time

    def monotonic(self) -> float:
        """Return monotonic service seconds."""
        return self.wall() - self._ahead_s

    def wall(self) -> float:
        """Return service seconds since 1970."""
        return self._wall_s + (time.monotonic() - self._real_s) * self._scale

    async def sleep(self, seconds: float) -> None:
        """Sleep for *seconds* of real time."""
        await asyncio.sleep(seconds)

    def set_scale(self, scale: float) -> None:
        """Run *scale* times as fast as real time from now on."""
        self._wall_s, self._real_s = self.wall(), time.monotonic()
        self._scale = scale

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self._wall_s += seconds


class TimeZone:
    """The organization's time zone: formats and normalizes timestamps.

    Raises:
        ValueError: the time zone does not exist.
    """

    def __init__(self, name: str) -> None:
        self._zone: tzinfo
        try:
            self._zone, self.name = ZoneInfo(name), name
        except (ZoneInfoNotFoundError, ValueError):
            if available_timezones():
                raise ValueError(f"unknown time zone {name}") from None
            # this machine has no time zone database
            self._zone, self.name = UTC, "UTC"
        self.format = lru_cache(maxsize=1024)(self._format)

    def _format(self, epoch_s: int) -> str:
        return datetime.fromtimestamp(epoch_s, self._zone).isoformat(timespec="seconds")

    def localize(self, moment: datetime) -> str:
        """Return a local time of this zone as a timestamp with offset."""
        return moment.replace(tzinfo=self._zone).isoformat(timespec="seconds")

    def normalize(self, text: str) -> str:
        """Return the timestamp *text* converted to this zone's offset.

        Raises:
            ValueError: *text* is not a date-time with an offset.
        """
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no offset")
        return moment.astimezone(self._zone).isoformat(timespec="seconds")


@lru_cache(maxsize=8)
def http_date(epoch_s: int) -> str:
    """Return the value of a Date header."""
    return formatdate(epoch_s, usegmt=True)


def parse_timestamp(text: str) -> float:
    """Return the seconds since 1970 of an ISO 8601 timestamp; without an offset it is UTC.

    Raises:
        ValueError: *text* is not a date-time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone(timedelta()))
    return moment.timestamp()
