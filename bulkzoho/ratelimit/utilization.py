"""Measure how much of the tightest bound was used while there was work."""

from __future__ import annotations

from dataclasses import dataclass, field

from bulkzoho.domain.policy.rate_limits import LimitKind, QuotaLimits, UsableCapacity, binding_limit
from bulkzoho.ratelimit.allocation import Allocation

__all__ = ["UtilizationMeter"]


@dataclass(slots=True)
class BusyTime:
    """Time that was worked."""

    room: UsableCapacity = field(default_factory=UsableCapacity)
    calls: int = 0
    heavy: int = 0
    seconds: float = 0.0

    def add(self, other: BusyTime) -> None:
        self.room = self.room.plus(other.room)
        self.calls += other.calls
        self.heavy += other.heavy
        self.seconds += other.seconds


class UtilizationMeter:
    """Calls made, and the room there was for them.  Times are arguments.

    Whoever makes one call after another, as while connecting, is held back by no limit: such time does not count, unless there
    is no other.
    """

    def __init__(self, limits: QuotaLimits) -> None:
        self._limits = limits
        self._together = BusyTime()  # more than one call was wanted at a time
        self._alone = BusyTime()
        self._now = BusyTime()  # since last settled
        self._wanted = 0  # calls at one time, at most, since last settled
        self._ended = 0
        self._latency_s = 0.0
        self._day_waits_s: dict[LimitKind, float] = {}
        self._at: float | None = None  # busy since, or last settled; None: no work
        self._closed = False

    def close(self) -> None:
        """No call will leave any more: while those in flight end there is no room that might be used."""
        self._closed = True

    def begun(self, *, heavy: bool) -> None:
        """A call left."""
        self._now.calls += 1
        self._now.heavy += heavy

    def ended(self, latency_s: float) -> None:
        """A call was answered, or given up."""
        self._ended += 1
        self._latency_s += latency_s

    def busy(self, now: float, *, wanted: int) -> None:
        """There is work from now on: so many calls are wanted, or in flight."""
        if self._at is None:
            self._at = now
        self._wanted = max(self._wanted, wanted)

    def settle(self, now: float, grant: Allocation, *, waits_for: LimitKind | None, wanted: int) -> None:
        """Count the time since the last call of this as worked under *grant*, or as waited for the day to have room.

        From now on so many calls are *wanted* or in flight.
        """
        if self._closed:
            return
        spent_s = 0.0 if self._at is None else now - self._at
        if waits_for is not None:
            self._day_waits_s[waits_for] = self._day_waits_s.get(waits_for, 0.0) + spent_s
        else:
            self._now.seconds = spent_s
            self._now.room = UsableCapacity(
                minutes=spent_s * grant.pace_share * self._limits.calls_per_minute / 60.0,
                in_flight=spent_s * grant.in_flight,
                heavy=spent_s * grant.heavy,
            )
        (self._together if self._wanted > 1 else self._alone).add(self._now)
        self._now, self._wanted = BusyTime(), wanted
        self._at = now if wanted else None

    def used(self) -> tuple[float, LimitKind]:
        """Give the share of the tightest bound that was used, 0.0 to 1.0, and which it was."""
        worked = self._together if self._together.calls else self._alone
        latency_s = self._latency_s / self._ended if self._ended else 0.0
        bound = binding_limit(worked.room, latency_s=latency_s, heavy_share=worked.heavy / worked.calls if worked.calls else 0.0)
        share = min(1.0, worked.calls / bound.calls) if bound.calls > 0.0 else 0.0
        longest = max(self._day_waits_s, key=self._day_waits_s.__getitem__, default=None)
        if longest is not None and self._day_waits_s[longest] > self._together.seconds + self._alone.seconds:
            return 1.0, longest
        return share, bound.bound
