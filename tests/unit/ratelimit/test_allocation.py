"""What one process may take of what all share."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.policy.rate_limits import LimitKind
from bulkzoho.ratelimit.allocation import ProcessShare, SharedState, UsageReport, allocate
from bulkzoho.testing.limiter_simulation import limits

NOW = 18_000_000_000  # tenths of a second

tenths = st.integers(1, 600)
claims = st.builds(
    ProcessShare,
    id=st.sampled_from(["a", "c", "d"]),
    calls=st.integers(0, 60),
    credits=st.integers(0, 100),
    rate_want=st.one_of(st.just(math.inf), st.floats(0.0, 20.0)),
    in_flight=st.integers(0, 3),
    in_flight_want=st.integers(0, 10),
    heavy=st.integers(0, 3),
    heavy_want=st.integers(0, 10),
)
pools = st.builds(
    SharedState,
    now_tenths=st.just(NOW),
    cooling=st.dictionaries(tenths, st.integers(1, 50), max_size=30).map(
        lambda found: sorted((NOW + after, calls) for after, calls in found.items())
    ),
    others=st.lists(claims, max_size=3, unique_by=lambda one: one.id),
    day_calls=st.integers(0, 2_000),
    day_credits=st.integers(0, 2_000),
    credits_limit=st.one_of(st.none(), st.integers(0, 2_000)),
)
reports = st.builds(
    UsageReport,
    flying=st.integers(0, 10),
    unspent=st.integers(0, 20),
    flying_credits=st.integers(0, 100),
    unspent_credits=st.integers(0, 100),
    hungry=st.booleans(),
    rate_want=st.one_of(st.just(math.inf), st.floats(0.0, 20.0)),
    credits_needed=st.integers(1, 500),
    mean_price=st.floats(1.0, 50.0),
)


@given(pools, reports, st.integers(1, 300), st.integers(1, 2_000))
def test_no_token_is_given_twice_and_no_limit_is_passed(pool: SharedState, report: UsageReport, minute: int, day: int) -> None:
    of = limits(minute=minute, day=day)

    grant = allocate(pool, report, of, me="b")

    granted = sum(calls for _, calls in grant.tokens)
    held = report.flying + report.unspent + sum(other.calls for other in pool.others)
    for until, _ in grant.tokens:  # at every moment: what cools then, what is held, and what was granted by then
        cooling = sum(calls for tenth, calls in pool.cooling if tenth > until)
        by_then = sum(calls for tenth, calls in grant.tokens if tenth <= until)
        assert cooling + held + by_then <= minute
    assert granted == 0 or pool.day_calls + held + granted <= day
    held_credits = report.flying_credits + report.unspent_credits + sum(other.credits for other in pool.others)
    if grant.credits:
        assert pool.credits_limit is not None
        assert pool.day_credits + held_credits + grant.credits <= pool.credits_limit
    assert grant.in_flight == 0 or grant.in_flight + sum(other.in_flight for other in pool.others) <= of.calls_in_flight
    assert grant.heavy == 0 or grant.heavy + sum(other.heavy for other in pool.others) <= of.heavy_in_flight


def test_tokens_that_will_be_free_within_two_seconds_are_given_ahead() -> None:
    pool = SharedState(now_tenths=NOW, cooling=[(NOW + 5, 1), (NOW + 15, 1), (NOW + 25, 58)])

    grant = allocate(pool, UsageReport(flying=0, unspent=0), limits(minute=60), me="b")

    assert grant.tokens == ((NOW + 5, 1), (NOW + 15, 1))


def test_a_limit_that_was_lowered_waits_for_what_is_over_it() -> None:
    pool = SharedState(now_tenths=NOW, cooling=[(NOW + 5, 60), (NOW + 15, 40), (NOW + 25, 20)])

    grant = allocate(pool, UsageReport(flying=0, unspent=0), limits(minute=30), me="b")

    assert grant.tokens == ((NOW + 15, 2),)  # 120 were used, of which then 20 still cool


def test_who_gets_nothing_is_told_why_and_until_when() -> None:
    full = SharedState(now_tenths=NOW, cooling=[(NOW + 300, 60)])
    spent = SharedState(now_tenths=NOW, day_calls=500)
    poor = SharedState(now_tenths=NOW, credits_limit=100, day_credits=95)
    report = UsageReport(flying=0, unspent=0, credits_needed=10)

    minute = allocate(full, report, limits(minute=60), me="b")
    day = allocate(spent, report, limits(day=500), me="b")
    credits_ = allocate(poor, report, limits(), me="b")

    assert (minute.bound, minute.frees_at_tenths) == (LimitKind.MINUTE, NOW + 300)
    assert day.bound is LimitKind.DAY
    assert credits_.bound is LimitKind.CREDITS


def test_a_share_that_others_still_hold_is_given_when_they_let_go() -> None:
    holding_all = ProcessShare(id="a", in_flight=10, in_flight_want=10, heavy=10, heavy_want=10)
    let_go = ProcessShare(id="a", in_flight=5, in_flight_want=10, heavy=5, heavy_want=10)
    report = UsageReport(flying=0, unspent=0, in_flight_want=10, heavy_want=10)

    before = allocate(SharedState(now_tenths=NOW, others=[holding_all]), report, limits(), me="b")
    after = allocate(SharedState(now_tenths=NOW, others=[let_go]), report, limits(), me="b")

    assert (before.in_flight, before.heavy) == (0, 0)
    assert (after.in_flight, after.heavy) == (5, 5)


def test_nobody_who_wants_nothing_is_given_anything() -> None:
    grant = allocate(SharedState(now_tenths=NOW), UsageReport(flying=1, unspent=0, hungry=False), limits(), me="b")

    assert (grant.tokens, grant.credits, grant.bound) == ((), 0, None)
