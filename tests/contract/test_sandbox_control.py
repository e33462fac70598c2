"""Steering a sandbox over HTTP, and running one as a process."""

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
from bulkzoho.sandbox.testing import TestClient, TestResponse, calling

LEAD = {"Last_Name": "Okafor"}


async def _control(caller: TestClient, method: str, name: str, body: Any = None) -> TestResponse:
    """Call a control address without a token."""
    token, caller.token = caller.token, ""
    try:
        data = None if body is None else orjson.dumps(body)
        return await caller.call(method, f"/__sandbox/{name}", data=data)
    finally:
        caller.token = token


async def test_the_state_tells_counts_and_is_itself_no_call() -> None:
    async with calling() as caller:
        await caller.insert("Leads", LEAD)
        await _control(caller, "GET", "state")

        state = (await _control(caller, "GET", "state")).body

        assert state["records"]["Leads"] == 1
        assert state["calls"] == {"total": 2, "by_status": {"200": 1, "201": 1}}
        assert (state["arrivals"]["total"], state["tokens_issued"], state["violations"]["total"]) == (1, 1, 0)
        assert state["in_flight"] == {"now": 0, "peak": 1, "heavy_now": 0, "heavy_peak": 0}


async def test_calls_are_given_as_json_lines_from_a_number_on() -> None:
    async with calling() as caller:
        await caller.insert("Leads", LEAD)
        await caller.get("org")

        answer = await _control(caller, "GET", "calls?since=2")

        calls = [orjson.loads(line) for line in answer.body.splitlines()]
        assert [each["operation"] for each in calls] == ["org"]
        assert calls[0]["number"] == 3


async def test_records_go_in_and_come_out_as_json_lines() -> None:
    async with calling() as caller:
        lines = b"\n".join(orjson.dumps({"Last_Name": f"L{number}"}) for number in range(1_200))
        caller.token = ""
        put = await caller.call("POST", "/__sandbox/records/Leads", data=lines)

        got = await caller.call("GET", "/__sandbox/records/Leads")

        assert (len(put.body.splitlines()), caller.sandbox.count("Leads")) == (1_200, 1_200)
        assert [orjson.loads(line)["Last_Name"] for line in got.body.splitlines()] == [f"L{n}" for n in range(1_200)]


async def test_faults_are_set_and_cleared() -> None:
    async with calling() as caller:
        await _control(caller, "POST", "faults", {"script": [{"kind": "500"}], "random": {"seed": 1, "rates": {"429": 1}}})
        scripted = await caller.insert("Leads", LEAD)
        random = await caller.insert("Leads", LEAD)
        await _control(caller, "POST", "faults", {})
        cleared = await caller.insert("Leads", LEAD)

        assert (scripted.status, random.status, cleared.status) == (500, 429, 201)


async def test_settings_are_changed_at_run_time() -> None:
    async with calling() as caller:
        changed = await _control(caller, "POST", "settings", {"calls_per_minute": 1, "strict": {"unknown_fields": "ignore"}})
        first = await caller.insert("Leads", {**LEAD, "Nonsense": 1})
        second = await caller.insert("Leads", LEAD)

        assert changed.status == 200
        assert (first.status, second.status) == (201, 429)


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("settings", {"port": 1}, b"cannot be changed"),
        ("settings", {"nonsense": 1}, b"nonsense"),
        ("settings", {"calls_per_minute": 0}, b"at least 1"),
        ("faults", {"script": [{"kind": "nonsense"}]}, b"no fault is called"),
        ("faults", {"rates": {}}, b"rates"),
        ("records/Nope", None, b"no module"),
    ],
)
async def test_a_wrong_control_call_is_refused_in_one_line(name: str, body: Any, said: bytes) -> None:
    async with calling() as caller:
        answer = await _control(caller, "POST", name, body)

        assert answer.status == 400
        assert said in answer.body
        assert (await _control(caller, "GET", "nonsense")).status == 404


async def test_tokens_are_revoked_access_alone_or_all() -> None:
    async with calling() as caller:
        await _control(caller, "POST", "revoke")
        dead = await caller.get("org")
        await caller.login()
        alive = await caller.get("org")
        await _control(caller, "POST", "revoke", {"refresh": True})
        refused = await caller.ask_token()

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
async def test_the_process_prints_its_environment_and_ends_at_a_signal(tmp_path: Path) -> None:
    state = tmp_path / "crm.state"
    words = ("-m", "bulkzoho.sandbox", "--port", "0", "--seed", "7", "--state", str(state))
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None

    lines = [(await process.stdout.readline()).decode() for _ in range(7)]
    process.send_signal(signal.SIGHUP)  # what a closed terminal sends

    assert await process.wait() == 0
    assert state.exists()
    assert lines[0].startswith("# Zoho CRM sandbox at http://127.0.0.1:")
    assert lines[6].startswith("export BULKZOHO_UPLOAD_URL=http://127.0.0.1:")


def test_a_taken_port_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        status = main(["--port", str(port)])

    assert status == 1
    assert capsys.readouterr().err.count("\n") == 1


async def test_the_same_seed_gives_the_same_secrets() -> None:
    async with Sandbox(SandboxSettings(seed=5)) as one, Sandbox(SandboxSettings(seed=5)) as two:
        secrets = [{name: value for name, value in each.environment.items() if not name.endswith("URL")} for each in (one, two)]

        assert secrets[0] == secrets[1]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--calls-per-minute", "0"], "calls_per_minute must be at least 1"),
        (["--fault", "nonsense=0.1"], "no fault is called 'nonsense'"),
        (["--fault", "429"], "is not KIND=RATE"),
        (["--script", "/nowhere/script.json"], "/nowhere/script.json: cannot be read: No such file"),
    ],
)
def test_a_wrong_flag_is_refused_before_serving(flags: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(flags)

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


async def test_switches_are_taken_by_their_words_and_others_refused() -> None:
    async with calling() as caller:
        taken = await _control(caller, "POST", "settings", {"strict": {"unknown_fields": "refuse"}})
        refused = await _control(caller, "POST", "settings", {"strict": {"unknown_fields": "maybe"}})
        inserted = await caller.insert("Leads", {**LEAD, "Nonsense": 1})

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
async def test_nonsense_is_refused_in_a_line_and_changes_nothing(method: str, path: str, body: str) -> None:
    async with calling() as caller:
        refused = await caller.call(method, f"/__sandbox/{path}", data=body.encode())

        assert refused.status == 400
        assert refused.body.decode().count("\n") == 1
        assert caller.sandbox.settings == SandboxSettings()
        assert (await caller.get("users")).status == 200
