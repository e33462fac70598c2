"""The output on a terminal, in a pipe, with --json."""

from __future__ import annotations

import json
import re
from pathlib import Path

from .harness import Program, SandboxMaker, SandboxProcess, wait_until, write_csv
from .terminal import on_a_terminal

IMPORT = ("import", "leads.csv", "--module", "Leads", "--calls-per-minute", "6000")


def test_a_terminal_shows_a_bar_and_then_the_summary(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.2)
    bulkzoho.leads("leads.csv", 8_000)

    # bulkzoho import leads.csv --module Leads
    status, seen = on_a_terminal(bulkzoho, *IMPORT)

    assert status == 0
    assert "━" in seen
    assert "records/s" in seen
    assert "calls per minute" in seen
    assert "= accepted        8,000  (8,000 created)" in seen
    assert "rows read" in seen.split("━")[-1]


def test_a_pipe_gets_plain_lines_and_a_summary_that_adds_up(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.2)
    rows = [["" if n % 100 == 0 else f"Lead {n}"] for n in range(1, 2_001)]
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name"], rows)

    # bulkzoho import leads.csv --module Leads 2>&1 | cat
    ended = bulkzoho.run(*IMPORT).expect(3)

    assert ended.out == ""
    assert "\x1b" not in ended.err
    assert " sending" in ended.err
    assert "    rows read       2,000\n  = accepted        1,980  (1,980 created)\n  + rejected           20\n" in ended.err
    assert "20  MANDATORY_NOT_FOUND (Last_Name)" in ended.err
    assert ended.err.rstrip().splitlines()[-1].startswith("Next: bulkzoho replay ")


def test_the_next_command_works_when_pasted(bulkzoho: Program) -> None:
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name", "Email"], [["A", "a@example.com"], ["", "b@example.com"]])
    ended = bulkzoho.run(*IMPORT).expect(3)

    # bulkzoho replay ...
    words = ended.err.rstrip().splitlines()[-1].removeprefix("Next: bulkzoho ").split()
    again = bulkzoho.run(*words, "--set", "Last_Name=B", "--json")

    assert again.expect(0).summary["rows"]["accepted"] == 1


def test_no_progress_leaves_the_organization_and_the_summary(bulkzoho: Program) -> None:
    bulkzoho.leads("leads.csv", 300)

    # bulkzoho import leads.csv --module Leads --progress none
    ended = bulkzoho.run(*IMPORT, "--progress", "none").expect(0)

    assert ended.err.startswith("Organization ")
    assert "sending" not in ended.err
    assert "rows read" in ended.err


def test_json_is_one_object_that_the_report_repeats(bulkzoho: Program) -> None:
    bulkzoho.leads("leads.csv", 300)

    # bulkzoho import leads.csv --module Leads --json
    ended = bulkzoho.run(*IMPORT, "--json").expect(0)

    summary = ended.summary
    report = json.loads((bulkzoho.home / "runs" / summary["run"] / "report.json").read_text())
    assert report == summary
    assert (summary["command"], summary["route"], summary["status"], summary["exit_code"]) == (
        "import",
        "records",
        "completed",
        0,
    )
    assert summary["org"] == "650000001"
    assert (summary["in_doubt_file"], summary["next"], "error" in summary) == (None, "", False)
    assert summary["credits"] >= 30


def test_secrets_and_records_are_in_no_log(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "500", "on_call": 1}, {"kind": "token_revoked", "on_call": 2})
    write_csv(
        bulkzoho.folder / "leads.csv", ["Last_Name", "Email", "No_of_Employees"], [["Geheim", "geheim@example.com", "many"]] * 2
    )

    # bulkzoho import leads.csv --module Leads -vv
    ended = bulkzoho.run(*IMPORT, "-vv")

    secrets = [value for name, value in sandbox.environment.items() if name.endswith(("SECRET", "TOKEN"))]
    assert [word for word in (*secrets, "Geheim", "geheim@", "Zoho-oauthtoken") if word in ended.err] == []


def test_an_unreachable_crm_is_reported_while_the_run_waits(tmp_path: Path, new_sandbox: SandboxMaker) -> None:
    sandbox = new_sandbox()
    bulkzoho = Program(tmp_path, dict(sandbox.environment))
    bulkzoho.leads("leads.csv", 20_000)

    # bulkzoho import leads.csv --module Leads --give-up-after 8s; the CRM dies
    running = bulkzoho.start(*IMPORT[:-1], "1200", "--give-up-after", "8s")
    wait_until(lambda: sandbox.count() > 0, what="a call")
    sandbox.kill()
    ended = running.wait().expect(5)

    told = re.findall(r"no response since ([0-9:]{8}) \(.+\); gives up at ([0-9:]{8})", ended.err)
    assert len({*told}) == 1, ended.err
    assert ended.err.rstrip().splitlines()[-1].startswith("Next: bulkzoho resume ")
