"""Measure how much of the binding limit was used while there was work."""

from __future__ import annotations

from dataclasses import dataclass, field

from bulkzoho.domain.policy.rate_limits import LimitKind, QuotaLimits, UsableCapacity, binding_limit
from bulkzoho.ratelimit.allocation import Allocation

__all__ = ["UtilizationMeter"]


@dataclass(slots=True)
class BusyTime:
    """Calls made and capacity available during some time with work."""

    capacity: UsableCapacity = field(default_factory=UsableCapacity)
    calls: int = 0
    heavy: int = 0
    seconds: float = 0.0

    def add(self, other: BusyTime) -> None:
        self.capacity = self.capacity.plus(other.capacity)
        self.calls += other.calls
        self.heavy += other.heavy
        self.seconds += other.seconds


class UtilizationMeter:
    """Compares the calls made with the capacity available.  Times are arguments.

    A caller that makes one call after the other (while connecting, for example) is limited by itself, not by a limit.  Such time
    counts only if there is no other.
    """

    def __init__(self, limits: QuotaLimits) -> None:
        self._limits = limits
        self._parallel = BusyTime()  # several calls were wanted at the same time
        self._sequential = BusyTime()
        self._current = BusyTime()  # since the last update
        self._max_wanted = 0  # calls wanted at the same time, since the last update
        self._finished = 0
        self._latency_s = 0.0
        self._day_waits_s: dict[LimitKind, float] = {}
        self._busy_since: float | None = None  # or time of the last update; None: no work
        self._closed = False

    def close(self) -> None:
        """Stop measuring: no further call starts, so the capacity left while the last calls end does not count."""
        self._closed = True

    def call_started(self, *, heavy: bool) -> None:
        """Count a call that starts."""
        self._current.calls += 1
        self._current.heavy += heavy

    def call_finished(self, latency_s: float) -> None:
        """Count a call that ended, with any result."""
        self._finished += 1
        self._latency_s += latency_s

    def mark_busy(self, now: float, *, wanted: int) -> None:
        """Start the busy time, if it has not started: *wanted* calls wait or are in flight."""
        if self._busy_since is None:
            self._busy_since = now
        self._max_wanted = max(self._max_wanted, wanted)

    def update(self, now: float, allocation: Allocation, *, exhausted: LimitKind | None, wanted: int) -> None:
        """Account for the time since the last update.

        Args:
            now: Monotonic time.
            allocation: What this process was allowed in that time.
            exhausted: The daily limit that let no call leave in that time, if one did.
            wanted: Calls that wait or are in flight from now on.
        """
        if self._closed:
            return
        elapsed_s = 0.0 if self._busy_since is None else now - self._busy_since
        if exhausted is not None:
            self._day_waits_s[exhausted] = self._day_waits_s.get(exhausted, 0.0) + elapsed_s
        else:
            self._current.seconds = elapsed_s
            self._current.capacity = UsableCapacity(
                minutes=elapsed_s * allocation.pace_share * self._limits.calls_per_minute / 60.0,
                in_flight=elapsed_s * allocation.in_flight,
                heavy=elapsed_s * allocation.heavy,
            )
        (self._parallel if self._max_wanted > 1 else self._sequential).add(self._current)
        self._current, self._max_wanted = BusyTime(), wanted
        self._busy_since = now if wanted else None

    def used_share(self) -> tuple[float, LimitKind]:
        """Return the used share (0.0 to 1.0) of the binding limit, and which limit that is."""
        busy = self._parallel if self._parallel.calls else self._sequential
        latency_s = self._latency_s / self._finished if self._finished else 0.0
        binding = binding_limit(busy.capacity, latency_s=latency_s, heavy_share=busy.heavy / busy.calls if busy.calls else 0.0)
        share = min(1.0, busy.calls / binding.calls) if binding.calls > 0.0 else 0.0
        longest = max(self._day_waits_s, key=self._day_waits_s.__getitem__, default=None)
        if longest is not None and self._day_waits_s[longest] > self._parallel.seconds + self._sequential.seconds:
            return 1.0, longest
        return share, binding.kind
