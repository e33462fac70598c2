"""A 429 slows all senders of all processes at once, and the pace recovers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bulkzoho.testing.limiter_simulation import LimiterSimulation, limits
from bulkzoho.testing.virtual_time import EPOCH, run_virtually


def test_all_senders_obey_retry_after_to_the_second(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path, latency_s=0.0)
        async with simulation.open("a", limits(minute=600)) as limiter, asyncio.TaskGroup() as group:
            group.create_task(simulation.work(limiter, until=60.0, senders=8))
            await asyncio.sleep(10.0)
            limiter.report_rate_limit(retry_after_s=17.0, credits_remaining=None)
            await asyncio.sleep(5.0)
            status = limiter.status()

        assert simulation.count(10.001, 27.0) == 0
        assert simulation.count(27.0, 28.0) > 0
        assert status.waiting_for == "the pause after HTTP 429"
        assert status.waiting_until == pytest.approx(EPOCH + 27.0, abs=0.01)

    run_virtually(scenario())


def test_the_other_processes_pause_as_well(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path, latency_s=0.0)
        shared = limits(minute=600)
        async with simulation.open("a", shared) as first, simulation.open("b", shared) as second, asyncio.TaskGroup() as group:
            group.create_task(simulation.work(first, "a", until=60.0))
            group.create_task(simulation.work(second, "b", until=60.0))
            await asyncio.sleep(10.0)
            first.report_rate_limit(retry_after_s=20.0, credits_remaining=None)

        assert simulation.count(11.2, 30.0) == 0  # b reports once a second

    run_virtually(scenario())


def test_pauses_grow_while_429s_continue_and_the_pace_recovers(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path, latency_s=0.1)
        simulation.is_rejecting = lambda now: 60.0 <= now < 90.0
        async with simulation.open("a", limits(minute=600)) as limiter:
            await simulation.work(limiter, until=300.0, senders=8)

        assert simulation.rate_limited <= 6 * 8
        assert simulation.count(150.0, 160.0) >= 0.9 * 100
        assert simulation.count(180.0, 300.0) >= 0.96 * 1_200

    run_virtually(scenario())


def test_the_pace_adapts_to_a_service_with_lower_limits(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path, latency_s=0.1)

        def exceeds_its_own_limit(now: float) -> bool:
            return simulation.count(now - 10.0, now + 1.0) > 20

        simulation.is_rejecting = exceeds_its_own_limit
        async with simulation.open("a", limits(minute=600)) as limiter:
            await simulation.work(limiter, until=600.0, senders=8)

        good = len(simulation.arrivals) - simulation.rate_limited
        assert good >= 0.4 * 600.0 * 2.0
        assert simulation.rate_limited <= 0.5 * good

    run_virtually(scenario())
