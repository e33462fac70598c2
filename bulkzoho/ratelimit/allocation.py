"""Decide what one process may take from what all share.  Pure: the ledger hands in what it read.

Every one of an organization's N calls a minute is a *token*.  It is *held* by a process (leased, or in flight), or *cooling*
for 60 s since its call was answered, or free.  Held + cooling + free is N, so that no 60 s see more than N arrivals: a call
arrives before it is answered.  A process takes tokens for the next seconds in one transaction, cooling ones included that
will be free by then.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bulkzoho.domain.policy.rate_limits import LimitKind, QuotaLimits, max_min_integer_shares, max_min_shares, pace_per_s

__all__ = ["HORIZON_S", "LEASE_S", "Allocation", "ProcessShare", "SharedState", "UsageReport", "allocate"]

HORIZON_S: Final = 2.0  # seconds of calls a process takes at once; what it loses for a minute when it is killed
LEASE_S: Final = 4.0  # seconds without a sign of life after which what a process held counts as used
TURN_S: Final = 30  # seconds after which an odd call in flight goes to the next process


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessShare:
    """What one process holds and wants."""

    id: str
    calls: int = 0  #: tokens leased or in flight
    credits: int = 0
    rate_want: float = 0.0  #: calls a second; infinite when pace or tokens held it back
    in_flight: int = 0  #: calls in flight that it may have
    in_flight_want: int = 0
    heavy: int = 0
    heavy_want: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """What a process tells the ledger, once a second while it works."""

    flying: int  #: its calls in flight
    unspent: int  #: tokens it has and has not used
    flying_heavy: int = 0
    flying_credits: int = 0
    unspent_credits: int = 0
    hungry: bool = True  #: somebody waits for a permit, or got one since the last report
    rate_want: float = math.inf
    in_flight_want: int = 0
    heavy_want: int = 0
    credits_needed: int = 1  #: the price of the call that waits
    mean_price: float = 1.0  #: credits a call, of late
    cooling: Mapping[int, int] = field(default_factory=dict)  #: tenth of a second -> tokens that are free from then on
    spent: Mapping[int, tuple[int, int]] = field(default_factory=dict)  #: minute of the epoch -> calls, credits
    paused_until: float = -math.inf  #: wall time before which no process may call (after a 429)
    credits_remaining: int | None = None  #: what the service said last, when it said something


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedState:
    """What all processes share, as it stands."""

    now_tenths: int  #: wall time in tenths of a second
    cooling: Sequence[tuple[int, int]] = ()  #: (tenth of a second, tokens) ascending, all after now
    others: Sequence[ProcessShare] = ()
    day_calls: int = 0  #: completed in the last 24 hours
    day_credits: int = 0
    credits_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """What a process may do until its next report."""

    tokens: tuple[tuple[int, int], ...] = ()  #: (tenth of a second from which they may be used, tokens), ascending
    credits: int = 0
    credits_limit: int | None = None  #: None: credits do not bind
    pace_share: float = 1.0  #: of the pace of all
    in_flight: int = 0
    heavy: int = 0
    bound: LimitKind | None = None  #: why it has no token or too few credits, when it is so
    frees_at_tenths: int | None = None  #: when that may change by itself; None: when another process gives back
    lapsed: bool = False  #: it was taken for dead: what it had was given up
    calls_last_minute: int = 0
    calls_last_day: int = 0
    credits_last_day: int = 0
    paused_until: float = -math.inf


def allocate(pool: SharedState, report: UsageReport, limits: QuotaLimits, *, me: str) -> Allocation:
    """Give the process *me* its part: tokens for the next seconds, credits for them, a pace, calls in flight."""
    held = report.flying + report.unspent + sum(other.calls for other in pool.others)
    held_credits = report.flying_credits + report.unspent_credits + sum(other.credits for other in pool.others)
    pace = max_min_shares(pace_per_s(limits), [*(other.rate_want for other in pool.others), report.rate_want])[-1]
    target = max(1, math.ceil(pace * HORIZON_S)) if report.hungry else 0
    day_free = limits.calls_per_day - pool.day_calls - held
    want = max(0, min(target - report.unspent, day_free))
    minute_free = limits.calls_per_minute - sum(calls for _, calls in pool.cooling) - held
    tokens = _tokens(pool, want, minute_free)
    granted = sum(calls for _, calls in tokens)
    credits_granted = _credits(pool, report, held_credits, report.unspent + granted)
    bound, frees_at = None, None
    if report.hungry and report.unspent + granted == 0:
        bound, frees_at = (LimitKind.DAY, None) if day_free <= 0 else (LimitKind.MINUTE, _first_free(pool, minute_free))
    elif report.hungry and pool.credits_limit is not None and report.unspent_credits + credits_granted < report.credits_needed:
        bound = LimitKind.CREDITS
    in_flight, heavy = _slots(pool, report, limits, me)
    return Allocation(
        tokens=tokens,
        credits=credits_granted,
        credits_limit=pool.credits_limit,
        pace_share=pace / pace_per_s(limits),
        in_flight=in_flight,
        heavy=heavy,
        bound=bound,
        frees_at_tenths=frees_at,
        calls_last_minute=sum(calls for _, calls in pool.cooling),
        calls_last_day=pool.day_calls,
        credits_last_day=pool.day_credits,
    )


def _tokens(pool: SharedState, want: int, minute_free: int) -> tuple[tuple[int, int], ...]:
    """Take *want* tokens: free ones first, then those that stop cooling within the horizon, soonest first."""
    taken: list[tuple[int, int]] = []
    at_once = min(want, max(0, minute_free))
    if at_once:
        taken.append((pool.now_tenths, at_once))
        want -= at_once
    missing = max(0, -minute_free)  # a limit that was lowered: these must cool down before any is free
    last = pool.now_tenths + round(HORIZON_S * 10)
    for until, calls in pool.cooling:
        if want <= 0 or until > last:
            break
        usable = min(want, max(0, calls - missing))
        missing = max(0, missing - calls)
        if usable:
            taken.append((until, usable))
            want -= usable
    return tuple(taken)


def _first_free(pool: SharedState, minute_free: int) -> int | None:
    """Give the tenth of a second at which a cooling token is free to take."""
    free = minute_free
    for until, calls in pool.cooling:
        free += calls
        if free > 0:
            return until
    return None


def _credits(pool: SharedState, report: UsageReport, held: int, tokens: int) -> int:
    """Give credits for *tokens* calls at the price of late, as far as there are."""
    if pool.credits_limit is None or not report.hungry:
        return 0
    want = max(report.credits_needed, math.ceil(tokens * report.mean_price)) - report.unspent_credits
    return max(0, min(want, pool.credits_limit - pool.day_credits - held))


def _slots(pool: SharedState, report: UsageReport, limits: QuotaLimits, me: str) -> tuple[int, int]:
    """Give how many calls, and heavy calls, may be in flight here: a fair share, as far as others have left theirs."""
    mine = ProcessShare(id=me, in_flight_want=report.in_flight_want, heavy_want=report.heavy_want)
    everybody = sorted([*pool.others, mine], key=lambda one: one.id)  # the same order in every process
    at = everybody.index(mine)
    turn = pool.now_tenths // (TURN_S * 10)
    fair = max_min_integer_shares(limits.calls_in_flight, [one.in_flight_want for one in everybody], turn=turn)[at]
    fair_heavy = max_min_integer_shares(limits.heavy_in_flight, [one.heavy_want for one in everybody], turn=turn)[at]
    return (
        max(0, min(fair, limits.calls_in_flight - sum(other.in_flight for other in pool.others))),
        max(0, min(fair_heavy, limits.heavy_in_flight - sum(other.heavy for other in pool.others))),
    )
