"""Faults of the sandbox: the response that the client sees, and the records committed."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest

from bulkzoho.sandbox import Fault, FaultKind, SandboxSettings
from bulkzoho.sandbox.testing import ManualClock, SandboxClient, sandbox_client

LEAD = {"Last_Name": "Okafor"}


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("429", 429, "TOO_MANY_REQUESTS"),
        ("500", 500, "INTERNAL_ERROR"),
        ("403", 403, "NO_PERMISSION"),
        ("scope_mismatch", 401, "OAUTH_SCOPE_MISMATCH"),
        ("token_revoked", 401, "INVALID_TOKEN"),
    ],
)
async def test_a_whole_call_error_commits_nothing_and_happens_once(kind: str, status: int, code: str) -> None:
    async with sandbox_client() as client:
        client.sandbox.faults.script([{"kind": kind}])

        failed = await client.insert("Leads", LEAD)
        if kind == "token_revoked":
            assert (await client.get("org")).status == 401
            await client.login()
        good = await client.insert("Leads", LEAD)

        assert (failed.status, failed.body["code"], good.status) == (status, code, 201)
        assert client.sandbox.count("Leads") == 1
        assert client.sandbox.calls[1].fault == kind


async def test_a_502_fault_returns_an_html_page() -> None:
    async with sandbox_client() as client:
        client.sandbox.faults.script([{"kind": "502_page"}])

        answer = await client.insert("Leads", LEAD)

        assert (answer.status, answer.headers["Content-Type"]) == (502, "text/html")
        assert client.sandbox.count("Leads") == 0


@pytest.mark.parametrize(
    ("fault", "committed"),
    [
        ({"kind": "reset_before_commit"}, 0),
        ({"kind": "reset_after_commit"}, 10),
        ({"kind": "partial_commit_then_reset"}, 5),
        ({"kind": "partial_commit_then_reset", "records": 3}, 3),
        ({"kind": "truncated"}, 10),
    ],
)
async def test_a_reset_connection_commits_the_expected_records(fault: dict[str, Any], committed: int) -> None:
    async with sandbox_client() as client:
        client.sandbox.faults.script([fault])

        with pytest.raises(aiohttp.ClientError):
            await client.insert("Leads", *[LEAD] * 10)

        assert client.sandbox.count("Leads") == committed
        call = client.sandbox.calls[-1]
        assert (call.status, call.fault, call.records) == (None, fault["kind"], 10)


async def test_a_reset_is_a_real_tcp_reset() -> None:
    async with sandbox_client() as client:
        client.sandbox.faults.script([{"kind": "reset_after_commit"}])
        body = orjson.dumps({"data": [LEAD]})
        port = urlsplit(client.sandbox.url).port
        head = (
            f"POST /crm/v8/Leads HTTP/1.1\r\nHost: x\r\nAuthorization: Zoho-oauthtoken {client.token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )

        def send() -> bytes:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
                connection.sendall(head.encode() + body)
                return connection.recv(1)

        with pytest.raises(ConnectionResetError):
            await asyncio.to_thread(send)

        assert client.sandbox.count("Leads") == 1


async def test_a_late_commit_happens_after_the_reset() -> None:
    async with sandbox_client() as client:
        client.sandbox.faults.script([Fault(kind=FaultKind.COMMIT_LATE, seconds=0.05)])

        with pytest.raises(aiohttp.ClientError):
            await client.insert("Leads", LEAD)
        at_once = client.sandbox.count("Leads")
        await asyncio.sleep(0.1)

        assert (at_once, client.sandbox.count("Leads")) == (0, 1)


async def test_a_client_that_disconnects_does_not_stop_the_work() -> None:
    async with sandbox_client(SandboxSettings(latency_s=0.1)) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.insert("Leads", LEAD), 0.02)
        await asyncio.sleep(0.1)

        assert client.sandbox.count("Leads") == 1


async def test_an_empty_response_and_a_wrong_count_are_committed() -> None:
    async with sandbox_client() as client:
        client.sandbox.faults.script([{"kind": "empty_200"}, {"kind": "wrong_count"}, {"kind": "wrong_count", "records": 2}])

        empty = await client.insert("Leads", LEAD, LEAD)
        fewer = await client.insert("Leads", LEAD, LEAD)
        more = await client.insert("Leads", LEAD, LEAD)

        assert (empty.status, empty.body) == (200, b"")
        assert (len(fewer.body["data"]), len(more.body["data"])) == (1, 4)
        assert client.sandbox.count("Leads") == 6


async def test_hang_and_slow_faults_delay_the_response() -> None:
    async with sandbox_client() as client:
        client.sandbox.faults.script([
            {"kind": "hang", "seconds": 0.05},
            {"kind": "hang", "seconds": 0.05, "commit": False},
            {"kind": "slow", "seconds": 0.05},
        ])  # fmt: skip
        begun = time.monotonic()

        hung = await client.insert("Leads", LEAD)
        lost = await client.insert("Leads", LEAD)
        slow = await client.insert("Leads", LEAD)

        assert time.monotonic() - begun >= 0.15
        assert (hung.status, lost.status, slow.status) == (201, 500, 201)
        assert client.sandbox.count("Leads") == 2


async def test_stopping_the_sandbox_cancels_hanging_calls() -> None:
    async with sandbox_client() as client:
        client.sandbox.faults.script([{"kind": "hang", "seconds": 60}])
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.insert("Leads", LEAD), 0.02)

    assert time.monotonic() - begun < 1


async def test_a_marked_record_always_fails_its_call_and_no_other() -> None:
    async with sandbox_client() as client:
        client.sandbox.faults.script([
            {"kind": "refuse_all_400", "marker": "POISON"},
            {"kind": "413", "max_bytes": 300},
        ])  # fmt: skip

        poisoned = [await client.insert("Leads", LEAD, {"Last_Name": "POISON"}) for _ in range(3)]
        large = await client.insert("Leads", *[LEAD] * 20)
        good = await client.insert("Leads", LEAD)

        assert [(each.status, each.body["code"]) for each in poisoned] == [(400, "INVALID_DATA")] * 3
        assert (large.status, good.status, client.sandbox.count("Leads")) == (413, 201, 1)


async def test_scripts_count_write_calls_and_can_match_a_path_or_operation() -> None:
    async with sandbox_client() as client:
        client.sandbox.faults.script([
            {"kind": "500", "on_call": [2, 4]},
            {"kind": "429", "path_contains": "/org", "times": 2},
            {"kind": "502_page", "operation": "coql"},
            {"kind": "500", "path_contains": "/oauth"},
        ])  # fmt: skip

        orgs = [(await client.get("org")).status for _ in range(3)]
        writes = [(await client.insert("Leads", LEAD)).status for _ in range(5)]
        query = await client.coql("select id from Leads where id is not null")
        token = await client.request_token()

        assert orgs == [429, 429, 200]
        assert writes == [201, 500, 201, 500, 201]
        assert (query.status, token.status) == (502, 500)


async def _random_statuses(seed: int) -> list[int]:
    async with sandbox_client() as client:
        client.sandbox.faults.random(seed, {"429": 0.3, "500": 0.2})
        return [(await client.insert("Leads", LEAD)).status for _ in range(40)]


async def test_random_faults_are_reproducible_by_seed() -> None:
    first, again, other = [await _random_statuses(seed) for seed in (1, 1, 2)]

    assert first == again != other
    assert {201, 429, 500} == set(first)


async def test_cleared_faults_no_longer_happen() -> None:
    async with sandbox_client() as client:
        client.sandbox.faults.script([{"kind": "500", "times": 9}])
        client.sandbox.faults.random(1, {"500": 1.0})
        client.sandbox.faults.clear()

        assert (await client.insert("Leads", LEAD)).status == 201


@pytest.mark.parametrize("entry", [{"kind": "nonsense"}, {"kind": "500", "when": 1}, {}])
async def test_an_invalid_script_is_rejected_by_name(entry: dict[str, Any]) -> None:
    async with sandbox_client() as client:
        with pytest.raises(ValueError, match="fault"):
            client.sandbox.faults.script([entry])


async def test_rates_above_one_are_rejected() -> None:
    async with sandbox_client() as client:
        with pytest.raises(ValueError, match="rates"):
            client.sandbox.faults.random(1, {"500": 0.6, "429": 0.6})


async def test_jitter_is_reproducible_by_seed() -> None:
    async def latencies(seed: int) -> list[float]:
        clock = ManualClock()
        async with sandbox_client(SandboxSettings(seed=seed, latency_s=1, jitter_s=0.5), clock) as client:
            await client.get("org")
            await client.get("org")
            return [(each.replied_s or 0) - each.arrived_s for each in client.sandbox.calls[1:]]

    first, again = await latencies(3), await latencies(3)

    assert first == again
    assert all(0.5 <= each <= 1.5 for each in first)


async def test_calls_are_logged_with_their_outcome() -> None:
    async with sandbox_client() as client:
        await client.insert("Leads", LEAD)
        await _cut(client)

        token, good, cut = client.sandbox.calls
        assert (token.operation, good.operation, good.crm_module, good.status) == ("token", "insert", "Leads", 201)
        assert (good.number, good.in_flight, good.credits, good.trigger) == (2, 1, 1, None)
        assert (cut.status, cut.fault) == (None, "reset_before_commit")
        assert cut.replied_s is not None


async def _cut(client: SandboxClient) -> None:
    client.sandbox.faults.script([{"kind": "reset_before_commit"}])
    with pytest.raises(aiohttp.ClientError):
        await client.insert("Leads", LEAD)
