"""Measure how much of the tightest bound was used while there was work."""

from __future__ import annotations

from bulkzoho.core.pacing import Bound, Limits, Room, tightest
from bulkzoho.quota.grants import Grant

__all__ = ["Meter"]


class Meter:
    """Calls made, and the room there was for them.  Times are arguments."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._room = Room()
        self._begun = 0
        self._ended = 0
        self._heavy = 0
        self._latency_s = 0.0
        self._day_waits_s: dict[Bound, float] = {}
        self._busy_s = 0.0
        self._at: float | None = None  # busy since, or last settled; None: no work

    def begun(self, *, heavy: bool) -> None:
        """A call left."""
        self._begun += 1
        self._heavy += heavy

    def ended(self, latency_s: float) -> None:
        """A call was answered, or given up."""
        self._ended += 1
        self._latency_s += latency_s

    def busy(self, now: float) -> None:
        """There is work from now on."""
        if self._at is None:
            self._at = now

    def settle(self, now: float, grant: Grant, *, waits_for: Bound | None, still_busy: bool) -> None:
        """Count the time since the last call of this as worked under *grant*, or as waited for the day to have room."""
        if self._at is not None:
            spent_s = now - self._at
            if waits_for is None:
                self._busy_s += spent_s
                self._room = self._room.plus(
                    Room(
                        minutes=spent_s * grant.pace_share * self._limits.calls_per_minute / 60.0,
                        in_flight=spent_s * grant.in_flight,
                        heavy=spent_s * grant.heavy,
                    )
                )
            else:
                self._day_waits_s[waits_for] = self._day_waits_s.get(waits_for, 0.0) + spent_s
        self._at = now if still_busy else None

    def used(self) -> tuple[float, Bound]:
        """Give the share of the tightest bound that was used, 0.0 to 1.0, and which it was."""
        latency_s = self._latency_s / self._ended if self._ended else 0.0
        bound = tightest(self._room, latency_s=latency_s, heavy_share=self._heavy / self._begun if self._begun else 0.0)
        share = min(1.0, self._begun / bound.calls) if bound.calls > 0.0 else 0.0
        longest = max(self._day_waits_s, key=self._day_waits_s.__getitem__, default=None)
        if longest is not None and self._day_waits_s[longest] > self._busy_s:
            return 1.0, longest
        return share, bound.bound
