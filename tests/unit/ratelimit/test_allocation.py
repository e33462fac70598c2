"""Allocation: the share of one process in the shared limits."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.policy.rate_limits import LimitKind
from bulkzoho.ratelimit.allocation import ProcessShare, SharedState, UsageReport, allocate
from bulkzoho.testing.limiter_simulation import limits

NOW = 18_000_000_000  # tenths of a second

tenths = st.integers(1, 600)
shares = st.builds(
    ProcessShare,
    id=st.sampled_from(["a", "c", "d"]),
    calls=st.integers(0, 60),
    credits=st.integers(0, 100),
    wanted_rate=st.one_of(st.just(math.inf), st.floats(0.0, 20.0)),
    in_flight=st.integers(0, 3),
    wanted_in_flight=st.integers(0, 10),
    heavy=st.integers(0, 3),
    wanted_heavy=st.integers(0, 10),
)
states = st.builds(
    SharedState,
    now_tenths=st.just(NOW),
    cooling=st.dictionaries(tenths, st.integers(1, 50), max_size=30).map(
        lambda found: sorted((NOW + after, calls) for after, calls in found.items())
    ),
    others=st.lists(shares, max_size=3, unique_by=lambda process: process.id),
    day_calls=st.integers(0, 2_000),
    day_credits=st.integers(0, 2_000),
    credits_limit=st.one_of(st.none(), st.integers(0, 2_000)),
)
reports = st.builds(
    UsageReport,
    in_flight=st.integers(0, 10),
    unused=st.integers(0, 20),
    credits_in_flight=st.integers(0, 100),
    unused_credits=st.integers(0, 100),
    active=st.booleans(),
    wanted_rate=st.one_of(st.just(math.inf), st.floats(0.0, 20.0)),
    credits_needed=st.integers(1, 500),
    mean_cost=st.floats(1.0, 50.0),
)


@given(states, reports, st.integers(1, 300), st.integers(1, 2_000))
def test_no_token_is_granted_twice_and_no_limit_is_exceeded(
    shared: SharedState, report: UsageReport, minute: int, day: int
) -> None:
    organization = limits(minute=minute, day=day)

    allocation = allocate(shared, report, organization, process_id="b")

    granted = sum(calls for _, calls in allocation.tokens)
    held = report.in_flight + report.unused + sum(other.calls for other in shared.others)
    for until, _ in allocation.tokens:  # at each time: tokens that cool then, are held, or were granted by then
        cooling = sum(calls for tenth, calls in shared.cooling if tenth > until)
        by_then = sum(calls for tenth, calls in allocation.tokens if tenth <= until)
        assert cooling + held + by_then <= minute
    assert granted == 0 or shared.day_calls + held + granted <= day
    held_credits = report.credits_in_flight + report.unused_credits + sum(other.credits for other in shared.others)
    if allocation.credits:
        assert shared.credits_limit is not None
        assert shared.day_credits + held_credits + allocation.credits <= shared.credits_limit
    assert (
        allocation.in_flight == 0
        or allocation.in_flight + sum(other.in_flight for other in shared.others) <= organization.calls_in_flight
    )
    assert allocation.heavy == 0 or allocation.heavy + sum(other.heavy for other in shared.others) <= organization.heavy_in_flight


def test_tokens_that_become_free_within_two_seconds_are_granted_ahead() -> None:
    shared = SharedState(now_tenths=NOW, cooling=[(NOW + 5, 1), (NOW + 15, 1), (NOW + 25, 58)])

    allocation = allocate(shared, UsageReport(in_flight=0, unused=0), limits(minute=60), process_id="b")

    assert allocation.tokens == ((NOW + 5, 1), (NOW + 15, 1))


def test_a_lowered_limit_waits_until_the_excess_has_cooled() -> None:
    shared = SharedState(now_tenths=NOW, cooling=[(NOW + 5, 60), (NOW + 15, 40), (NOW + 25, 20)])

    allocation = allocate(shared, UsageReport(in_flight=0, unused=0), limits(minute=30), process_id="b")

    assert allocation.tokens == ((NOW + 15, 2),)  # of 120 used tokens 20 still cool then


def test_an_empty_allocation_names_the_limit_and_its_end() -> None:
    full = SharedState(now_tenths=NOW, cooling=[(NOW + 300, 60)])
    spent = SharedState(now_tenths=NOW, day_calls=500)
    poor = SharedState(now_tenths=NOW, credits_limit=100, day_credits=95)
    report = UsageReport(in_flight=0, unused=0, credits_needed=10)

    minute = allocate(full, report, limits(minute=60), process_id="b")
    day = allocate(spent, report, limits(day=500), process_id="b")
    credits_ = allocate(poor, report, limits(), process_id="b")

    assert (minute.limited_by, minute.frees_at_tenths) == (LimitKind.MINUTE, NOW + 300)
    assert day.limited_by is LimitKind.DAY
    assert credits_.limited_by is LimitKind.CREDITS


def test_a_share_held_by_others_is_granted_when_they_release_it() -> None:
    holds_all = ProcessShare(id="a", in_flight=10, wanted_in_flight=10, heavy=10, wanted_heavy=10)
    released = ProcessShare(id="a", in_flight=5, wanted_in_flight=10, heavy=5, wanted_heavy=10)
    report = UsageReport(in_flight=0, unused=0, wanted_in_flight=10, wanted_heavy=10)

    before = allocate(SharedState(now_tenths=NOW, others=[holds_all]), report, limits(), process_id="b")
    after = allocate(SharedState(now_tenths=NOW, others=[released]), report, limits(), process_id="b")

    assert (before.in_flight, before.heavy) == (0, 0)
    assert (after.in_flight, after.heavy) == (5, 5)


def test_an_inactive_process_gets_nothing() -> None:
    allocation = allocate(SharedState(now_tenths=NOW), UsageReport(in_flight=1, unused=0, active=False), limits(), process_id="b")

    assert (allocation.tokens, allocation.credits, allocation.limited_by) == ((), 0, None)
