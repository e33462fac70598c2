"""Contract of every rate limiter, in virtual time and on a real event loop."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.settings import QuotaPolicy
from bulkzoho.domain.policy.rate_limits import QuotaLimits
from bulkzoho.errors import QuotaUsedUpError
from bulkzoho.interfaces import LimiterClosedError, RateLimiter
from bulkzoho.ratelimit.limiter import open_limiter
from bulkzoho.testing.limiter_simulation import limits
from bulkzoho.testing.virtual_time import VirtualTimeLoop, run_virtually

Opener = Callable[..., AbstractAsyncContextManager[RateLimiter]]
Scenario = Callable[[Opener], Awaitable[None]]
Runner = Callable[[Scenario], None]

LIGHT = CallCost()
HEAVY = CallCost(credits=10, heavy=True)


@pytest.fixture(params=["virtual time", "real loop"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Runner:
    """Return a function that runs a scenario and passes it an opener of limiters over one ledger."""

    def opener(wall: Callable[[], float]) -> Opener:
        def opened(
            organization_limits: QuotaLimits, *, name: str = "run", on_quota: QuotaPolicy = QuotaPolicy.WAIT
        ) -> AbstractAsyncContextManager[RateLimiter]:
            return open_limiter(
                tmp_path / "quota" / "org.db",
                org="org",
                limits=organization_limits,
                run=name,
                on_quota=on_quota,
                wall=wall,
                chance=random.Random(1),
            )

        return opened

    async def virtually(scenario: Scenario) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        await scenario(opener(loop.wall))

    async def really(scenario: Scenario) -> None:
        await scenario(opener(time.time))

    if request.param == "virtual time":
        return lambda scenario: run_virtually(virtually(scenario))
    return lambda scenario: asyncio.run(really(scenario))


def test_a_permit_is_granted_at_once_while_there_is_capacity(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        async with opened(limits()) as limiter:
            began = asyncio.get_running_loop().time()
            async with limiter.permit(HEAVY):
                assert limiter.status().calls_in_flight == 1

            assert asyncio.get_running_loop().time() - began < 0.5
            assert limiter.status().calls_in_flight == 0
            assert limiter.status().calls_last_day == 1

    run(scenario)


def test_calls_are_spread_over_the_minute(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        loop = asyncio.get_running_loop()
        left = []
        async with opened(limits(minute=600)) as limiter:
            for _ in range(15):
                async with limiter.permit(LIGHT):
                    left.append(loop.time())

        # five at once, then 10.2 a second
        assert left[4] - left[0] < 0.3
        assert 0.8 < left[14] - left[0] < 2.5

    run(scenario)


def test_no_more_calls_are_in_flight_than_allowed(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        in_flight_now, most = 0, 0
        async with opened(limits(minute=6_000, in_flight=4, heavy=2)) as limiter, asyncio.TaskGroup() as group:

            async def call(cost: CallCost) -> None:
                nonlocal in_flight_now, most
                async with limiter.permit(cost):
                    in_flight_now += 1
                    most = max(most, in_flight_now)
                    await asyncio.sleep(0.05)
                    in_flight_now -= 1

            for cost in [HEAVY, LIGHT] * 10:
                group.create_task(call(cost))

        assert most == 4

    run(scenario)


def test_a_closed_limiter_grants_no_permits_and_lets_calls_in_flight_end(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        async with opened(limits(in_flight=1)) as limiter, limiter.permit(LIGHT):
            waiting = [asyncio.create_task(_call(limiter)) for _ in range(3)]
            await asyncio.sleep(0.05)
            limiter.close()
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            with pytest.raises(LimiterClosedError):
                await _call(limiter)

        assert [type(error) for error in ended] == [LimiterClosedError] * 3

    run(scenario)


def test_a_cancelled_wait_leaks_nothing(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        async with opened(limits(in_flight=1)) as limiter:
            async with limiter.permit(LIGHT):
                waiting = [asyncio.create_task(_call(limiter)) for _ in range(5)]
                await asyncio.sleep(0.05)
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
            await asyncio.wait_for(_call(limiter), 10.0)

            assert limiter.status().calls_last_day == 2

    run(scenario)


def test_a_used_up_day_ends_a_run_with_the_stop_policy(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        async with opened(limits(minute=6_000, day=3), on_quota=QuotaPolicy.STOP) as limiter:
            for _ in range(3):
                await _call(limiter)
            with pytest.raises(QuotaUsedUpError):
                await _call(limiter)

    run(scenario)


def test_the_next_run_counts_the_calls_of_the_last_one(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        async with opened(limits(day=10), name="first") as limiter:
            for _ in range(3):
                await _call(limiter)
        async with opened(limits(day=10), name="second") as limiter:
            await _call(limiter)

            assert limiter.status().calls_last_day == 4

    run(scenario)


def test_a_429_pauses_all_callers(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        loop = asyncio.get_running_loop()
        async with opened(limits()) as limiter:
            await _call(limiter)
            limiter.report_rate_limit(retry_after_s=1.0, credits_remaining=None)
            began = loop.time()
            await asyncio.gather(_call(limiter), _call(limiter))

            assert 0.99 <= loop.time() - began < 5.0

    run(scenario)


async def _call(limiter: RateLimiter) -> None:
    async with limiter.permit(LIGHT):
        await asyncio.sleep(0)
