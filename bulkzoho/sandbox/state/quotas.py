"""Quotas in sliding windows, checked at arrival (zoho-api, section 4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from bulkzoho.sandbox.settings import Edition, SandboxSettings

__all__ = ["ArrivalLog", "DownloadLimit", "Quotas", "SlidingWindow", "calls_in_flight_limit", "credits_limit"]

MINUTE_S = 60.0
DAY_S = 86_400.0
DOWNLOADS_A_MINUTE = 10  # Zoho docs, "Bulk Read limitations"

# (base, per licence, maximum); Zoho docs, "API limits" (v4 and v8 agree on the formula)
_CREDITS: dict[Edition, tuple[int, int, int | None]] = {
    Edition.FREE: (5_000, 0, 5_000),
    Edition.STANDARD: (50_000, 250, 100_000),
    Edition.PROFESSIONAL: (50_000, 500, 3_000_000),
    Edition.ENTERPRISE: (50_000, 1_000, 5_000_000),
    Edition.ULTIMATE: (50_000, 2_000, None),
}
_IN_FLIGHT = {
    Edition.FREE: 5,
    Edition.STANDARD: 10,
    Edition.PROFESSIONAL: 15,
    Edition.ENTERPRISE: 20,
    Edition.ULTIMATE: 25,
}


def credits_limit(settings: SandboxSettings) -> int:
    """Return the credits in any 24 hours."""
    if settings.credits_per_day is not None:
        return settings.credits_per_day
    base, per_licence, maximum = _CREDITS[settings.edition]
    total = base + per_licence * settings.licences
    return total if maximum is None else min(total, maximum)


def calls_in_flight_limit(settings: SandboxSettings) -> int:
    """Return the maximum number of concurrent calls."""
    return settings.calls_in_flight or _IN_FLIGHT[settings.edition]


class SlidingWindow:
    """Sum over a sliding time window; entries exactly as old as the window are excluded."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: deque[tuple[float, int]] = deque()
        self.total = 0

    def add(self, now: float, amount: int = 1) -> None:
        """Add *amount* at *now*."""
        self._entries.append((now, amount))
        self.total += amount

    def entries(self) -> Iterator[tuple[float, int]]:
        """Iterate over (time, amount)."""
        return iter(self._entries)

    def sum_at(self, now: float) -> int:
        """Return the sum over the window that ends at *now*."""
        while self._entries and self._entries[0][0] <= now - self._seconds:
            self.total -= self._entries.popleft()[1]
        return self.total


class Quotas:
    """Quota windows of one organization."""

    def __init__(self) -> None:
        self._minute = SlidingWindow(MINUTE_S)
        self._day = SlidingWindow(DAY_S)
        self._credits = SlidingWindow(DAY_S)

    def count_arrival(self, now: float, in_flight: int, settings: SandboxSettings) -> str | None:
        """Count an arriving call; return the name of the exceeded quota, if any.

        *in_flight* includes the call itself.
        """
        exceeded = self._exceeded_quota(now, in_flight, settings)
        if exceeded is None or settings.strict.refused_calls_use_quota:
            self._minute.add(now)
            self._day.add(now)
        return exceeded

    def _exceeded_quota(self, now: float, in_flight: int, settings: SandboxSettings) -> str | None:
        if settings.calls_per_minute is not None and self._minute.sum_at(now) >= settings.calls_per_minute:
            return "over_minute_quota"
        if settings.calls_per_day is not None and self._day.sum_at(now) >= settings.calls_per_day:
            return "over_day_quota"
        if in_flight > calls_in_flight_limit(settings):
            return "over_calls_in_flight"
        return None

    def charge(self, now: float, price: int, settings: SandboxSettings) -> str | None:
        """Charge *price* credits; return the name of the quota if too few are left."""
        if self._credits.sum_at(now) + price > credits_limit(settings):
            return "over_credits"
        self._credits.add(now, price)
        return None

    def refund(self, now: float, price: int) -> None:
        """Refund credits that were charged at *now*."""
        self._credits.add(now, -price)

    def calls_in_24_h(self, now: float) -> int:
        """Return the number of accepted calls in the 24 hours that end at *now*."""
        return self._day.sum_at(now)

    def credits_left(self, now: float, settings: SandboxSettings) -> int:
        """Return the credits left in the window that ends at *now*."""
        return credits_limit(settings) - self._credits.sum_at(now)


class DownloadLimit:
    """Limit of ten bulk read downloads per minute; one more blocks downloads for a minute."""

    def __init__(self) -> None:
        self._window = SlidingWindow(MINUTE_S)
        self._closed_until = 0.0

    def refuses(self, now: float) -> bool:
        """Count one download; return whether it is rejected."""
        if now < self._closed_until:
            return True
        if self._window.sum_at(now) >= DOWNLOADS_A_MINUTE:
            self._closed_until = now + MINUTE_S
            return True
        self._window.add(now)
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalStatistics:
    """Statistics of arrivals, rejected calls included."""

    total: int
    most_in_60_s: int
    by_full_minute: tuple[int, ...]  #: full minutes since the first arrival, without the current one


class ArrivalLog:
    """Counter of arriving calls, accepted or not."""

    def __init__(self) -> None:
        self._last_minute = SlidingWindow(MINUTE_S)
        self._minutes: list[int] = []
        self._first: float | None = None
        self._most = 0

    def add(self, now: float) -> None:
        """Count one arrival."""
        if self._first is None:
            self._first = now
        self._last_minute.sum_at(now)
        self._last_minute.add(now)
        self._most = max(self._most, self._last_minute.total)
        minute = int((now - self._first) // MINUTE_S)
        self._minutes.extend([0] * (minute + 1 - len(self._minutes)))
        self._minutes[minute] += 1

    def by_second(self, now: float) -> list[int]:
        """Return the arrivals in each of the last 60 seconds, oldest first."""
        self._last_minute.sum_at(now)
        seconds = [0] * int(MINUTE_S)
        for at, amount in self._last_minute.entries():
            seconds[-1 - min(int(now - at), len(seconds) - 1)] += amount
        return seconds

    def statistics(self, now: float) -> ArrivalStatistics:
        """Return the statistics up to *now*."""
        full = 0 if self._first is None else int((now - self._first) // MINUTE_S)
        minutes = [*self._minutes, *[0] * max(0, full - len(self._minutes))]
        return ArrivalStatistics(total=sum(self._minutes), most_in_60_s=self._most, by_full_minute=tuple(minutes[:full]))
