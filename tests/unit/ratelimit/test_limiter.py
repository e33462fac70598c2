"""One permit: who waits for what, who comes first, and that nothing leaks however it is left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bulkzoho.domain.model.edition_limits import CallCost
from bulkzoho.errors import JournalError
from bulkzoho.interfaces import LimiterClosedError
from bulkzoho.ratelimit.limiter import SharedRateLimiter
from bulkzoho.testing.limiter_simulation import LimiterSimulation, limits
from bulkzoho.testing.virtual_time import run_virtually

HEAVY = CallCost(credits=10, heavy=True)
LIGHT = CallCost()


def test_calls_in_flight_and_heavy_calls_are_bounded(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path, latency_s=3.0)
        async with desk.open("a", limits(minute=6_000, in_flight=5, heavy=2)) as quota, asyncio.TaskGroup() as group:
            group.create_task(desk.work(quota, "heavy", until=60.0, senders=10, price=HEAVY))
            await asyncio.sleep(30.0)
            assert desk.most_in_flight == 2
            assert quota.status().bound == "heavy calls in flight"
            group.create_task(desk.work(quota, "light", until=60.0, senders=10))

        assert desk.most_in_flight == 5
        assert desk.count(30.0, 60.0, "light") > desk.count(30.0, 60.0, "heavy") > 0

    run_virtually(scenario())


def test_calls_of_one_kind_leave_in_the_order_they_came(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path, latency_s=0.0)
        left: list[int] = []
        async with desk.open("a", limits()) as quota, asyncio.TaskGroup() as group:

            async def call(number: int) -> None:
                async with quota.permit(LIGHT):
                    left.append(number)

            for number in range(40):
                group.create_task(call(number))

        assert left == list(range(40))

    run_virtually(scenario())


@pytest.mark.parametrize("after_s", [0.05, 0.9, 3.0, 30.0])
@pytest.mark.parametrize("price", [LIGHT, HEAVY])
def test_whoever_is_cancelled_while_waiting_takes_nothing_along(tmp_path: Path, after_s: float, price: CallCost) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path, latency_s=1.0)
        of = limits(minute=30, in_flight=2, heavy=2)
        async with desk.open("a", of) as quota:
            impatient = [asyncio.create_task(desk.call(quota, "impatient", price)) for _ in range(50)]
            await asyncio.sleep(after_s)
            for one in impatient:
                one.cancel()
            await asyncio.gather(*impatient, return_exceptions=True)
            assert quota.status().calls_in_flight == 0

            began = desk.loop.time()
            await desk.work(quota, "patient", until=began + 360.0, price=price)
            assert desk.count(began + 60.0, began + 360.0) >= 0.97 * 300.0 * 30 / 61.0
        assert desk.most_in() <= 30

    run_virtually(scenario())


def test_a_call_that_fails_counts_like_any_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("a", limits(minute=5)) as quota:
            for _ in range(5):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.5), quota.permit(LIGHT):
                        await asyncio.sleep(120.0)
            began = desk.loop.time()
            await desk.call(quota)

            assert desk.loop.time() - began >= 55.0
            assert quota.status().calls_last_day == 6

    run_virtually(scenario())


def test_closing_wakes_all_that_wait_and_lets_calls_in_flight_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path, latency_s=10.0)
        async with desk.open("a", limits(in_flight=3)) as quota:
            calls = [asyncio.create_task(desk.call(quota, price=price)) for price in [LIGHT, HEAVY] * 20]
            await asyncio.sleep(4.0)
            quota.close()
            await asyncio.sleep(0.01)
            ended = [call for call in calls if call.done()]
            assert len(ended) == 37
            assert all(isinstance(call.exception(), LimiterClosedError) for call in ended)

            await asyncio.gather(*calls, return_exceptions=True)
            assert sum(call.exception() is None for call in calls) == 3
            with pytest.raises(LimiterClosedError):
                await desk.call(quota)

    run_virtually(scenario())


def test_closing_wakes_who_waits_for_the_pace(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path, latency_s=0.0)
        async with desk.open("a", limits(minute=6)) as quota:
            calls = [asyncio.create_task(desk.call(quota)) for _ in range(6)]
            await asyncio.sleep(2.0)
            quota.close()
            quota.close()
            await asyncio.sleep(0.01)

            assert all(call.done() for call in calls)
            await asyncio.gather(*calls, return_exceptions=True)

    run_virtually(scenario())


def test_a_ledger_that_cannot_be_written_any_more_ends_the_calls_with_a_remedy(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = LimiterSimulation(tmp_path)
        async with desk.open("a", limits()) as quota:
            await desk.call(quota)
            assert isinstance(quota, SharedRateLimiter)
            quota._lease._ledger._connection.execute("PRAGMA query_only = ON")  # as a disk that has gone read-only
            with pytest.raises(ExceptionGroup) as raised:
                await desk.work(quota, until=100.0, senders=2)

        first = raised.value.exceptions[0]
        assert isinstance(first, JournalError)
        assert str(desk.path) in first.message
        assert "BULKZOHO_HOME" in first.hint

    run_virtually(scenario())


def test_latency_names_the_bound(tmp_path: Path) -> None:
    async def scenario() -> None:
        bounds = []
        for latency_s in (0.05, 5.0):
            desk = LimiterSimulation(tmp_path / str(latency_s), latency_s=latency_s)
            async with desk.open("a", limits(minute=500, in_flight=20)) as quota:
                await desk.work(quota, until=desk.loop.time() + 300.0, senders=25)
                status = quota.status()
            assert status.used_share >= 0.98
            bounds.append(status.bound)

        assert bounds == ["calls a minute", "calls in flight"]

    run_virtually(scenario())
