"""Calls per minute: at most N arrivals in any 60 s, nearly all used, over restarts, crashes and several processes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bulkzoho.ratelimit.limiter import SharedRateLimiter
from bulkzoho.testing.limiter_simulation import LimiterSimulation, limits
from bulkzoho.testing.virtual_time import EPOCH, run_virtually


def test_sixty_calls_a_minute_are_used_from_the_first_minute_and_never_exceeded(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("a", limits(minute=60)) as limiter:
            await simulation.work(limiter, until=150.0)

        start = simulation.arrivals[0][0]
        assert simulation.max_arrivals() <= 60
        assert [simulation.count(start + 60.0 * minute, start + 60.0 * minute + 60.0) >= 57 for minute in range(2)] == [
            True,
            True,
        ]

    run_virtually(scenario())


@pytest.mark.parametrize("latency_s", [0.0, 0.5, 3.0])
def test_98_percent_of_the_calls_that_latency_allows_are_used(tmp_path: Path, latency_s: float) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path, latency_s=latency_s)
        async with simulation.open("a", limits(minute=120, in_flight=20)) as limiter:
            await simulation.work(limiter, until=600.0, senders=20)

            assert limiter.status().used_share >= 0.98
        assert simulation.max_arrivals() <= 120
        assert simulation.count(0.0, 600.0) >= 0.98 * 600.0 * 120 / (60.0 + latency_s)

    run_virtually(scenario())


def test_a_run_right_after_another_counts_its_last_minute(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        for run in range(6):
            async with simulation.open(f"run {run}", limits(minute=60)) as limiter:
                await simulation.work(limiter, until=simulation.loop.time() + 25.0)

        assert simulation.max_arrivals() <= 60
        assert simulation.count(0.0, 150.0) >= 0.95 * 150

    run_virtually(scenario())


def test_processes_share_the_minute_evenly(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            for name in "abcd":
                limiter = await stack.enter_async_context(simulation.open(name, limits(minute=240, in_flight=16)))
                group.create_task(simulation.work(limiter, name, until=300.0))

        each = [simulation.count(0.0, 300.0, name) for name in "abcd"]
        assert simulation.max_arrivals() <= 240
        assert sum(each) >= 0.98 * 5 * 240
        assert min(each) >= 0.9 * max(each)

    run_virtually(scenario())


def test_a_new_process_gets_its_share_within_seconds(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)

        async def join() -> None:
            await asyncio.sleep(90.0)
            async with simulation.open("b", limits(minute=120)) as limiter:
                await simulation.work(limiter, "b", until=180.0)

        async with simulation.open("a", limits(minute=120)) as limiter, asyncio.TaskGroup() as group:
            group.create_task(simulation.work(limiter, "a", until=180.0))
            group.create_task(join())

        assert simulation.max_arrivals() <= 120
        assert simulation.count(90.0, 100.0, "b") >= 5
        assert simulation.count(120.0, 180.0, "b") >= 0.45 * 120
        assert simulation.count(120.0, 180.0) >= 0.96 * 120

    run_virtually(scenario())


def test_the_share_of_a_killed_process_is_reused_within_ten_seconds(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("b", limits(minute=120)) as survivor, asyncio.TaskGroup() as group:
            victim = simulation.open("a", limits(minute=120))
            killed = await victim.__aenter__()
            assert isinstance(killed, SharedRateLimiter)
            sending = asyncio.create_task(simulation.work(killed, "a", until=300.0))
            group.create_task(simulation.work(survivor, "b", until=240.0))
            await asyncio.sleep(90.0)
            sending.cancel()
            killed._lease.stop()  # its tokens stay in the ledger, as after kill -9

        assert simulation.max_arrivals() <= 120
        assert simulation.count(100.0, 110.0, "b") >= 0.8 * 20
        assert simulation.count(100.0, 220.0) >= 0.96 * 240

    run_virtually(scenario())


def test_the_limit_per_minute_holds_when_the_wall_clock_is_set(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        set_by = 0.0
        simulation.wall = lambda: EPOCH + simulation.loop.time() + set_by
        async with simulation.open("a", limits(minute=60)) as limiter, asyncio.TaskGroup() as group:
            group.create_task(simulation.work(limiter, until=400.0))
            for step in (55.0, -3_600.0, 7_200.0, -20.0):
                await asyncio.sleep(70.0)
                set_by += step

        assert simulation.max_arrivals() <= 60
        assert simulation.count(0.0, 400.0) >= 0.9 * 400

    run_virtually(scenario())


def test_the_status_shows_the_end_of_a_wait_for_the_minute(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("a", limits(minute=5)) as limiter, asyncio.TaskGroup() as group:
            group.create_task(simulation.work(limiter, until=70.0, senders=1))
            await asyncio.sleep(55.0)

            status = limiter.status()
            assert (status.waiting_for, status.calls_last_minute) == ("calls a minute", 5)
            assert status.waiting_until == pytest.approx(EPOCH + 60.0, abs=2.0)

    run_virtually(scenario())


def test_an_idle_process_does_not_write_the_ledger(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("a", limits()) as limiter:
            await simulation.call(limiter)
            await asyncio.sleep(10.0)
            before = (simulation.path.parent / "org.db-wal").stat().st_mtime_ns
            await asyncio.sleep(1_000.0)

            assert (simulation.path.parent / "org.db-wal").stat().st_mtime_ns == before
            assert limiter.status().calls_last_day == 1

    run_virtually(scenario())
