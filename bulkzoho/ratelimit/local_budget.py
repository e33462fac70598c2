"""What one process holds of the quota between two reports: tokens, credits, calls in flight.  Times are arguments."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.model.edition_limits import CallCost
from bulkzoho.domain.policy.rate_limits import LimitKind, QuotaLimits, pace_per_s
from bulkzoho.ratelimit.allocation import HORIZON_S, Allocation, UsageReport
from bulkzoho.ratelimit.ledger_queries import ClockReading, free_from_tenths

__all__ = ["CREDITS_NEAR_ZERO", "LocalBudget", "WaitReason"]

CREDITS_NEAR_ZERO: Final = 100  # credits: ten calls of 100 records; a 429 with no more left is the end of the day
PRICE_WEIGHT: Final = 0.1  # of the newest call in the mean price
FADING: Final = 0.85  # a report: so slowly is a peak forgotten, since a quiet second says little of the next
HEADROOM: Final = 1.5  # wanted over what was used at most, so that a want can grow


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitReason:
    """Why no call may leave now, and when that may change by itself (steady time); None: when something happens."""

    bound: LimitKind
    until: float | None = None


class LocalBudget:
    """The tokens, credits and slots of one process, and what it did with them since its last report.

    Attributes:
        flying: Calls in flight.
        grant: What the ledger said last.
        waited_for: Bounds that held a call back since the last report.
    """

    def __init__(self, limits: QuotaLimits) -> None:
        self.flying = 0
        self.grant = Allocation()
        self.waited_for: set[LimitKind] = set()
        self.calls = 0  # begun since the last report
        self._limits = limits
        self._tokens: deque[tuple[float, int]] = deque()  # (steady time from which they may be used, how many)
        self._unspent = 0
        self._keep = 0
        self._credits = 0
        self._flying_heavy = 0
        self._flying_credits = 0
        self._peak = 0.0
        self._peak_heavy = 0.0
        self._peak_rate = math.inf  # calls a second; nothing is known at first
        self._mean_price = 1.0
        self._answered: dict[int, int] = {}  # tenth of a second, steady time -> calls
        self._spent: dict[int, tuple[int, int]] = {}
        self._credits_remaining: int | None = None

    def heavy_obstacle(self, factor: float) -> WaitReason | None:
        """Say whether another heavy call may leave; *factor* is what part of the calls in flight may be used."""
        if self._flying_heavy < _part(self.grant.heavy, factor):
            return None
        return WaitReason(bound=LimitKind.HEAVY)

    def obstacle(self, price: CallCost, *, now: float, factor: float) -> WaitReason | None:
        """Say what keeps a call of this *price* from leaving at *now*, if anything does."""
        if self.flying >= _part(self.grant.in_flight, factor):
            return WaitReason(bound=LimitKind.IN_FLIGHT)
        if not self._tokens:
            return WaitReason(bound=self.grant.bound if self.grant.bound is LimitKind.DAY else LimitKind.MINUTE)
        if self._tokens[0][0] > now:
            return WaitReason(bound=LimitKind.MINUTE, until=self._tokens[0][0])
        if self.grant.credits_limit is not None and self._credits < price.credits:
            return WaitReason(bound=LimitKind.CREDITS)
        return None

    def take(self, price: CallCost) -> None:
        """A call leaves."""
        ready, count = self._tokens[0]
        if count > 1:
            self._tokens[0] = (ready, count - 1)
        else:
            self._tokens.popleft()
        self._unspent -= 1
        self.calls += 1
        self.flying += 1
        self._flying_heavy += price.heavy
        self._flying_credits += price.credits
        self._credits = max(0, self._credits - price.credits)
        self._peak = max(self._peak, self.flying)
        self._peak_heavy = max(self._peak_heavy, self._flying_heavy)
        self._mean_price += PRICE_WEIGHT * (price.credits - self._mean_price)

    def answered(self, price: CallCost, *, now: float, wall: float) -> None:
        """A call is over, whatever came of it."""
        self.flying -= 1
        self._flying_heavy -= price.heavy
        self._flying_credits -= price.credits
        tenth = int(now * 10.0)  # steady: the wall clock may be set before the next report
        self._answered[tenth] = self._answered.get(tenth, 0) + 1
        minute = int(wall // 60)
        calls, credits_ = self._spent.get(minute, (0, 0))
        self._spent[minute] = (calls + 1, credits_ + price.credits)
        if self._credits_remaining is not None:  # the service said so before it knew of this call
            self._credits_remaining = max(0, self._credits_remaining - price.credits)

    def credits_remain(self, remaining: int) -> None:
        """Take what the service said is left of the day's credits: no more than that is held here either."""
        self._credits_remaining = remaining
        self._credits = min(self._credits, remaining)

    def report(
        self, moment: ClockReading, *, hungry: bool, needed: int, since_s: float, paused_until: float, keep_nothing: bool
    ) -> UsageReport:
        """Give what to tell the ledger; :meth:`accept` takes its answer, and until then nothing changes here.

        Args:
            moment: Now.
            hungry: Somebody waits, or called since the last report.
            needed: Credits of the call that waits.
            since_s: Seconds since the last report.
            paused_until: Wall time before which nobody may call.
            keep_nothing: Nothing can leave, or nobody wants to: who waits long holds nothing.
        """
        pace = self.grant.pace_share * pace_per_s(self._limits)
        self._keep = 0 if keep_nothing else math.ceil(pace * HORIZON_S)
        to_wall = moment.wall - moment.steady
        cooling: dict[int, int] = {}
        for tenth, calls in self._answered.items():
            until = free_from_tenths(tenth / 10.0 + 0.1 + to_wall)
            cooling[until] = cooling.get(until, 0) + calls
        surplus = max(0, self._unspent - self._keep)
        for ready, count in reversed(self._tokens):
            if surplus <= 0:
                break
            back = min(surplus, count)
            surplus -= back
            if ready > moment.steady:
                until = math.ceil((ready + to_wall) * 10.0)
                cooling[until] = cooling.get(until, 0) + back
        unspent = min(self._unspent, self._keep)
        return UsageReport(
            flying=self.flying,
            unspent=unspent,
            flying_heavy=self._flying_heavy,
            flying_credits=self._flying_credits,
            unspent_credits=0 if keep_nothing else min(self._credits, math.ceil(unspent * max(self._mean_price, needed))),
            hungry=hungry,
            rate_want=self._rate_want(since_s),
            in_flight_want=self._limits.calls_in_flight
            if LimitKind.IN_FLIGHT in self.waited_for
            else max(1, math.ceil(self._peak)),
            heavy_want=self._limits.heavy_in_flight
            if LimitKind.HEAVY in self.waited_for
            else max(1, math.ceil(self._peak_heavy)),
            credits_needed=needed,
            mean_price=self._mean_price,
            cooling=cooling,
            spent=dict(self._spent),
            paused_until=paused_until,
            credits_remaining=self._credits_remaining,
        )

    def accept(self, report: UsageReport, grant: Allocation, moment: ClockReading) -> None:
        """Take what the ledger gave for *report*."""
        if grant.lapsed:
            self._tokens.clear()
            self._unspent = self._credits = 0
        surplus = max(0, self._unspent - self._keep)
        self._unspent -= surplus
        while surplus:
            ready, count = self._tokens.pop()
            if count > surplus:
                self._tokens.append((ready, count - surplus))
            surplus = max(0, surplus - count)
        to_steady = moment.steady - moment.wall
        fresh = [(max(moment.steady, until / 10.0 + to_steady), count) for until, count in grant.tokens]
        self._unspent += sum(count for _, count in fresh)
        self._tokens = deque(sorted([*self._tokens, *fresh]))
        self._credits = (0 if grant.lapsed else report.unspent_credits) + grant.credits
        self.grant = grant
        self._answered.clear()
        self._spent.clear()
        self._credits_remaining = None
        self.waited_for.clear()
        self.calls = 0
        self._peak = max(self.flying, self._peak * FADING)
        self._peak_heavy = max(self._flying_heavy, self._peak_heavy * FADING)
        self._peak_rate = report.rate_want * FADING if math.isfinite(report.rate_want) else 0.0

    def forget(self) -> None:
        """All was given back; what was learned of the others' use stays."""
        calls, credits_ = self.unreported
        before = self.grant
        nothing = Allocation(
            lapsed=True,
            credits_limit=before.credits_limit,
            calls_last_minute=before.calls_last_minute + calls,
            calls_last_day=before.calls_last_day + calls,
            credits_last_day=before.credits_last_day + credits_,
        )
        self.accept(UsageReport(flying=0, unspent=0), nothing, ClockReading(wall=0.0, steady=0.0, boot=""))

    def _rate_want(self, since_s: float) -> float:
        """Give the calls a second that this process would make: all it can get if pace or tokens held it back."""
        if self.waited_for & {LimitKind.MINUTE, LimitKind.DAY, LimitKind.CREDITS}:
            return math.inf
        return max(self._peak_rate, HEADROOM * (self.calls + 1) / max(since_s, 0.5))

    @property
    def unreported(self) -> tuple[int, int]:
        """Calls and credits used since the last report."""
        return sum(calls for calls, _ in self._spent.values()), sum(credits_ for _, credits_ in self._spent.values())


def _part(slots: int, factor: float) -> int:
    return max(1, math.floor(slots * factor)) if slots else 0
