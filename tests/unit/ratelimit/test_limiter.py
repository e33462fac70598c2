"""Permits: order, limits, cancellation, closing and errors."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.errors import JournalError
from bulkzoho.interfaces import LimiterClosedError
from bulkzoho.ratelimit.limiter import SharedRateLimiter
from bulkzoho.testing.limiter_simulation import LimiterSimulation, limits
from bulkzoho.testing.virtual_time import run_virtually

HEAVY = CallCost(credits=10, heavy=True)
LIGHT = CallCost()


def test_calls_in_flight_and_heavy_calls_are_bounded(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path, latency_s=3.0)
        async with simulation.open("a", limits(minute=6_000, in_flight=5, heavy=2)) as limiter, asyncio.TaskGroup() as group:
            group.create_task(simulation.work(limiter, "heavy", until=60.0, senders=10, cost=HEAVY))
            await asyncio.sleep(30.0)
            assert simulation.max_in_flight == 2
            assert limiter.status().bound == "heavy calls in flight"
            group.create_task(simulation.work(limiter, "light", until=60.0, senders=10))

        assert simulation.max_in_flight == 5
        assert simulation.count(30.0, 60.0, "light") > simulation.count(30.0, 60.0, "heavy") > 0

    run_virtually(scenario())


def test_calls_of_one_kind_leave_in_arrival_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path, latency_s=0.0)
        left: list[int] = []
        async with simulation.open("a", limits()) as limiter, asyncio.TaskGroup() as group:

            async def call(number: int) -> None:
                async with limiter.permit(LIGHT):
                    left.append(number)

            for number in range(40):
                group.create_task(call(number))

        assert left == list(range(40))

    run_virtually(scenario())


@pytest.mark.parametrize("after_s", [0.05, 0.9, 3.0, 30.0])
@pytest.mark.parametrize("cost", [LIGHT, HEAVY])
def test_a_cancelled_wait_leaks_no_capacity(tmp_path: Path, after_s: float, cost: CallCost) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path, latency_s=1.0)
        async with simulation.open("a", limits(minute=30, in_flight=2, heavy=2)) as limiter:
            impatient = [asyncio.create_task(simulation.call(limiter, "impatient", cost)) for _ in range(50)]
            await asyncio.sleep(after_s)
            for task in impatient:
                task.cancel()
            await asyncio.gather(*impatient, return_exceptions=True)
            assert limiter.status().calls_in_flight == 0

            began = simulation.loop.time()
            await simulation.work(limiter, "patient", until=began + 360.0, cost=cost)
            assert simulation.count(began + 60.0, began + 360.0) >= 0.97 * 300.0 * 30 / 61.0
        assert simulation.max_arrivals() <= 30

    run_virtually(scenario())


def test_a_failed_call_counts_like_any_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("a", limits(minute=5)) as limiter:
            for _ in range(5):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.5), limiter.permit(LIGHT):
                        await asyncio.sleep(120.0)
            began = simulation.loop.time()
            await simulation.call(limiter)

            assert simulation.loop.time() - began >= 55.0
            assert limiter.status().calls_last_day == 6

    run_virtually(scenario())


def test_closing_wakes_all_waiters_and_lets_calls_in_flight_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path, latency_s=10.0)
        async with simulation.open("a", limits(in_flight=3)) as limiter:
            calls = [asyncio.create_task(simulation.call(limiter, cost=cost)) for cost in [LIGHT, HEAVY] * 20]
            await asyncio.sleep(4.0)
            limiter.close()
            await asyncio.sleep(0.01)
            ended = [call for call in calls if call.done()]
            assert len(ended) == 37
            assert all(isinstance(call.exception(), LimiterClosedError) for call in ended)

            await asyncio.gather(*calls, return_exceptions=True)
            assert sum(call.exception() is None for call in calls) == 3
            with pytest.raises(LimiterClosedError):
                await simulation.call(limiter)

    run_virtually(scenario())


def test_closing_wakes_waiters_of_the_pacer(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path, latency_s=0.0)
        async with simulation.open("a", limits(minute=6)) as limiter:
            calls = [asyncio.create_task(simulation.call(limiter)) for _ in range(6)]
            await asyncio.sleep(2.0)
            limiter.close()
            limiter.close()
            await asyncio.sleep(0.01)

            assert all(call.done() for call in calls)
            await asyncio.gather(*calls, return_exceptions=True)

    run_virtually(scenario())


def test_a_ledger_that_becomes_read_only_ends_the_calls_with_a_hint(tmp_path: Path) -> None:
    async def scenario() -> None:
        simulation = LimiterSimulation(tmp_path)
        async with simulation.open("a", limits()) as limiter:
            await simulation.call(limiter)
            assert isinstance(limiter, SharedRateLimiter)
            limiter._lease._ledger._connection.execute("PRAGMA query_only = ON")  # like a disk that became read-only
            with pytest.raises(ExceptionGroup) as raised:
                await simulation.work(limiter, until=100.0, senders=2)

        first = raised.value.exceptions[0]
        assert isinstance(first, JournalError)
        assert str(simulation.path) in first.message
        assert "BULKZOHO_HOME" in first.hint

    run_virtually(scenario())


def test_the_latency_decides_which_limit_binds(tmp_path: Path) -> None:
    async def scenario() -> None:
        bounds = []
        for latency_s in (0.05, 5.0):
            simulation = LimiterSimulation(tmp_path / str(latency_s), latency_s=latency_s)
            async with simulation.open("a", limits(minute=500, in_flight=20)) as limiter:
                await simulation.work(limiter, until=simulation.loop.time() + 300.0, senders=25)
                status = limiter.status()
            assert status.used_share >= 0.98
            bounds.append(status.bound)

        assert bounds == ["calls a minute", "calls in flight"]

    run_virtually(scenario())
