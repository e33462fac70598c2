"""The control API, and the sandbox as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from bulkzoho.sandbox import Sandbox, SandboxSettings, environment_lines, serve
from bulkzoho.sandbox.__main__ import main
from bulkzoho.sandbox.testing import SandboxClient, SandboxResponse, sandbox_client

LEAD = {"Last_Name": "Okafor"}


async def _control(client: SandboxClient, method: str, name: str, body: Any = None) -> SandboxResponse:
    """Call the control API without a token."""
    token, client.token = client.token, ""
    try:
        data = None if body is None else orjson.dumps(body)
        return await client.call(method, f"/__sandbox/{name}", data=data)
    finally:
        client.token = token


async def test_the_state_reports_counts_and_is_not_counted_as_a_call() -> None:
    async with sandbox_client() as client:
        await client.insert("Leads", LEAD)
        await _control(client, "GET", "state")

        state = (await _control(client, "GET", "state")).body

        assert state["records"]["Leads"] == 1
        assert state["calls"] == {"total": 2, "by_status": {"200": 1, "201": 1}}
        assert (state["arrivals"]["total"], state["tokens_issued"], state["violations"]["total"]) == (1, 1, 0)
        assert state["in_flight"] == {"now": 0, "peak": 1, "heavy_now": 0, "heavy_peak": 0}


async def test_the_call_log_is_returned_as_json_lines_after_a_number() -> None:
    async with sandbox_client() as client:
        await client.insert("Leads", LEAD)
        await client.get("org")

        response = await _control(client, "GET", "calls?since=2")

        calls = [orjson.loads(line) for line in response.body.splitlines()]
        assert [each["operation"] for each in calls] == ["org"]
        assert calls[0]["number"] == 3


async def test_records_are_written_and_read_as_json_lines() -> None:
    async with sandbox_client() as client:
        lines = b"\n".join(orjson.dumps({"Last_Name": f"L{number}"}) for number in range(1_200))
        client.token = ""
        put = await client.call("POST", "/__sandbox/records/Leads", data=lines)

        got = await client.call("GET", "/__sandbox/records/Leads")

        assert (len(put.body.splitlines()), client.sandbox.count("Leads")) == (1_200, 1_200)
        assert [orjson.loads(line)["Last_Name"] for line in got.body.splitlines()] == [f"L{n}" for n in range(1_200)]


async def test_faults_are_set_and_cleared() -> None:
    async with sandbox_client() as client:
        await _control(client, "POST", "faults", {"script": [{"kind": "500"}], "random": {"seed": 1, "rates": {"429": 1}}})
        scripted = await client.insert("Leads", LEAD)
        random = await client.insert("Leads", LEAD)
        await _control(client, "POST", "faults", {})
        cleared = await client.insert("Leads", LEAD)

        assert (scripted.status, random.status, cleared.status) == (500, 429, 201)


async def test_settings_are_changed_at_run_time() -> None:
    async with sandbox_client() as client:
        changed = await _control(client, "POST", "settings", {"calls_per_minute": 1, "strict": {"unknown_fields": "ignore"}})
        first = await client.insert("Leads", {**LEAD, "Nonsense": 1})
        second = await client.insert("Leads", LEAD)

        assert changed.status == 200
        assert (first.status, second.status) == (201, 429)


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("settings", {"port": 1}, b"cannot change"),
        ("settings", {"nonsense": 1}, b"nonsense"),
        ("settings", {"calls_per_minute": 0}, b"at least 1"),
        ("faults", {"script": [{"kind": "nonsense"}]}, b"unknown fault"),
        ("faults", {"rates": {}}, b"rates"),
        ("records/Nope", None, b"unknown module"),
    ],
)
async def test_an_invalid_control_call_gets_a_one_line_error(name: str, body: Any, message: bytes) -> None:
    async with sandbox_client() as client:
        response = await _control(client, "POST", name, body)

        assert response.status == 400
        assert message in response.body
        assert (await _control(client, "GET", "nonsense")).status == 404


async def test_access_tokens_or_all_tokens_can_be_revoked() -> None:
    async with sandbox_client() as client:
        await _control(client, "POST", "revoke")
        dead = await client.get("org")
        await client.login()
        alive = await client.get("org")
        await _control(client, "POST", "revoke", {"refresh": True})
        refused = await client.request_token()

        assert (dead.status, alive.status) == (401, 200)
        assert refused.body == {"error": "invalid_code"}


async def test_serving_ends_when_cancelled() -> None:
    started: asyncio.Queue[Sandbox] = asyncio.Queue()
    task = asyncio.create_task(serve(SandboxSettings(), ready=started.put_nowait))
    sandbox = await started.get()

    lines = environment_lines(sandbox.url, sandbox.environment).splitlines()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert lines[0] == f"# Zoho CRM sandbox at {sandbox.url} (Ctrl-C stops it)"
    assert [line.partition("=")[0] for line in lines[1:]] == [
        "export BULKZOHO_CLIENT_ID",
        "export BULKZOHO_CLIENT_SECRET",
        "export BULKZOHO_REFRESH_TOKEN",
        "export BULKZOHO_ACCOUNTS_URL",
        "export BULKZOHO_API_URL",
        "export BULKZOHO_UPLOAD_URL",
    ]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
async def test_the_process_prints_its_environment_and_stops_on_a_signal(tmp_path: Path) -> None:
    state = tmp_path / "crm.state"
    words = ("-m", "bulkzoho.sandbox", "--port", "0", "--seed", "7", "--state", str(state))
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None

    lines = [(await process.stdout.readline()).decode() for _ in range(7)]
    process.send_signal(signal.SIGHUP)  # sent when the terminal closes

    assert await process.wait() == 0
    assert state.exists()
    assert lines[0].startswith("# Zoho CRM sandbox at http://127.0.0.1:")
    assert lines[6].startswith("export BULKZOHO_UPLOAD_URL=http://127.0.0.1:")


def test_a_used_port_is_a_one_line_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        status = main(["--port", str(port)])

    assert status == 1
    assert capsys.readouterr().err.count("\n") == 1


async def test_the_same_seed_produces_the_same_secrets() -> None:
    async with Sandbox(SandboxSettings(seed=5)) as one, Sandbox(SandboxSettings(seed=5)) as two:
        secrets = [{name: value for name, value in each.environment.items() if not name.endswith("URL")} for each in (one, two)]

        assert secrets[0] == secrets[1]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--calls-per-minute", "0"], "calls_per_minute must be at least 1"),
        (["--fault", "nonsense=0.1"], "unknown fault 'nonsense'"),
        (["--fault", "429"], "is not KIND=RATE"),
        (["--script", "/nowhere/script.json"], "/nowhere/script.json: cannot read the file: No such file"),
    ],
)
def test_an_invalid_flag_is_rejected_before_serving(flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(flags)

    assert ended.value.code == 2
    assert message in capsys.readouterr().err


async def test_switches_accept_their_values_and_reject_others() -> None:
    async with sandbox_client() as client:
        taken = await _control(client, "POST", "settings", {"strict": {"unknown_fields": "refuse"}})
        refused = await _control(client, "POST", "settings", {"strict": {"unknown_fields": "maybe"}})
        inserted = await client.insert("Leads", {**LEAD, "Nonsense": 1})

        assert (taken.status, refused.status, inserted.status) == (200, 400, 400)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "calls?since=x", ""),
        ("GET", "calls?last=-1", ""),
        ("GET", "records/Nope", ""),
        ("GET", "records/Leads?newest=-1", ""),
        ("POST", "records/Leads", "{"),
        ("POST", "records/Leads", "3"),
        ("PUT", "records/Leads", "[]"),
        ("POST", "records/Leads?as=zorro", "{}"),
        ("POST", "restore/Leads?ids=x", ""),
        ("POST", "faults", "3"),
        ("POST", "faults", '{"script": 3}'),
        ("POST", "faults", '{"random": 3}'),
        ("POST", "faults", '{"random": {"seed": "x"}}'),
        ("POST", "faults", '{"random": {"rates": {"429": null}}}'),
        ("POST", "settings", '{"nope": 1}'),
        ("POST", "settings", '{"strict": {"nope": 1}}'),
        ("POST", "settings", '{"calls_as": "x", "latency_s": 9}'),
        ("POST", "clock", '{"advance_s": null}'),
        ("POST", "clock", '{"advance_s": 1e300}'),
        ("POST", "revoke", "x"),
    ],
)
async def test_an_invalid_value_gets_a_one_line_error_and_changes_nothing(method: str, path: str, body: str) -> None:
    async with sandbox_client() as client:
        refused = await client.call(method, f"/__sandbox/{path}", data=body.encode())

        assert refused.status == 400
        assert refused.body.decode().count("\n") == 1
        assert client.sandbox.settings == SandboxSettings()
        assert (await client.get("users")).status == 200
