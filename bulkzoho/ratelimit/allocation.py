"""Decide what one process may take of the shared limits.  Pure: the ledger passes in what it read.

Each of an organization's N calls per minute is a *token*.  A process *holds* it (leased, or in flight), or it *cools down* for
60 s after the response of its call, or it is free.  Held + cooling + free is N, so no 60 s see more than N arrivals: a call
arrives before its response.  A process takes tokens for the next seconds in one transaction, including cooling ones that will be
free by then.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bulkzoho.domain.policy.rate_limits import LimitKind, QuotaLimits, max_min_integer_shares, max_min_shares, pace_per_s

__all__ = ["HORIZON_S", "LEASE_S", "Allocation", "ProcessShare", "SharedState", "UsageReport", "allocate"]

HORIZON_S: Final = 2.0  # seconds of calls a process takes at once; a killed process loses as much for a minute
LEASE_S: Final = 4.0  # seconds without a report after which everything a process holds counts as used
TURN_S: Final = 30  # seconds after which an indivisible call in flight goes to the next process


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessShare:
    """What one process holds and wants."""

    id: str
    calls: int = 0  #: tokens leased or in flight
    credits: int = 0
    wanted_rate: float = 0.0  #: calls per second; infinite if pace or tokens limited it
    in_flight: int = 0  #: calls in flight that it may have
    wanted_in_flight: int = 0
    heavy: int = 0
    wanted_heavy: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """What a process reports to the ledger, once a second while it has work."""

    in_flight: int  #: its calls in flight
    unused: int  #: tokens that it holds and did not use
    heavy_in_flight: int = 0
    credits_in_flight: int = 0
    unused_credits: int = 0
    active: bool = True  #: a caller waits for a permit, or got one since the last report
    wanted_rate: float = math.inf
    wanted_in_flight: int = 0
    wanted_heavy: int = 0
    credits_needed: int = 1  #: cost of the call that waits
    mean_cost: float = 1.0  #: recent mean of the credits per call
    cooling: Mapping[int, int] = field(default_factory=dict)  #: tenth of a second -> tokens that are free from then on
    spent: Mapping[int, tuple[int, int]] = field(default_factory=dict)  #: minute of the epoch -> calls, credits
    paused_until: float = -math.inf  #: wall time before which no process may call (after a 429)
    credits_remaining: int | None = None  #: the service's last figure, if it sent one


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedState:
    """Usage of the shared limits at one moment."""

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
    credits_limit: int | None = None  #: None: credits are not limited
    pace_share: float = 1.0  #: of the pace of all processes
    in_flight: int = 0
    heavy: int = 0
    limited_by: LimitKind | None = None  #: why it has no token or too few credits, if so
    frees_at_tenths: int | None = None  #: when that may change by itself; None: when another process returns some
    expired: bool = False  #: its lease had ended: everything it held counts as used
    calls_last_minute: int = 0
    calls_last_day: int = 0
    credits_last_day: int = 0
    paused_until: float = -math.inf


def allocate(shared: SharedState, report: UsageReport, limits: QuotaLimits, *, process_id: str) -> Allocation:
    """Return the share of one process: tokens for the next seconds, credits for them, a pace, calls in flight."""
    held = report.in_flight + report.unused + sum(other.calls for other in shared.others)
    held_credits = report.credits_in_flight + report.unused_credits + sum(other.credits for other in shared.others)
    pace = max_min_shares(pace_per_s(limits), [*(other.wanted_rate for other in shared.others), report.wanted_rate])[-1]
    target = max(1, math.ceil(pace * HORIZON_S)) if report.active else 0
    day_free = limits.calls_per_day - shared.day_calls - held
    wanted = max(0, min(target - report.unused, day_free))
    minute_free = limits.calls_per_minute - sum(calls for _, calls in shared.cooling) - held
    tokens = _take_tokens(shared, wanted, minute_free)
    token_count = report.unused + sum(calls for _, calls in tokens)
    granted_credits = _take_credits(shared, report, held_credits, token_count)
    limited_by, frees_at = None, None
    if report.active and token_count == 0:
        limited_by, frees_at = (LimitKind.DAY, None) if day_free <= 0 else (LimitKind.MINUTE, _first_free(shared, minute_free))
    elif report.active and shared.credits_limit is not None and report.unused_credits + granted_credits < report.credits_needed:
        limited_by = LimitKind.CREDITS
    in_flight, heavy = _slots(shared, report, limits, process_id)
    return Allocation(
        tokens=tokens,
        credits=granted_credits,
        credits_limit=shared.credits_limit,
        pace_share=pace / pace_per_s(limits),
        in_flight=in_flight,
        heavy=heavy,
        limited_by=limited_by,
        frees_at_tenths=frees_at,
        calls_last_minute=sum(calls for _, calls in shared.cooling),
        calls_last_day=shared.day_calls,
        credits_last_day=shared.day_credits,
    )


def _take_tokens(shared: SharedState, wanted: int, minute_free: int) -> tuple[tuple[int, int], ...]:
    """Take *wanted* tokens: free ones first, then those that stop cooling within the horizon, soonest first."""
    taken: list[tuple[int, int]] = []
    at_once = min(wanted, max(0, minute_free))
    if at_once:
        taken.append((shared.now_tenths, at_once))
        wanted -= at_once
    missing = max(0, -minute_free)  # the limit was lowered: so many must cool down before any is free
    last = shared.now_tenths + round(HORIZON_S * 10)
    for until, calls in shared.cooling:
        if wanted <= 0 or until > last:
            break
        usable = min(wanted, max(0, calls - missing))
        missing = max(0, missing - calls)
        if usable:
            taken.append((until, usable))
            wanted -= usable
    return tuple(taken)


def _first_free(shared: SharedState, minute_free: int) -> int | None:
    """Return the tenth of a second at which a cooling token becomes free."""
    free = minute_free
    for until, calls in shared.cooling:
        free += calls
        if free > 0:
            return until
    return None


def _take_credits(shared: SharedState, report: UsageReport, held: int, tokens: int) -> int:
    """Return the credits for *tokens* calls at the mean cost, as far as there are any."""
    if shared.credits_limit is None or not report.active:
        return 0
    wanted = max(report.credits_needed, math.ceil(tokens * report.mean_cost)) - report.unused_credits
    return max(0, min(wanted, shared.credits_limit - shared.day_credits - held))


def _slots(shared: SharedState, report: UsageReport, limits: QuotaLimits, process_id: str) -> tuple[int, int]:
    """Return the allowed calls and heavy calls in flight: a fair share, as far as the others have released theirs."""
    mine = ProcessShare(id=process_id, wanted_in_flight=report.wanted_in_flight, wanted_heavy=report.wanted_heavy)
    processes = sorted([*shared.others, mine], key=lambda process: process.id)  # the same order in every process
    index = processes.index(mine)
    turn = shared.now_tenths // (TURN_S * 10)
    wanted, wanted_heavy = [process.wanted_in_flight for process in processes], [process.wanted_heavy for process in processes]
    fair = max_min_integer_shares(limits.calls_in_flight, wanted, turn=turn)[index]
    fair_heavy = max_min_integer_shares(limits.heavy_in_flight, wanted_heavy, turn=turn)[index]
    return (
        max(0, min(fair, limits.calls_in_flight - sum(other.in_flight for other in shared.others))),
        max(0, min(fair_heavy, limits.heavy_in_flight - sum(other.heavy for other in shared.others))),
    )
