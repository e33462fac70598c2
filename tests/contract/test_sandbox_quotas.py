"""Quotas of the sandbox: sliding windows, calls in flight, heavy calls, credits."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from bulkzoho.sandbox import Edition, SandboxSettings, UnverifiedBehavior
from bulkzoho.sandbox.testing import ManualClock, SandboxClient, sandbox_client

LEAD = {"Last_Name": "Okafor"}


async def _statuses(client: SandboxClient, calls: int) -> list[int]:
    return [(await client.get("org")).status for _ in range(calls)]


async def test_a_call_over_the_limit_in_any_sixty_seconds_is_rejected() -> None:
    clock = ManualClock()
    async with sandbox_client(SandboxSettings(calls_per_minute=3), clock) as client:
        start = clock.seconds
        first = await _statuses(client, 2)
        clock.seconds = start + 40
        second = await _statuses(client, 2)
        clock.seconds = start + 60
        third = await _statuses(client, 3)

        assert (first, second, third) == ([200, 200], [200, 429], [200, 200, 429])
        assert [each.kind for each in client.sandbox.violations] == ["over_minute_quota", "over_minute_quota"]


async def test_a_rejected_call_counts_as_an_arrival_and_towards_the_quota_only_by_switch() -> None:
    strict = UnverifiedBehavior(refused_calls_use_quota=True)
    for settings, after in (
        (SandboxSettings(calls_per_minute=1), 200),
        (SandboxSettings(calls_per_minute=1, strict=strict), 429),
    ):
        clock = ManualClock()
        async with sandbox_client(settings, clock) as client:
            await _statuses(client, 1)
            clock.seconds += 30
            await _statuses(client, 1)
            clock.seconds += 30

            assert await _statuses(client, 1) == [after]
            assert client.sandbox.state()["arrivals"]["total"] == 3


async def test_the_daily_quota_is_a_sliding_window() -> None:
    clock = ManualClock()
    async with sandbox_client(SandboxSettings(calls_per_day=2, token_life_s=10**6), clock) as client:
        start = clock.seconds
        await _statuses(client, 1)
        clock.seconds = start + 50_000
        assert await _statuses(client, 2) == [200, 429]
        clock.seconds = start + 86_399.9
        assert await _statuses(client, 1) == [429]
        clock.seconds = start + 86_400
        assert await _statuses(client, 2) == [200, 429]


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
async def test_credits_depend_on_edition_and_licences(edition: Edition, licences: int, limit: int) -> None:
    async with sandbox_client(SandboxSettings(edition=edition, licences=licences)) as client:
        assert client.sandbox.state()["credits"] == {"limit": limit, "left": limit}


async def test_a_write_costs_a_credit_per_ten_records_and_the_remainder_is_reported_after_half() -> None:
    async with sandbox_client(SandboxSettings(credits_per_day=10)) as client:
        first = await client.insert("Leads", *[LEAD] * 21)
        second = await client.insert("Leads", *[LEAD] * 11)
        third = await client.insert("Leads", *[LEAD] * 51)
        fourth = await client.insert("Leads", *[LEAD] * 50)

        assert [each.credits for each in client.sandbox.calls[1:]] == [3, 2, 6, 5]
        assert "X-API-CREDITS-REMAINING" not in first.headers
        assert second.headers["X-API-CREDITS-REMAINING"] == "5"
        assert (third.status, third.body["code"], third.headers["X-API-CREDITS-REMAINING"]) == (429, "TOO_MANY_REQUESTS", "5")
        assert fourth.headers["X-API-CREDITS-REMAINING"] == "0"


async def test_credits_recover_a_day_after_use() -> None:
    clock = ManualClock()
    async with sandbox_client(SandboxSettings(credits_per_day=2, token_life_s=10**6), clock) as client:
        await _statuses(client, 1)
        clock.seconds += 3_600
        assert await _statuses(client, 2) == [200, 429]
        clock.seconds += 86_400 - 3_600
        assert await _statuses(client, 2) == [200, 429]


async def _at_once(*calls: Any) -> Counter[int]:
    return Counter([each.status for each in await asyncio.gather(*calls)])


async def test_a_call_over_the_concurrency_limit_is_rejected() -> None:
    async with sandbox_client(SandboxSettings(edition=Edition.FREE, latency_s=0.05)) as client:
        statuses = await _at_once(*(client.get("org") for _ in range(6)))

        assert statuses == {200: 5, 429: 1}
        assert client.sandbox.state()["in_flight"]["peak"] == 6
        assert client.sandbox.violations[0].kind == "over_calls_in_flight"


async def test_more_than_ten_concurrent_heavy_calls_are_rejected_but_light_calls_are_not() -> None:
    async with sandbox_client(SandboxSettings(latency_s=0.05)) as client:
        heavy = [client.insert("Leads", *[LEAD] * 11) for _ in range(11)]
        light = [client.insert("Leads", *[LEAD] * 10) for _ in range(5)]

        statuses = await _at_once(*heavy, *light)

        assert statuses == {201: 15, 429: 1}
        assert client.sandbox.violations[0].kind == "over_heavy_calls"
        assert client.sandbox.state()["in_flight"]["heavy_now"] == 0


async def test_retry_after_is_sent_only_if_enabled() -> None:
    for switched in (False, True):
        async with sandbox_client(SandboxSettings(calls_per_minute=1, retry_after=switched)) as client:
            await client.get("org")
            refused = await client.get("org")

            assert refused.status == 429
            assert ("Retry-After" in refused.headers) is switched


async def test_arrivals_are_counted_in_sliding_and_full_minutes() -> None:
    clock = ManualClock()
    async with sandbox_client(clock=clock) as client:
        start = clock.seconds
        for at, calls in ((0, 2), (50, 3), (70, 4), (130, 1)):
            clock.seconds = start + at
            await _statuses(client, calls)

        arrivals = client.sandbox.state()["arrivals"]
        assert (arrivals["total"], arrivals["most_in_60_s"], arrivals["by_full_minute"]) == (10, 7, [5, 4])


async def test_the_same_key_in_two_concurrent_calls_is_a_violation() -> None:
    async with sandbox_client(SandboxSettings(latency_s=0.05)) as client:
        lead = {**LEAD, "External_Id": "x1"}

        statuses = await _at_once(client.insert("Leads", lead), client.insert("Leads", lead))
        await client.write("POST", "Leads/upsert", [lead])

        assert statuses == {201: 1, 400: 1}
        assert [each.kind for each in client.sandbox.violations] == ["same_key_in_two_calls_in_flight"]
