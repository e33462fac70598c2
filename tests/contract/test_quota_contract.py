"""What every quota promises its callers, in virtual time and on the real loop."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from bulkzoho.domain.model.edition_limits import CallCost
from bulkzoho.domain.model.settings import QuotaPolicy
from bulkzoho.domain.policy.rate_limits import QuotaLimits
from bulkzoho.errors import QuotaUsedUpError
from bulkzoho.interfaces import LimiterClosedError, RateLimiter
from bulkzoho.ratelimit.limiter import open_quota
from bulkzoho.testing.limiter_simulation import limits
from bulkzoho.testing.virtual_time import VirtualTimeLoop, run_virtually

Opener = Callable[..., AbstractAsyncContextManager[RateLimiter]]
Scenario = Callable[[Opener], Awaitable[None]]
Runner = Callable[[Scenario], None]

LIGHT = CallCost()
HEAVY = CallCost(credits=10, heavy=True)


@pytest.fixture(params=["virtual time", "real loop"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Runner:
    """Give a function that runs a scenario with a way to open quotas over one ledger."""

    def opener(wall: Callable[[], float]) -> Opener:
        def opened(
            of: QuotaLimits, *, name: str = "run", on_quota: QuotaPolicy = QuotaPolicy.WAIT
        ) -> AbstractAsyncContextManager[RateLimiter]:
            return open_quota(
                tmp_path / "quota" / "org.db",
                org="org",
                limits=of,
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


def test_a_permit_is_given_at_once_while_there_is_room(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        async with opened(limits()) as quota:
            began = asyncio.get_running_loop().time()
            async with quota.permit(HEAVY):
                assert quota.status().calls_in_flight == 1

            assert asyncio.get_running_loop().time() - began < 0.5
            assert quota.status().calls_in_flight == 0
            assert quota.status().calls_last_day == 1

    run(scenario)


def test_calls_are_spread_over_the_minute(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        loop = asyncio.get_running_loop()
        left = []
        async with opened(limits(minute=600)) as quota:
            for _ in range(15):
                async with quota.permit(LIGHT):
                    left.append(loop.time())

        # five at once, then 10.2 a second
        assert left[4] - left[0] < 0.3
        assert 0.8 < left[14] - left[0] < 2.5

    run(scenario)


def test_no_more_calls_are_in_flight_than_allowed(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        flying, most = 0, 0
        async with opened(limits(minute=6_000, in_flight=4, heavy=2)) as quota, asyncio.TaskGroup() as group:

            async def call(price: CallCost) -> None:
                nonlocal flying, most
                async with quota.permit(price):
                    flying += 1
                    most = max(most, flying)
                    await asyncio.sleep(0.05)
                    flying -= 1

            for price in [HEAVY, LIGHT] * 10:
                group.create_task(call(price))

        assert most == 4

    run(scenario)


def test_closing_gives_no_more_permits_and_lets_calls_in_flight_end(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        async with opened(limits(in_flight=1)) as quota, quota.permit(LIGHT):
            waiting = [asyncio.create_task(_call(quota)) for _ in range(3)]
            await asyncio.sleep(0.05)
            quota.close()
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            with pytest.raises(LimiterClosedError):
                await _call(quota)

        assert [type(one) for one in ended] == [LimiterClosedError] * 3

    run(scenario)


def test_a_cancelled_wait_leaves_nothing_behind(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        async with opened(limits(in_flight=1)) as quota:
            async with quota.permit(LIGHT):
                waiting = [asyncio.create_task(_call(quota)) for _ in range(5)]
                await asyncio.sleep(0.05)
                for one in waiting:
                    one.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
            await asyncio.wait_for(_call(quota), 10.0)

            assert quota.status().calls_last_day == 2

    run(scenario)


def test_a_day_that_is_used_up_ends_a_run_that_is_to_stop(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        async with opened(limits(minute=6_000, day=3), on_quota=QuotaPolicy.STOP) as quota:
            for _ in range(3):
                await _call(quota)
            with pytest.raises(QuotaUsedUpError):
                await _call(quota)

    run(scenario)


def test_the_next_run_knows_what_the_last_one_used(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        async with opened(limits(day=10), name="first") as quota:
            for _ in range(3):
                await _call(quota)
        async with opened(limits(day=10), name="second") as quota:
            await _call(quota)

            assert quota.status().calls_last_day == 4

    run(scenario)


def test_a_429_makes_everybody_pause(run: Runner) -> None:
    async def scenario(opened: Opener) -> None:
        loop = asyncio.get_running_loop()
        async with opened(limits()) as quota:
            await _call(quota)
            quota.throttled(retry_after_s=1.0, credits_remaining=None)
            began = loop.time()
            await asyncio.gather(_call(quota), _call(quota))

            assert 0.99 <= loop.time() - began < 5.0

    run(scenario)


async def _call(quota: RateLimiter) -> None:
    async with quota.permit(LIGHT):
        await asyncio.sleep(0)
