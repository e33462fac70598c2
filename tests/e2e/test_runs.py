"""``bulkzoho runs``."""

from __future__ import annotations

import json
import os

import pytest

from .harness import Program, SandboxProcess, write_csv


def test_runs_are_listed_with_their_state(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "403", "on_call": 3})
    bulkzoho.leads("a.csv", 5)
    write_csv(bulkzoho.folder / "b.csv", ["Last_Name", "Email"], [["B", "b@example.com"], ["", "c@example.com"]])
    bulkzoho.leads("c.csv", 250, start=100)
    bulkzoho.run("import", "a.csv", "--module", "Leads").expect(0)
    bulkzoho.run("import", "b.csv", "--module", "Leads").expect(3)
    bulkzoho.run("import", "c.csv", "--module", "Leads", "--in-flight", "1").expect(6)

    # bulkzoho runs; bulkzoho runs --json
    table = bulkzoho.run("runs").expect(0)
    listed = json.loads(bulkzoho.run("runs", "--json").expect(0).out)

    assert {(run["status"], run["rows"]["accepted"], run["rows"]["dead_lettered"]) for run in listed} == {
        ("completed", 5, 0),
        ("completed", 1, 1),
        ("stopped", 0, 0),
    }
    assert {"run", "command", "crm_module", "operation", "status", "started", "rows", "folder"} <= listed[0].keys()
    assert listed == sorted(listed, key=lambda run: str(run["run"]), reverse=True)
    assert [line.split()[0] for line in table.out.splitlines()] == ["run", *(run["run"] for run in listed)]


def test_a_state_directory_without_runs_says_so(bulkzoho: Program) -> None:
    # bulkzoho runs; bulkzoho runs --json; bulkzoho resume
    table, listed, resumed = (bulkzoho.run(*words).expect(0) for words in (["runs"], ["runs", "--json"], ["resume", "--json"]))

    assert (table.out, listed.out) == ("", "[]\n")
    assert "no runs yet" in table.err
    assert resumed.summary["exit_code"] == 0


def test_standard_input_is_recognized_when_it_is_imported_as_a_file(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    file = bulkzoho.leads("leads.csv", 30)
    # cat leads.csv | bulkzoho import - --module Leads
    bulkzoho.run("import", "-", "--module", "Leads", "--json", text=file.read_bytes()).expect(0)

    # bulkzoho import leads.csv --module Leads
    refused = bulkzoho.run("import", file.name, "--module", "Leads", "--json").expect(4).summary

    assert refused["error"]["code"] == "SENT_BEFORE"
    assert sandbox.count() == 30


@pytest.mark.parametrize("operation", ["insert", "upsert"])
@pytest.mark.parametrize("change", ["content", "time", "size"])
def test_an_input_that_changed_is_not_resumed(bulkzoho: Program, sandbox: SandboxProcess, operation: str, change: str) -> None:
    """An insert recognizes its file by the whole content, other operations by what was read; the file time does not matter."""
    file = bulkzoho.leads("leads.csv", 300)
    how = ("--operation", operation, *(["--match-on", "Email"] if operation == "upsert" else []))
    bulkzoho.run("import", file.name, "--module", "Leads", *how, "--limit", "100", "--json").expect(0)
    text, facts = file.read_bytes(), file.stat()
    file.write_bytes(text + b"\n" if change == "size" else text.replace(b"@", b"%", 1) if change == "content" else text)
    later_ns = 10**9 if change == "time" else 0
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns + later_ns))

    # bulkzoho resume --limit none
    refused = bulkzoho.run("resume", "--limit", "none", "--json").expect(4)

    assert "leads.csv: the file changed since the run read it." in refused.err
    assert sandbox.count() == 100
    file.write_bytes(text)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    bulkzoho.run("resume", "--limit", "none", "--json").expect(0)
    assert sandbox.count() == 300


def test_a_run_that_never_reached_the_crm_is_recognized_by_its_file_once_it_does(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    file = bulkzoho.leads("leads.csv", 30)
    words = ("import", file.name, "--module", "Leads", "--json")
    nowhere = {"BULKZOHO_API_URL": "http://127.0.0.1:9", "BULKZOHO_ACCOUNTS_URL": "http://127.0.0.1:9"}

    # bulkzoho import leads.csv --module Leads --give-up-after 1s; bulkzoho resume; bulkzoho import leads.csv --module Leads
    bulkzoho.run(*words, "--give-up-after", "1s", environment=nowhere).expect(5)
    bulkzoho.run("resume", "--json").expect(0)
    refused = bulkzoho.run(*words).expect(4).summary

    assert refused["error"]["code"] == "SENT_BEFORE"
    assert sandbox.count() == 30


def test_such_a_run_is_refused_when_another_run_sent_its_file(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    file = bulkzoho.leads("leads.csv", 30)
    words = ("import", file.name, "--module", "Leads", "--json")
    nowhere = {"BULKZOHO_API_URL": "http://127.0.0.1:9", "BULKZOHO_ACCOUNTS_URL": "http://127.0.0.1:9"}

    # bulkzoho import leads.csv --module Leads --give-up-after 1s; bulkzoho import leads.csv --module Leads; bulkzoho resume RUN
    late = bulkzoho.run(*words, "--give-up-after", "1s", environment=nowhere).expect(5).summary["run"]
    bulkzoho.run(*words).expect(0)
    refused = bulkzoho.run("resume", late, "--json").expect(4).summary

    assert refused["error"]["code"] == "SENT_BEFORE"
    assert sandbox.count() == 30


def test_a_run_whose_work_another_did_is_skipped_by_resume(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("old.csv", 300)
    bulkzoho.leads("new.csv", 30, start=1_001)
    import_new = ("import", "new.csv", "--module", "Leads", "--json")
    bulkzoho.run("import", "old.csv", "--module", "Leads", "--max-errors", "0", "--limit", "100", "--json").expect(0)
    bulkzoho.run(*import_new, environment={"BULKZOHO_CLIENT_SECRET": "wrong"}).expect(6)
    bulkzoho.run(*import_new).expect(0)

    # bulkzoho resume; bulkzoho resume --limit none
    nothing = bulkzoho.run("resume", "--json").expect(0)
    older = bulkzoho.run("resume", "--limit", "none", "--json").expect(0)

    assert "Skipped run " in nothing.err
    assert older.summary["rows"]["accepted"] == 300
    assert sandbox.count() == 330
