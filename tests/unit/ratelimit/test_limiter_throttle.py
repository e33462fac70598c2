"""A 429 slows every sender at once, in every process, and the pace comes back by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bulkzoho.testing.limiter_simulation import LimiterSimulation, limits
from bulkzoho.testing.virtual_time import EPOCH, run_virtually


def test_everybody_keeps_to_retry_after_to_the_second(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path, latency_s=0.0)
        async with desk.open("a", limits(minute=600)) as quota, asyncio.TaskGroup() as group:
            group.create_task(desk.work(quota, until=60.0, senders=8))
            await asyncio.sleep(10.0)
            quota.throttled(retry_after_s=17.0, credits_remaining=None)
            await asyncio.sleep(5.0)
            status = quota.status()

        assert desk.count(10.001, 27.0) == 0
        assert desk.count(27.0, 28.0) > 0
        assert status.waiting_for == "the service, which asked to slow down"
        assert status.waiting_until == pytest.approx(EPOCH + 27.0, abs=0.01)

    run_virtually(scenario())


def test_the_other_processes_pause_as_well(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path, latency_s=0.0)
        of = limits(minute=600)
        async with desk.open("a", of) as one, desk.open("b", of) as two, asyncio.TaskGroup() as group:
            group.create_task(desk.work(one, "a", until=60.0))
            group.create_task(desk.work(two, "b", until=60.0))
            await asyncio.sleep(10.0)
            one.throttled(retry_after_s=20.0, credits_remaining=None)

        assert desk.count(11.2, 30.0) == 0  # b reports once a second

    run_virtually(scenario())


def test_pauses_grow_while_the_service_refuses_and_the_pace_comes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path, latency_s=0.1)
        desk.refuses = lambda now: 60.0 <= now < 90.0
        async with desk.open("a", limits(minute=600)) as quota:
            await desk.work(quota, until=300.0, senders=8)

        assert desk.throttled <= 6 * 8
        assert desk.count(150.0, 160.0) >= 0.9 * 100
        assert desk.count(180.0, 300.0) >= 0.96 * 1_200

    run_virtually(scenario())


def test_a_service_that_allows_less_than_told_is_met_with_less(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path, latency_s=0.1)

        def is_over_its_own_limit(now: float) -> bool:
            return desk.count(now - 10.0, now + 1.0) > 20

        desk.refuses = is_over_its_own_limit
        async with desk.open("a", limits(minute=600)) as quota:
            await desk.work(quota, until=600.0, senders=8)

        good = len(desk.arrivals) - desk.throttled
        assert good >= 0.4 * 600.0 * 2.0
        assert desk.throttled <= 0.5 * good

    run_virtually(scenario())
