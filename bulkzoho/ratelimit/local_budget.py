"""Tokens, credits and calls in flight of one process between two reports to the ledger.  Times are arguments."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.policy.rate_limits import LimitKind, QuotaLimits, pace_per_s
from bulkzoho.ratelimit.allocation import HORIZON_S, Allocation, UsageReport
from bulkzoho.ratelimit.ledger_queries import ClockReading, free_from_tenths

__all__ = ["CREDITS_NEAR_ZERO", "LocalBudget", "WaitReason"]

CREDITS_NEAR_ZERO: Final = 100  # credits: ten calls of 100 records; after a 429 with no more left the day counts as used up
COST_WEIGHT: Final = 0.1  # of the newest call in the mean cost
FADING: Final = 0.85  # per report: a peak fades slowly, because a quiet second does not predict the next one
HEADROOM: Final = 1.5  # wanted over the peak use, so that the demand can grow


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitReason:
    """Why no call may leave now, and the monotonic time at which to look again; None: at the next event."""

    limit: LimitKind
    until: float | None = None


class LocalBudget:
    """Tokens, credits and slots of one process, and their use since its last report.

    Attributes:
        in_flight: Calls in flight.
        allocation: The ledger's last answer.
        limits_hit: Limits that delayed a call since the last report.
        calls: Calls started since the last report.
    """

    def __init__(self, limits: QuotaLimits) -> None:
        self.in_flight = 0
        self.allocation = Allocation()
        self.limits_hit: set[LimitKind] = set()
        self.calls = 0
        self._limits = limits
        self._tokens: deque[tuple[float, int]] = deque()  # (monotonic time from which they may be used, count)
        self._unused = 0
        self._keep = 0
        self._credits = 0
        self._heavy_in_flight = 0
        self._credits_in_flight = 0
        self._peak = 0.0
        self._peak_heavy = 0.0
        self._peak_rate = math.inf  # calls per second; unknown at first
        self._mean_cost = 1.0
        self._finished: dict[int, int] = {}  # tenth of a second, monotonic time -> calls
        self._spent: dict[int, tuple[int, int]] = {}
        self._credits_remaining: int | None = None

    def heavy_wait_reason(self, factor: float) -> WaitReason | None:
        """Return why no heavy call may leave, or None; *factor* is the usable share of the calls in flight."""
        if self._heavy_in_flight < _reduced(self.allocation.heavy, factor):
            return None
        return WaitReason(limit=LimitKind.HEAVY)

    def wait_reason(self, cost: CallCost, *, now: float, factor: float) -> WaitReason | None:
        """Return why no call of this *cost* may leave at *now*, or None."""
        if self.in_flight >= _reduced(self.allocation.in_flight, factor):
            return WaitReason(limit=LimitKind.IN_FLIGHT)
        if not self._tokens:
            limited_by = self.allocation.limited_by
            return WaitReason(limit=limited_by if limited_by is LimitKind.DAY else LimitKind.MINUTE)
        if self._tokens[0][0] > now:
            return WaitReason(limit=LimitKind.MINUTE, until=self._tokens[0][0])
        if self.allocation.credits_limit is not None and self._credits < cost.credits:
            return WaitReason(limit=LimitKind.CREDITS)
        return None

    def start_call(self, cost: CallCost) -> None:
        """Use a token and credits for a call that leaves."""
        ready, count = self._tokens[0]
        if count > 1:
            self._tokens[0] = (ready, count - 1)
        else:
            self._tokens.popleft()
        self._unused -= 1
        self.calls += 1
        self.in_flight += 1
        self._heavy_in_flight += cost.heavy
        self._credits_in_flight += cost.credits
        self._credits = max(0, self._credits - cost.credits)
        self._peak = max(self._peak, self.in_flight)
        self._peak_heavy = max(self._peak_heavy, self._heavy_in_flight)
        self._mean_cost += COST_WEIGHT * (cost.credits - self._mean_cost)

    def finish_call(self, cost: CallCost, *, now: float, wall: float) -> None:
        """Count a call that ended, with any result."""
        self.in_flight -= 1
        self._heavy_in_flight -= cost.heavy
        self._credits_in_flight -= cost.credits
        tenth = int(now * 10.0)  # monotonic: the wall clock may be set before the next report
        self._finished[tenth] = self._finished.get(tenth, 0) + 1
        minute = int(wall // 60)
        calls, credits_ = self._spent.get(minute, (0, 0))
        self._spent[minute] = (calls + 1, credits_ + cost.credits)
        if self._credits_remaining is not None:  # the service's figure is older than this call
            self._credits_remaining = max(0, self._credits_remaining - cost.credits)

    def cap_credits(self, remaining: int) -> None:
        """Take the service's figure of the remaining credits; this process keeps no more than that."""
        self._credits_remaining = remaining
        self._credits = min(self._credits, remaining)

    def build_report(
        self, reading: ClockReading, *, active: bool, needed: int, since_s: float, paused_until: float, return_all: bool
    ) -> UsageReport:
        """Build the report to the ledger; :meth:`apply` takes the answer, until then nothing changes here.

        Args:
            reading: The current time.
            active: Whether a caller waits, or called since the last report.
            needed: Credits of the call that waits.
            since_s: Seconds since the last report.
            paused_until: Wall time before which no process may call.
            return_all: Whether to return all tokens, because no call can leave for long or none is wanted.
        """
        pace = self.allocation.pace_share * pace_per_s(self._limits)
        self._keep = 0 if return_all else math.ceil(pace * HORIZON_S)
        unused = min(self._unused, self._keep)
        wants_all = self._limits.calls_in_flight if LimitKind.IN_FLIGHT in self.limits_hit else None
        wants_all_heavy = self._limits.heavy_in_flight if LimitKind.HEAVY in self.limits_hit else None
        return UsageReport(
            in_flight=self.in_flight,
            unused=unused,
            heavy_in_flight=self._heavy_in_flight,
            credits_in_flight=self._credits_in_flight,
            unused_credits=0 if return_all else min(self._credits, math.ceil(unused * max(self._mean_cost, needed))),
            active=active,
            wanted_rate=self._wanted_rate(since_s),
            wanted_in_flight=max(1, math.ceil(self._peak)) if wants_all is None else wants_all,
            wanted_heavy=max(1, math.ceil(self._peak_heavy)) if wants_all_heavy is None else wants_all_heavy,
            credits_needed=needed,
            mean_cost=self._mean_cost,
            cooling=self._cooling(reading),
            spent=dict(self._spent),
            paused_until=paused_until,
            credits_remaining=self._credits_remaining,
        )

    def _cooling(self, reading: ClockReading) -> dict[int, int]:
        """Return when the tokens of finished calls, and returned tokens that are not ready yet, become free."""
        to_wall = reading.wall - reading.monotonic
        cooling: dict[int, int] = {}
        for tenth, calls in self._finished.items():
            until = free_from_tenths(tenth / 10.0 + 0.1 + to_wall)
            cooling[until] = cooling.get(until, 0) + calls
        surplus = max(0, self._unused - self._keep)
        for ready, count in reversed(self._tokens):
            if surplus <= 0:
                break
            returned = min(surplus, count)
            surplus -= returned
            if ready > reading.monotonic:
                until = math.ceil((ready + to_wall) * 10.0)
                cooling[until] = cooling.get(until, 0) + returned
        return cooling

    def apply(self, report: UsageReport, allocation: Allocation, reading: ClockReading) -> None:
        """Take the ledger's answer to *report*."""
        if allocation.expired:
            self._tokens.clear()
            self._unused = self._credits = 0
        surplus = max(0, self._unused - self._keep)
        self._unused -= surplus
        while surplus:
            ready, count = self._tokens.pop()
            if count > surplus:
                self._tokens.append((ready, count - surplus))
            surplus = max(0, surplus - count)
        to_monotonic = reading.monotonic - reading.wall
        fresh = [(max(reading.monotonic, until / 10.0 + to_monotonic), count) for until, count in allocation.tokens]
        self._unused += sum(count for _, count in fresh)
        self._tokens = deque(sorted([*self._tokens, *fresh]))
        self._credits = (0 if allocation.expired else report.unused_credits) + allocation.credits
        self.allocation = allocation
        self._finished.clear()
        self._spent.clear()
        self._credits_remaining = None
        self.limits_hit.clear()
        self.calls = 0
        self._peak = max(self.in_flight, self._peak * FADING)
        self._peak_heavy = max(self._heavy_in_flight, self._peak_heavy * FADING)
        self._peak_rate = report.wanted_rate * FADING if math.isfinite(report.wanted_rate) else 0.0

    def reset(self) -> None:
        """Drop everything after it was returned to the ledger; the known use of the other processes stays."""
        calls, credits_ = self.unreported
        before = self.allocation
        nothing = Allocation(
            expired=True,
            credits_limit=before.credits_limit,
            calls_last_minute=before.calls_last_minute + calls,
            calls_last_day=before.calls_last_day + calls,
            credits_last_day=before.credits_last_day + credits_,
        )
        self.apply(UsageReport(in_flight=0, unused=0), nothing, ClockReading(wall=0.0, monotonic=0.0, boot=""))

    def _wanted_rate(self, since_s: float) -> float:
        """Return the calls per second that this process would make: infinite if pace or tokens delayed it."""
        if self.limits_hit & {LimitKind.MINUTE, LimitKind.DAY, LimitKind.CREDITS}:
            return math.inf
        return max(self._peak_rate, HEADROOM * (self.calls + 1) / max(since_s, 0.5))

    @property
    def unreported(self) -> tuple[int, int]:
        """Calls and credits used since the last report."""
        return sum(calls for calls, _ in self._spent.values()), sum(credits_ for _, credits_ in self._spent.values())


def _reduced(slots: int, factor: float) -> int:
    return max(1, math.floor(slots * factor)) if slots else 0
