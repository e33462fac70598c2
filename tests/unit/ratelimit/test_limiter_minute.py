"""The minute: never more than N arrivals in any 60 s, and hardly fewer, over restarts, deaths and any number of processes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bulkzoho.ratelimit.limiter import SharedRateLimiter
from bulkzoho.testing.limiter_simulation import LimiterSimulation, limits
from bulkzoho.testing.virtual_time import EPOCH, run_virtually


def test_sixty_calls_a_minute_are_used_from_the_first_minute_on_and_never_passed(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("a", limits(minute=60)) as quota:
            await desk.work(quota, until=150.0)

        start = desk.arrivals[0][0]
        assert desk.most_in() <= 60
        assert [desk.count(start + 60.0 * minute, start + 60.0 * minute + 60.0) >= 57 for minute in range(2)] == [True, True]

    run_virtually(scenario())


@pytest.mark.parametrize("latency_s", [0.0, 0.5, 3.0])
def test_ninety_eight_percent_of_what_latency_allows_are_used(tmp_path: Path, latency_s: float) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path, latency_s=latency_s)
        async with desk.open("a", limits(minute=120, in_flight=20)) as quota:
            await desk.work(quota, until=600.0, senders=20)

            assert quota.status().used_share >= 0.98
        assert desk.most_in() <= 120
        assert desk.count(0.0, 600.0) >= 0.98 * 600.0 * 120 / (60.0 + latency_s)

    run_virtually(scenario())


def test_a_run_right_after_another_knows_of_its_last_minute(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        for run in range(6):
            async with desk.open(f"run {run}", limits(minute=60)) as quota:
                await desk.work(quota, until=desk.loop.time() + 25.0)

        assert desk.most_in() <= 60
        assert desk.count(0.0, 150.0) >= 0.95 * 150

    run_virtually(scenario())


def test_processes_share_the_minute_evenly(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            for name in "abcd":
                quota = await stack.enter_async_context(desk.open(name, limits(minute=240, in_flight=16)))
                group.create_task(desk.work(quota, name, until=300.0))

        each = [desk.count(0.0, 300.0, name) for name in "abcd"]
        assert desk.most_in() <= 240
        assert sum(each) >= 0.98 * 5 * 240
        assert min(each) >= 0.9 * max(each)

    run_virtually(scenario())


def test_a_process_that_joins_has_its_share_within_seconds(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)

        async def join() -> None:
            await asyncio.sleep(90.0)
            async with desk.open("b", limits(minute=120)) as quota:
                await desk.work(quota, "b", until=180.0)

        async with desk.open("a", limits(minute=120)) as quota, asyncio.TaskGroup() as group:
            group.create_task(desk.work(quota, "a", until=180.0))
            group.create_task(join())

        assert desk.most_in() <= 120
        assert desk.count(90.0, 100.0, "b") >= 5
        assert desk.count(120.0, 180.0, "b") >= 0.45 * 120
        assert desk.count(120.0, 180.0) >= 0.96 * 120

    run_virtually(scenario())


def test_the_share_of_a_killed_process_is_taken_over_within_ten_seconds(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("b", limits(minute=120)) as living, asyncio.TaskGroup() as group:
            dying = desk.open("a", limits(minute=120))
            killed = await dying.__aenter__()
            assert isinstance(killed, SharedRateLimiter)
            sending = asyncio.create_task(desk.work(killed, "a", until=300.0))
            group.create_task(desk.work(living, "b", until=240.0))
            await asyncio.sleep(90.0)
            sending.cancel()
            killed._lease.stop()  # what it held stays in the ledger, as after kill -9

        assert desk.most_in() <= 120
        assert desk.count(100.0, 110.0, "b") >= 0.8 * 20
        assert desk.count(100.0, 220.0) >= 0.96 * 240

    run_virtually(scenario())


def test_the_minute_holds_when_the_wall_clock_is_set(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        set_by = 0.0
        desk.wall = lambda: EPOCH + desk.loop.time() + set_by
        async with desk.open("a", limits(minute=60)) as quota, asyncio.TaskGroup() as group:
            group.create_task(desk.work(quota, until=400.0))
            for step in (55.0, -3_600.0, 7_200.0, -20.0):
                await asyncio.sleep(70.0)
                set_by += step

        assert desk.most_in() <= 60
        assert desk.count(0.0, 400.0) >= 0.9 * 400

    run_virtually(scenario())


def test_a_minute_that_is_full_is_told_with_its_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("a", limits(minute=5)) as quota, asyncio.TaskGroup() as group:
            group.create_task(desk.work(quota, until=70.0, senders=1))
            await asyncio.sleep(55.0)

            status = quota.status()
            assert (status.waiting_for, status.calls_last_minute) == ("calls a minute", 5)
            assert status.waiting_until == pytest.approx(EPOCH + 60.0, abs=2.0)

    run_virtually(scenario())


def test_a_process_without_work_leaves_the_ledger_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("a", limits()) as quota:
            await desk.call(quota)
            await asyncio.sleep(10.0)
            before = (desk.path.parent / "org.db-wal").stat().st_mtime_ns
            await asyncio.sleep(1_000.0)

            assert (desk.path.parent / "org.db-wal").stat().st_mtime_ns == before
            assert quota.status().calls_last_day == 1

    run_virtually(scenario())
