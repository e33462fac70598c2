"""Limits, fair shares, the binding limit, and the reaction to 429s."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.limits_and_costs import PlanName
from bulkzoho.domain.model.metadata import Organization
from bulkzoho.domain.model.settings import QuotaSettings
from bulkzoho.domain.policy.rate_limits import (
    AdaptiveThrottle,
    LimitKind,
    UsableCapacity,
    binding_limit,
    max_min_integer_shares,
    max_min_shares,
    resolve_limits,
)


def organization(*, edition: str | None = "enterprise", licences: int | None = 10) -> Organization:
    return Organization(id="1", name="Zylker", edition=edition, licences=licences)


class TestLimits:
    """Limits from the settings, the edition or the standard plan."""

    def test_auto_uses_the_plan_of_the_edition(self) -> None:
        limits = resolve_limits(QuotaSettings(), organization(edition="zohooneenterprise"))

        assert (limits.plan, limits.calls_per_minute, limits.calls_per_day) == (PlanName.ENTERPRISE, 500, 500_000)
        assert (limits.calls_in_flight, limits.heavy_in_flight) == (20, 10)
        assert limits.notes == ()

    @pytest.mark.parametrize("edition", [None, "bigger"])
    def test_auto_uses_the_standard_plan_with_a_note_if_the_edition_is_unknown(self, edition: str | None) -> None:
        limits = resolve_limits(QuotaSettings(), organization(edition=edition))

        assert (limits.plan, limits.calls_per_minute, limits.credits_per_day) == (PlanName.STANDARD, 200, None)
        assert "standard plan's 200 calls a minute" in limits.notes[0]
        assert "--plan" in limits.notes[0]

    def test_an_explicit_plan_needs_no_organization(self) -> None:
        limits = resolve_limits(QuotaSettings(plan=PlanName.FREE), None)

        assert (limits.plan, limits.calls_in_flight, limits.heavy_in_flight) == (PlanName.FREE, 5, 5)

    def test_every_number_can_be_set(self) -> None:
        settings = QuotaSettings(calls_per_minute=60, calls_per_day=7_000, credits_per_day=900, calls_in_flight=3)

        limits = resolve_limits(settings, organization())

        assert (limits.calls_per_minute, limits.calls_per_day, limits.credits_per_day) == (60, 7_000, 900)
        assert (limits.calls_in_flight, limits.heavy_in_flight, limits.credits_set_by_user) == (3, 3, True)

    def test_the_reserve_lowers_every_limit(self) -> None:
        limits = resolve_limits(QuotaSettings(reserve=0.3, credits_per_day=1_000), organization())

        assert (limits.calls_per_minute, limits.calls_per_day, limits.credits_per_day) == (350, 350_000, 700)
        assert (limits.calls_in_flight, limits.heavy_in_flight, limits.credits_reserve) == (14, 7, 0.3)

    def test_credits_follow_the_formula_minus_a_tenth_if_edition_and_licences_are_known(self) -> None:
        limits = resolve_limits(QuotaSettings(), organization(licences=10))

        assert (limits.credits_per_day, limits.credits_reserve, limits.credits_set_by_user) == (54_000, 0.1, False)

    def test_credits_are_unlimited_if_licences_are_unknown_or_the_limit_is_off(self) -> None:
        assert resolve_limits(QuotaSettings(), organization(licences=None)).credits_per_day is None
        assert resolve_limits(QuotaSettings(bound_credits=False), organization()).credits_per_day is None


class TestShares:
    """Max-min fair."""

    def test_a_small_demand_is_met_and_the_others_share_the_rest(self) -> None:
        assert max_min_shares(10.0, [1.0, math.inf, math.inf]) == [1.0, 4.5, 4.5]

    def test_the_unwanted_rest_is_spread(self) -> None:
        assert max_min_shares(10.0, [1.0, 3.0]) == [4.0, 6.0]

    @given(st.floats(0.1, 1e6), st.lists(st.one_of(st.just(math.inf), st.floats(0.0, 1e6)), min_size=1, max_size=12))
    def test_all_is_divided_and_no_demand_starves(self, total: float, wants: list[float]) -> None:
        shares = max_min_shares(total, wants)

        assert sum(shares) == pytest.approx(total)
        equal = total / len(wants)
        assert all(got >= min(want, equal) * (1 - 1e-9) for got, want in zip(shares, wants, strict=True))

    @given(st.integers(1, 30), st.lists(st.integers(0, 30), min_size=1, max_size=12), st.integers(0, 100))
    def test_all_indivisible_units_are_divided(self, total: int, wants: list[int], turn: int) -> None:
        shares = max_min_integer_shares(total, wants, turn=turn)

        assert sum(shares) == total
        assert min(shares) >= 0

    def test_with_fewer_units_than_processes_each_has_a_turn(self) -> None:
        turns = [max_min_integer_shares(2, [5, 5, 5], turn=turn) for turn in range(3)]

        assert [sum(units) for units in zip(*turns, strict=True)] == [2, 2, 2]


class TestBindingLimit:
    """N x 60/(60 + L), calls in flight / L, heavy calls / L."""

    def test_calls_per_minute_bind_fast_calls(self) -> None:
        found = binding_limit(UsableCapacity(minutes=60.0, in_flight=600.0, heavy=600.0), latency_s=0.1, heavy_share=1.0)

        assert found.kind is LimitKind.MINUTE
        assert found.calls == pytest.approx(60.0 * 60.0 / 60.1)

    def test_heavy_calls_in_flight_bind_slow_heavy_calls(self) -> None:
        found = binding_limit(UsableCapacity(minutes=500.0, in_flight=1_200.0, heavy=600.0), latency_s=2.0, heavy_share=1.0)

        assert (found.kind, found.calls) == (LimitKind.HEAVY, 300.0)

    def test_calls_in_flight_bind_slow_light_calls(self) -> None:
        found = binding_limit(UsableCapacity(minutes=1_000.0, in_flight=1_200.0, heavy=600.0), latency_s=2.0, heavy_share=0.0)

        assert (found.kind, found.calls) == (LimitKind.IN_FLIGHT, 600.0)


class TestThrottle:
    """Halve and pause, then recover."""

    def test_pauses_double_up_to_a_minute_without_a_success(self) -> None:
        throttle, now, pauses = AdaptiveThrottle(), 100.0, []
        for _ in range(8):
            throttle.slow_down(now, retry_after_s=None, jitter=1.0)
            pauses.append(throttle.paused_until - now)
            now = throttle.paused_until

        assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]

    def test_several_429s_within_a_pause_count_once(self) -> None:
        throttle = AdaptiveThrottle()
        for _ in range(10):
            throttle.slow_down(0.0, retry_after_s=None, jitter=1.0)

        assert (throttle.factor, throttle.paused_until) == (0.5, 1.0)

    def test_retry_after_sets_the_pause(self) -> None:
        throttle = AdaptiveThrottle()
        throttle.slow_down(0.0, retry_after_s=None, jitter=1.0)
        throttle.slow_down(0.5, retry_after_s=17.0, jitter=1.0)

        assert throttle.paused_until == 17.5

    def test_the_pace_recovers_with_seconds_of_successful_calls(self) -> None:
        throttle = AdaptiveThrottle()
        throttle.slow_down(0.0, retry_after_s=1.0, jitter=1.0)
        for second in range(1, 13):
            throttle.speed_up(float(second))

        assert throttle.factor == 1.0

    def test_a_success_within_the_pause_is_ignored(self) -> None:
        throttle = AdaptiveThrottle()
        throttle.slow_down(0.0, retry_after_s=5.0, jitter=1.0)
        throttle.speed_up(1.0)
        throttle.slow_down(5.0, retry_after_s=None, jitter=1.0)

        assert throttle.paused_until == 7.0  # the second pause, not the first again

    def test_many_429s_never_stop_all_calls(self) -> None:
        throttle = AdaptiveThrottle()
        for at in range(100):
            throttle.slow_down(at * 100.0, retry_after_s=None, jitter=0.0)

        assert throttle.factor == 1 / 64
