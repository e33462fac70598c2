"""The day: calls and credits of any 24 hours, remembered, waited for or ended with, and corrected by the service."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bulkzoho.domain.model.edition_limits import CallCost
from bulkzoho.domain.model.settings import QuotaPolicy
from bulkzoho.errors import ExitCode, QuotaUsedUpError
from bulkzoho.interfaces import LimiterClosedError
from bulkzoho.testing.limiter_simulation import LimiterSimulation, limits
from bulkzoho.testing.virtual_time import EPOCH, run_virtually

HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S
WRITE = CallCost(credits=10)


def test_no_24_hours_see_more_calls_than_the_day_allows_and_hardly_fewer(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("a", limits(minute=60, day=300)) as quota:
            await desk.work(quota, until=3 * DAY_S)

        assert desk.most_in(DAY_S) <= 300
        assert desk.count(0.0, 2.99 * DAY_S) >= 0.98 * 900

    run_virtually(scenario())


def test_a_run_at_ten_knows_what_a_run_at_two_has_spent(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("at two", limits(day=100)) as quota:
            for _ in range(70):
                await desk.call(quota)
        await asyncio.sleep(8 * HOUR_S)

        async with desk.open("at ten", limits(day=100), on_quota=QuotaPolicy.STOP) as quota:
            for _ in range(30):
                await desk.call(quota)
            with pytest.raises(QuotaUsedUpError) as raised:
                await desk.call(quota)

        assert raised.value.exit_code is ExitCode.QUOTA
        assert "calls a day are used up (100 in any 24 hours)" in raised.value.message
        assert "--on-quota wait" in raised.value.hint

    run_virtually(scenario())


def test_who_waits_for_the_day_says_until_when_and_is_woken_by_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("a", limits(day=30)) as quota:
            working = asyncio.create_task(desk.work(quota, until=2 * HOUR_S))
            await asyncio.sleep(HOUR_S)

            status = quota.status()
            quota.close()
            with pytest.raises(ExceptionGroup) as raised:
                await working

        assert (status.waiting_for, status.calls_last_day, status.used_share) == ("calls a day", 30, 1.0)
        assert status.waiting_until == pytest.approx(EPOCH + DAY_S + 60.0, abs=60.0)
        assert raised.group_contains(LimiterClosedError)

    run_virtually(scenario())


def test_a_wait_survives_the_sleep_of_a_laptop(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        slept = 0.0
        desk.wall = lambda: EPOCH + desk.loop.time() + slept
        async with desk.open("a", limits(minute=600, day=30)) as quota, asyncio.TaskGroup() as group:
            group.create_task(desk.work(quota, until=HOUR_S))
            await asyncio.sleep(HOUR_S / 2)
            assert len(desk.arrivals) == 30
            slept = DAY_S  # monotonic time stood still
            await asyncio.sleep(31.0)

            assert len(desk.arrivals) >= 35

    run_virtually(scenario())


def test_credits_bind_when_there_is_a_limit_to_them(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("a", limits(credits_per_day=500, credits_told=True)) as quota:
            await desk.work(quota, until=2 * DAY_S, price=WRITE)

        assert desk.most_in(DAY_S) == 50
        assert desk.count(0.0, 2 * DAY_S) >= 0.98 * 100

    run_virtually(scenario())


def test_a_dear_call_waits_only_until_its_credits_are_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("a", limits(credits_per_day=1_000)) as quota:
            for _ in range(3):
                await desk.call(quota)
            began = desk.loop.time()
            await desk.call(quota, price=CallCost(credits=500))

            assert desk.loop.time() - began <= 2.0
            assert quota.status().credits_last_day == 503

    run_virtually(scenario())


def test_the_service_knows_better_how_many_credits_are_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("a", limits(credits_per_day=10_000), on_quota=QuotaPolicy.STOP) as quota:
            await desk.call(quota, price=WRITE)
            quota.answered(credits_remaining=50)  # somebody else has used up the rest
            with pytest.raises(ExceptionGroup) as raised:
                await desk.work(quota, until=100.0, senders=1, price=WRITE)

        assert raised.group_contains(QuotaUsedUpError)
        assert len(desk.arrivals) <= 1 + 5 + 2  # two that left before the ledger was told

    run_virtually(scenario())


def test_the_service_cannot_raise_a_limit_that_the_user_set(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        told = limits(minute=600, credits_per_day=100, credits_told=True)
        async with desk.open("a", told, on_quota=QuotaPolicy.STOP) as quota:
            for _ in range(5):
                await desk.call(quota, price=WRITE)
                quota.answered(credits_remaining=1_000_000)
            await asyncio.sleep(2.0)
            for _ in range(5):
                await desk.call(quota, price=WRITE)
            with pytest.raises(QuotaUsedUpError):
                await desk.call(quota, price=WRITE)

    run_virtually(scenario())


def test_a_429_with_hardly_a_credit_left_is_the_end_of_the_day(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("a", limits(), on_quota=QuotaPolicy.STOP) as quota:
            async with quota.permit(WRITE):
                pass
            quota.throttled(retry_after_s=None, credits_remaining=8)
            with pytest.raises(QuotaUsedUpError) as raised:
                await desk.call(quota, price=WRITE)

        assert "credits a day are used up" in raised.value.message

    run_virtually(scenario())


def test_who_waits_after_such_a_429_asks_seldom(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("a", limits()) as quota, asyncio.TaskGroup() as group:

            async def insist() -> None:
                while desk.loop.time() < 6 * HOUR_S:
                    async with quota.permit(WRITE):
                        desk.arrivals.append((desk.loop.time(), ""))
                    quota.throttled(retry_after_s=None, credits_remaining=0)

            for _ in range(10):
                group.create_task(insist())

        assert len(desk.arrivals) <= 6 * 4 * 10 + 20  # at most each sender once a quarter of an hour

    run_virtually(scenario())
