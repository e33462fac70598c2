"""Quotas of the sandbox: sliding windows measured at arrival, calls in flight, heavy calls, credits."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from bulkzoho.sandbox import Edition, SandboxSettings, UnverifiedBehavior
from bulkzoho.sandbox.testing import ManualClock, TestClient, calling

LEAD = {"Last_Name": "Okafor"}


async def _statuses(caller: TestClient, calls: int) -> list[int]:
    return [(await caller.get("org")).status for _ in range(calls)]


async def test_the_call_that_is_one_too_many_in_any_sixty_seconds_is_refused() -> None:
    clock = ManualClock()
    async with calling(SandboxSettings(calls_per_minute=3), clock) as caller:
        start = clock.seconds
        first = await _statuses(caller, 2)
        clock.seconds = start + 40
        second = await _statuses(caller, 2)
        clock.seconds = start + 60
        third = await _statuses(caller, 3)

        assert (first, second, third) == ([200, 200], [200, 429], [200, 200, 429])
        assert [each.kind for each in caller.sandbox.violations] == ["over_minute_quota", "over_minute_quota"]


async def test_a_refused_call_counts_as_an_arrival_and_against_the_quota_only_if_switched() -> None:
    strict = UnverifiedBehavior(refused_calls_use_quota=True)
    for settings, after in (
        (SandboxSettings(calls_per_minute=1), 200),
        (SandboxSettings(calls_per_minute=1, strict=strict), 429),
    ):
        clock = ManualClock()
        async with calling(settings, clock) as caller:
            await _statuses(caller, 1)
            clock.seconds += 30
            await _statuses(caller, 1)
            clock.seconds += 30

            assert await _statuses(caller, 1) == [after]
            assert caller.sandbox.state()["arrivals"]["total"] == 3


async def test_a_day_is_a_sliding_one_too() -> None:
    clock = ManualClock()
    async with calling(SandboxSettings(calls_per_day=2, token_life_s=10**6), clock) as caller:
        start = clock.seconds
        await _statuses(caller, 1)
        clock.seconds = start + 50_000
        assert await _statuses(caller, 2) == [200, 429]
        clock.seconds = start + 86_399.9
        assert await _statuses(caller, 1) == [429]
        clock.seconds = start + 86_400
        assert await _statuses(caller, 2) == [200, 429]


@pytest.mark.parametrize(
    ("edition", "licences", "limit"),
    [
        (Edition.FREE, 100, 5_000),
        (Edition.STANDARD, 10, 52_500),
        (Edition.STANDARD, 1_000, 100_000),
        (Edition.ENTERPRISE, 10, 60_000),
        (Edition.ULTIMATE, 100_000, 200_050_000),
    ],
)
async def test_credits_follow_edition_and_licences(edition: Edition, licences: int, limit: int) -> None:
    async with calling(SandboxSettings(edition=edition, licences=licences)) as caller:
        assert caller.sandbox.state()["credits"] == {"limit": limit, "left": limit}


async def test_a_write_costs_one_credit_for_ten_records_and_the_rest_is_told_after_half() -> None:
    async with calling(SandboxSettings(credits_per_day=10)) as caller:
        first = await caller.insert("Leads", *[LEAD] * 21)
        second = await caller.insert("Leads", *[LEAD] * 11)
        third = await caller.insert("Leads", *[LEAD] * 51)
        fourth = await caller.insert("Leads", *[LEAD] * 50)

        assert [each.credits for each in caller.sandbox.calls[1:]] == [3, 2, 6, 5]
        assert "X-API-CREDITS-REMAINING" not in first.headers
        assert second.headers["X-API-CREDITS-REMAINING"] == "5"
        assert (third.status, third.body["code"], third.headers["X-API-CREDITS-REMAINING"]) == (429, "TOO_MANY_REQUESTS", "5")
        assert fourth.headers["X-API-CREDITS-REMAINING"] == "0"


async def test_credits_come_back_one_day_after_they_were_spent() -> None:
    clock = ManualClock()
    async with calling(SandboxSettings(credits_per_day=2, token_life_s=10**6), clock) as caller:
        await _statuses(caller, 1)
        clock.seconds += 3_600
        assert await _statuses(caller, 2) == [200, 429]
        clock.seconds += 86_400 - 3_600
        assert await _statuses(caller, 2) == [200, 429]


async def _at_once(*calls: Any) -> Counter[int]:
    return Counter([each.status for each in await asyncio.gather(*calls)])


async def test_one_call_too_many_in_flight_is_refused() -> None:
    async with calling(SandboxSettings(edition=Edition.FREE, latency_s=0.05)) as caller:
        statuses = await _at_once(*(caller.get("org") for _ in range(6)))

        assert statuses == {200: 5, 429: 1}
        assert caller.sandbox.state()["in_flight"]["peak"] == 6
        assert caller.sandbox.violations[0].kind == "over_calls_in_flight"


async def test_more_than_ten_heavy_calls_in_flight_are_refused_and_light_ones_are_not() -> None:
    async with calling(SandboxSettings(latency_s=0.05)) as caller:
        heavy = [caller.insert("Leads", *[LEAD] * 11) for _ in range(11)]
        light = [caller.insert("Leads", *[LEAD] * 10) for _ in range(5)]

        statuses = await _at_once(*heavy, *light)

        assert statuses == {201: 15, 429: 1}
        assert caller.sandbox.violations[0].kind == "over_heavy_calls"
        assert caller.sandbox.state()["in_flight"]["heavy_now"] == 0


async def test_retry_after_comes_only_when_switched_on() -> None:
    for switched in (False, True):
        async with calling(SandboxSettings(calls_per_minute=1, retry_after=switched)) as caller:
            await caller.get("org")
            refused = await caller.get("org")

            assert refused.status == 429
            assert ("Retry-After" in refused.headers) is switched


async def test_arrivals_are_measured_in_sliding_minutes_and_full_ones() -> None:
    clock = ManualClock()
    async with calling(clock=clock) as caller:
        start = clock.seconds
        for at, calls in ((0, 2), (50, 3), (70, 4), (130, 1)):
            clock.seconds = start + at
            await _statuses(caller, calls)

        arrivals = caller.sandbox.state()["arrivals"]
        assert (arrivals["total"], arrivals["most_in_60_s"], arrivals["by_full_minute"]) == (10, 7, [5, 4])


async def test_one_key_in_two_calls_in_flight_is_a_violation() -> None:
    async with calling(SandboxSettings(latency_s=0.05)) as caller:
        lead = {**LEAD, "External_Id": "x1"}

        statuses = await _at_once(caller.insert("Leads", lead), caller.insert("Leads", lead))
        await caller.write("POST", "Leads/upsert", [lead])

        assert statuses == {201: 1, 400: 1}
        assert [each.kind for each in caller.sandbox.violations] == ["same_key_in_two_calls_in_flight"]
