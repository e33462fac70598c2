"""Log events: on standard error, in a file, and in the folder of the run."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
from pathlib import Path
from typing import Any

from .harness import Program, SandboxProcess, wait_until, write_csv
from .terminal import on_a_terminal

IMPORT = ("import", "leads.csv", "--module", "Leads", "--calls-per-minute", "6000")


def _events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _run_log(bulkzoho: Program) -> Path:
    (path,) = (bulkzoho.home / "runs").glob("*/run.log")
    return path


def test_each_run_keeps_its_events_in_its_folder(bulkzoho: Program) -> None:
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name"], [["A"], [""], ["C"]])

    # bulkzoho import leads.csv --module Leads
    ended = bulkzoho.run(*IMPORT, "--json").expect(3)

    events = _events(_run_log(bulkzoho))
    assert (events[0]["event"], events[-1]["event"]) == ("run started", "run finished")
    assert events[0]["run"] == ended.summary["run"]
    assert {name: events[-1][name] for name in ("status", "exit_code", "rows", "accepted", "rejected", "in_doubt")} == {
        "status": "completed",
        "exit_code": 3,
        "rows": 3,
        "accepted": 2,
        "rejected": 1,
        "in_doubt": 0,
    }
    assert stat.S_IMODE(_run_log(bulkzoho).stat().st_mode) == 0o600
    assert "run started" not in ended.err


def test_a_resumed_run_continues_its_log(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.3)
    bulkzoho.leads("leads.csv", 20_000)
    running = bulkzoho.start(*IMPORT)
    wait_until(lambda: sandbox.count() > 0, what="a call")
    running.signal(signal.SIGTERM)
    running.wait().expect(5)
    sandbox.change(latency_s=0.0)

    # bulkzoho resume
    bulkzoho.run("resume").expect(0)

    ends = [event for event in _events(_run_log(bulkzoho)) if event["event"] in ("run started", "run finished")]
    assert [event.get("resumed", event.get("exit_code")) for event in ends] == [False, 5, True, 0]


def test_an_export_keeps_a_log_too(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", [{"Last_Name": "A"}])

    # bulkzoho export Leads -o leads.csv
    bulkzoho.run("export", "Leads", "-o", "leads.csv").expect(0)

    events = _events(_run_log(bulkzoho))
    assert (events[0]["command"], events[-1]["event"], events[-1]["rows"]) == ("export", "run finished", 1)


def test_v_shows_events_before_and_after_the_command(bulkzoho: Program) -> None:
    bulkzoho.leads("leads.csv", 100)

    # bulkzoho -v import leads.csv --module Leads
    upsert = (*IMPORT, "--operation", "upsert", "--match-on", "Email", "--again")
    before = bulkzoho.run("-v", *upsert).expect(0)
    after = bulkzoho.run(*upsert, "-v").expect(0)

    for ended in (before, after):
        assert ended.out == ""
        assert re.search(r"^[0-9-]{10} [0-9:]{8}\.[0-9]{3} info    run started run=\S+ command=import", ended.err, re.MULTILINE)
        assert "asyncio" not in ended.err


def test_vv_shows_each_call_with_its_status_and_credits(bulkzoho: Program) -> None:
    bulkzoho.leads("leads.csv", 100)

    # bulkzoho import leads.csv --module Leads -vv
    ended = bulkzoho.run(*IMPORT, "-vv").expect(0)

    sent = r"debug   call method=POST path=/crm/v8/Leads status=201 ms=[0-9]+ credits=[0-9]+$"
    assert re.search(sent, ended.err, re.MULTILINE), ended.err


def test_the_log_file_holds_json_lines_and_the_screen_stays_quiet(bulkzoho: Program) -> None:
    bulkzoho.leads("leads.csv", 100)

    # bulkzoho import leads.csv --module Leads --log-file events.log --log-format json
    ended = bulkzoho.run(*IMPORT, "--log-file", "events.log", "--log-format", "json").expect(0)

    path = bulkzoho.folder / "events.log"
    assert [event["event"] for event in _events(path)][-1] == "run finished"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "run finished" not in ended.err


def test_an_input_is_no_log_file(bulkzoho: Program) -> None:
    leads = bulkzoho.leads("leads.csv", 1)
    before = leads.read_text()

    # bulkzoho import leads.csv --module Leads --log-file leads.csv
    ended = bulkzoho.run(*IMPORT, "--log-file", "leads.csv", "-v").expect(2)

    assert "--log-file" in ended.err
    assert leads.read_text() == before


def test_a_log_that_cannot_be_written_ends_no_run(bulkzoho: Program) -> None:
    bulkzoho.leads("leads.csv", 100)

    # bulkzoho import leads.csv --module Leads -vv --log-file /dev/full
    bulkzoho.run(*IMPORT, "-vv", "--log-file", "/dev/full").expect(0)


def test_the_bar_and_log_lines_do_not_mix_on_a_terminal(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.2)
    bulkzoho.leads("leads.csv", 4_000)

    # bulkzoho import leads.csv --module Leads -vv
    status, seen = on_a_terminal(bulkzoho, *IMPORT, "-vv")

    assert status == 0
    assert "━" in seen
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"[\r\n]+", seen)]
    logged = [line for line in lines if re.search(r" (info|debug) ", line)]
    assert logged
    assert [line for line in logged if not re.match(r"[0-9-]{10} [0-9:.]{12} (info|debug) ", line)] == []


def test_no_log_holds_a_secret_or_a_value_of_a_record(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    os.umask(0o022)
    rows = [["Geheim", f"geheim{n}@example.com", "many" if n % 2 else "5"] for n in range(300)]
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name", "Email", "No_of_Employees"], rows)
    sandbox.script(
        {"kind": "500", "on_call": 4}, {"kind": "token_revoked", "on_call": 6}, {"kind": "reset_after_commit", "on_call": 7}
    )

    # bulkzoho import leads.csv --module Leads -vv --log-file events.log
    ended = bulkzoho.run(*IMPORT, "-vv", "--log-file", "events.log")
    exported = bulkzoho.run("export", "Leads", "-o", "out.csv", "-vv", "--where", "Last_Name = 'Geheim'").expect(0)

    tokens = {json.loads(file.read_text())["access_token"] for file in (bulkzoho.home / "tokens").glob("*.json")}
    secrets = tokens | {value for name, value in sandbox.environment.items() if name.endswith(("SECRET", "TOKEN"))}
    words = (*secrets, "Geheim", "geheim", "@example.com", "Zoho-oauthtoken")
    logs = [ended.err, exported.err, (bulkzoho.folder / "events.log").read_text()]
    logs += [path.read_text() for path in (bulkzoho.home / "runs").glob("*/run.log*")]
    assert len(logs) == 5
    assert [word for word in words for text in logs if word in text] == []
