"""Daily limits: calls and credits of any 24 hours, across runs, with wait or stop, corrected by the service."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.settings import QuotaPolicy
from bulkzoho.errors import ExitCode, QuotaUsedUpError
from bulkzoho.interfaces import LimiterClosedError
from bulkzoho.testing.limiter_simulation import LimiterSimulation, limits
from bulkzoho.testing.virtual_time import EPOCH, run_virtually

HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S
WRITE = CallCost(credits=10)


def test_any_24_hours_have_at_most_the_daily_calls_and_use_98_percent(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("a", limits(minute=60, day=300)) as limiter:
            await simulation.work(limiter, until=3 * DAY_S)

        assert simulation.max_arrivals(DAY_S) <= 300
        assert simulation.count(0.0, 2.99 * DAY_S) >= 0.98 * 900

    run_virtually(scenario())


def test_a_later_run_counts_the_calls_of_an_earlier_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("at two", limits(day=100)) as limiter:
            for _ in range(70):
                await simulation.call(limiter)
        await asyncio.sleep(8 * HOUR_S)

        async with simulation.open("at ten", limits(day=100), on_quota=QuotaPolicy.STOP) as limiter:
            for _ in range(30):
                await simulation.call(limiter)
            with pytest.raises(QuotaUsedUpError) as raised:
                await simulation.call(limiter)

        assert raised.value.exit_code is ExitCode.QUOTA
        assert "calls a day are used up (100 in any 24 hours); more are available from " in raised.value.message
        assert "--on-quota wait" in raised.value.hint

    run_virtually(scenario())


def test_a_wait_for_the_day_has_an_end_and_closing_wakes_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("a", limits(day=30)) as limiter:
            working = asyncio.create_task(simulation.work(limiter, until=2 * HOUR_S))
            await asyncio.sleep(HOUR_S)

            status = limiter.status()
            limiter.close()
            with pytest.raises(ExceptionGroup) as raised:
                await working

        assert (status.waiting_for, status.calls_last_day, status.used_share) == ("calls a day", 30, 1.0)
        assert status.waiting_until == pytest.approx(EPOCH + DAY_S + 60.0, abs=60.0)
        assert raised.group_contains(LimiterClosedError)

    run_virtually(scenario())


def test_a_wait_survives_a_suspended_laptop(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        slept = 0.0
        simulation.wall = lambda: EPOCH + simulation.loop.time() + slept
        async with simulation.open("a", limits(minute=600, day=30)) as limiter, asyncio.TaskGroup() as group:
            group.create_task(simulation.work(limiter, until=HOUR_S))
            await asyncio.sleep(HOUR_S / 2)
            assert len(simulation.arrivals) == 30
            slept = DAY_S  # monotonic time stood still
            await asyncio.sleep(31.0)

            assert len(simulation.arrivals) >= 35

    run_virtually(scenario())


def test_credits_bind_if_they_are_limited(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("a", limits(credits_per_day=500, credits_set_by_user=True)) as limiter:
            await simulation.work(limiter, until=2 * DAY_S, cost=WRITE)

        assert simulation.max_arrivals(DAY_S) == 50
        assert simulation.count(0.0, 2 * DAY_S) >= 0.98 * 100

    run_virtually(scenario())


def test_an_expensive_call_waits_only_for_its_credits(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("a", limits(credits_per_day=1_000)) as limiter:
            for _ in range(3):
                await simulation.call(limiter)
            began = simulation.loop.time()
            await simulation.call(limiter, cost=CallCost(credits=500))

            assert simulation.loop.time() - began <= 2.0
            assert limiter.status().credits_last_day == 503

    run_virtually(scenario())


def test_the_services_figure_corrects_the_remaining_credits(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("a", limits(credits_per_day=10_000), on_quota=QuotaPolicy.STOP) as limiter:
            await simulation.call(limiter, cost=WRITE)
            limiter.report_success(credits_remaining=50)  # another client used up the rest
            with pytest.raises(ExceptionGroup) as raised:
                await simulation.work(limiter, until=100.0, senders=1, cost=WRITE)

        assert raised.group_contains(QuotaUsedUpError)
        assert len(simulation.arrivals) <= 1 + 5 + 2  # two left before the report to the ledger

    run_virtually(scenario())


def test_the_service_cannot_raise_a_limit_that_the_user_set(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        settings = limits(minute=600, credits_per_day=100, credits_set_by_user=True)
        async with simulation.open("a", settings, on_quota=QuotaPolicy.STOP) as limiter:
            for _ in range(5):
                await simulation.call(limiter, cost=WRITE)
                limiter.report_success(credits_remaining=1_000_000)
            await asyncio.sleep(2.0)
            for _ in range(5):
                await simulation.call(limiter, cost=WRITE)
            with pytest.raises(QuotaUsedUpError):
                await simulation.call(limiter, cost=WRITE)

    run_virtually(scenario())


def test_a_429_with_nearly_no_credits_left_ends_the_day(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("a", limits(), on_quota=QuotaPolicy.STOP) as limiter:
            async with limiter.permit(WRITE):
                pass
            limiter.report_rate_limit(retry_after_s=None, credits_remaining=8)
            with pytest.raises(QuotaUsedUpError) as raised:
                await simulation.call(limiter, cost=WRITE)

        assert "credits a day are used up" in raised.value.message

    run_virtually(scenario())


def test_a_wait_after_such_a_429_tries_rarely(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("a", limits()) as limiter, asyncio.TaskGroup() as group:

            async def insist() -> None:
                while simulation.loop.time() < 6 * HOUR_S:
                    async with limiter.permit(WRITE):
                        simulation.arrivals.append((simulation.loop.time(), ""))
                    limiter.report_rate_limit(retry_after_s=None, credits_remaining=0)

            for _ in range(10):
                group.create_task(insist())

        assert len(simulation.arrivals) <= 6 * 4 * 10 + 20  # each sender at most once in 15 minutes

    run_virtually(scenario())
