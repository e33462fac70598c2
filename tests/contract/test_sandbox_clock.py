"""The sandbox's scaled clock: a day passes in minutes."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest

from bulkzoho.sandbox import SandboxSettings, SystemClock
from bulkzoho.sandbox.testing import sandbox_client

DAY_S = 86_400
FAST = 480.0  # a day in 3 minutes


async def test_the_daily_quota_recovers_after_a_scaled_day() -> None:
    async with sandbox_client(SandboxSettings(time_scale=DAY_S * 4.0, calls_per_day=1, token_life_s=10.0**9)) as client:
        first = await client.get("org")
        refused = await client.get("org")
        await asyncio.sleep(0.3)
        later = await client.get("org")

        assert (first.status, refused.status, later.status) == (200, 429, 200)


async def test_date_header_and_record_times_use_the_scaled_clock() -> None:
    async with sandbox_client(SandboxSettings(time_scale=FAST)) as client:
        first = await client.insert("Leads", {"Last_Name": "A"})
        await asyncio.sleep(0.2)
        second = await client.insert("Leads", {"Last_Name": "B"})

        made = [datetime.fromisoformat(each.body["data"][0]["details"]["Created_Time"]) for each in (first, second)]
        dated = [parsedate_to_datetime(each.headers["Date"]) for each in (first, second)]
        assert (made[1] - made[0]).total_seconds() >= 0.2 * FAST - 1
        assert abs((dated[1] - made[1]).total_seconds()) <= 1 + 0.01 * FAST


async def test_tokens_expire_on_the_scaled_clock() -> None:
    async with sandbox_client(SandboxSettings(time_scale=36_000.0)) as client:
        await asyncio.sleep(0.12)

        assert (await client.get("org")).body["code"] == "INVALID_TOKEN"


async def test_latency_is_in_real_seconds_on_any_time_scale() -> None:
    async with sandbox_client(SandboxSettings(time_scale=FAST, latency_s=0.05)) as client:
        started = time.monotonic()
        await client.get("org")

        assert time.monotonic() - started >= 0.05


async def test_the_time_scale_can_change_at_run_time_without_the_clock_going_back() -> None:
    async with sandbox_client(SandboxSettings(time_scale=FAST)) as client:
        steering = await client.call("POST", "/__sandbox/clock", json={"advance_s": DAY_S})
        changed = await client.call("POST", "/__sandbox/settings", json={"time_scale": 1.0})
        after = await client.call("POST", "/__sandbox/clock", json={})
        back = await client.call("POST", "/__sandbox/clock", json={"advance_s": -1})

        assert changed.status == 200
        assert after.body["now_s"] >= steering.body["now_s"]
        assert after.body["now_s"] - time.time() == pytest.approx(DAY_S, abs=1 + FAST)
        assert after.body["scale"] == 1.0
        assert back.status == 400


def test_a_clock_continues_from_its_current_time_when_its_scale_changes() -> None:
    clock = SystemClock(1_000.0)
    before = (clock.monotonic(), clock.wall())
    clock.set_scale(1.0)
    after = (clock.monotonic(), clock.wall())

    assert after[0] >= before[0]
    assert after[1] - after[0] == pytest.approx(before[1] - before[0], abs=1.0)


async def test_a_time_scale_of_zero_is_rejected() -> None:
    with pytest.raises(ValueError, match="time_scale"):
        SandboxSettings(time_scale=0.0)
