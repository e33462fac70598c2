"""Ctrl-C, kill -9, and the resume after them."""

from __future__ import annotations

import csv
import json
import random
import signal
import time

import pytest

from .harness import Program, SandboxProcess, wait_until, write_csv

IMPORT = ("import", "leads.csv", "--module", "Leads", "--calls-per-minute", "60000")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_interrupt_drains_and_shows_how_to_continue(
    bulkzoho: Program, sandbox: SandboxProcess, number: signal.Signals
) -> None:
    sandbox.change(latency_s=0.2)
    bulkzoho.leads("leads.csv", 20_000)

    # bulkzoho import leads.csv --module Leads, and Ctrl-C
    running = bulkzoho.start(*IMPORT)
    wait_until(lambda: sandbox.count() >= 1_000, what="work")
    running.signal(number)
    ended = running.wait().expect(5)

    next_command = ended.err.rstrip().splitlines()[-1]
    assert next_command.startswith("Next: bulkzoho resume ")
    resumed = (
        bulkzoho.run(*next_command.removeprefix("Next: bulkzoho ").split(), "--json", environment=_fast(sandbox))
        .expect(0)
        .summary
    )
    assert resumed["rows"] | {"read": 0} == resumed["rows"] | {"read": 0, "accepted": 20_000, "in_doubt": 0, "unsent": 0}
    assert sandbox.count() == 20_000


def _fast(sandbox: SandboxProcess) -> dict[str, str]:
    sandbox.change(latency_s=0.0)
    return {}


def test_calls_in_flight_finish_before_the_end(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.5)
    bulkzoho.leads("leads.csv", 20_000)

    # bulkzoho import leads.csv --module Leads --json, and Ctrl-C
    running = bulkzoho.start(*IMPORT, "--json")
    wait_until(lambda: sandbox.state()["in_flight"]["now"] >= 5, what="calls in flight")
    running.signal(signal.SIGINT)
    summary = running.wait().expect(5).summary

    assert (summary["status"], summary["rows"]["in_doubt"]) == ("interrupted", 0)
    assert summary["rows"]["accepted"] == sandbox.count() > 0
    assert summary["rows"]["read"] == summary["rows"]["accepted"] + summary["rows"]["unsent"]


def test_two_interrupts_stop_at_once_and_stay_resumable(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.2)
    bulkzoho.leads("leads.csv", 10_000)

    # bulkzoho import leads.csv --module Leads --json, and Ctrl-C twice while calls take long
    running = bulkzoho.start(*IMPORT, "--json")
    wait_until(lambda: sandbox.count() > 0, what="work")
    sandbox.change(latency_s=5.0)
    time.sleep(0.5)
    running.signal(signal.SIGINT)
    time.sleep(0.2)
    running.signal(signal.SIGINT)
    began = time.monotonic()
    ended = running.wait().expect(5)
    took = time.monotonic() - began
    summary = ended.summary
    sandbox.change(latency_s=0.0)
    resumed = bulkzoho.run("resume", "--settle-wait", "6s", "--json", timeout_s=90).expect(0).summary

    assert took < 1.0
    assert "Rows of requests in flight are in doubt until the run is resumed." in ended.err
    assert summary["rows"]["in_doubt"] > 0
    assert resumed["rows"]["accepted"] == sandbox.count() == 10_000


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_runs_are_resumed_until_done(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.03, jitter_s=0.02)
    bulkzoho.leads("leads.csv", 40_000)
    chance = random.Random(7)
    words = [*IMPORT, "--json"]

    # bulkzoho import leads.csv --module Leads; kill -9; bulkzoho resume; kill -9; ...
    killed = 0
    for _ in range(12):
        running = bulkzoho.start(*words)
        if words[0] != "resume":  # on a busy machine there might be no run yet that could be resumed
            wait_until(lambda: sandbox.count() > 0, what="work")
        time.sleep(0.6 + chance.random())
        if running.process.poll() is None:
            running.signal(signal.SIGKILL)
            killed += 1
        running.wait()
        words = ["resume", "--json"]
    summary = bulkzoho.run(*words, timeout_s=120).expect(0).summary

    keys = [record["External_Id"] for record in sandbox.records()]
    assert len(keys) == len(set(keys)) == summary["rows"]["accepted"] == 40_000
    results = bulkzoho.lines(summary["results"])
    assert sorted(line["row"] for line in results) == list(range(1, 40_001))
    assert killed > 3


def test_a_running_run_cannot_be_resumed_by_another_process(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.3)
    bulkzoho.leads("leads.csv", 20_000)

    # bulkzoho import leads.csv --module Leads; bulkzoho resume RUN meanwhile
    running = bulkzoho.start(*IMPORT)
    wait_until(lambda: sandbox.count() > 0, what="work")
    (run,) = (path.name for path in (bulkzoho.home / "runs").iterdir())
    second = bulkzoho.run("resume", run, "--json")
    running.signal(signal.SIGINT)
    running.wait().expect(5)

    assert str(running.process.pid) in second.expect(4).summary["error"]["message"]


def test_an_input_that_changed_is_not_resumed(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.3)
    file = bulkzoho.leads("leads.csv", 20_000)
    running = bulkzoho.start(*IMPORT)
    wait_until(lambda: sandbox.count() > 0, what="work")
    running.signal(signal.SIGINT)
    running.wait().expect(5)

    # echo ... >> leads.csv; bulkzoho resume
    with file.open("a") as more:
        more.write("Late,late@example.com,X-late,Acme\n")
    ended = bulkzoho.run("resume", "--json")

    assert "leads.csv" in ended.expect(4).summary["error"]["message"]


def test_standard_input_that_was_cut_short_is_resumed_from_the_copy_of_the_run(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    sandbox.change(latency_s=0.2)
    text = bulkzoho.leads("leads.csv", 5_000).read_text()

    # bulkzoho import - --module Leads < leads.csv, Ctrl-C, and bulkzoho resume
    running = bulkzoho.start("import", "-", *IMPORT[2:], text=text)
    wait_until(lambda: sandbox.count() >= 1_000, what="work")
    running.signal(signal.SIGINT)
    running.wait().expect(5)
    sandbox.change(latency_s=0.0)
    resumed = bulkzoho.run("resume", "--json")

    summary = resumed.summary
    assert resumed.status in (0, 1)  # 1: standard input was not read to its end when the run was stopped
    assert summary["rows"]["accepted"] == sandbox.count() == summary["rows"]["read"]
    assert summary["input_complete"] == (resumed.status == 0)


def test_a_resume_beside_a_running_run_names_it(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.5)
    bulkzoho.leads("leads.csv", 20_000)

    # bulkzoho import leads.csv --module Leads; bulkzoho resume
    running = bulkzoho.start(*IMPORT)
    wait_until(lambda: sandbox.count() > 0, what="work")
    beside = bulkzoho.run("resume").expect(0)
    running.signal(signal.SIGINT)
    running.wait().expect(5)

    [run] = (bulkzoho.home / "runs").iterdir()
    assert beside.err == f"bulkzoho: nothing to resume: run {run.name} is running (process {running.process.pid}).\n"


def test_a_call_without_response_whose_later_lines_have_new_columns_is_resumed(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    later = {"Company": "Acme", "City": "Oslo"}
    rows = [{"Last_Name": f"A{n}", **(later if n > 100 else {})} for n in range(1, 201)]
    bulkzoho.file("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    write_csv(bulkzoho.folder / "b.csv", ["Last_Name", "City"], [["B", "Bergen"]])
    sandbox.script({"kind": "reset_after_commit", "times": 8})

    # bulkzoho import a.jsonl b.csv --module Leads --batch-size 30; kill -9; bulkzoho resume
    words = ("import", "a.jsonl", "b.csv", *IMPORT[2:], "--batch-size", "30", "--results", "made.csv")
    running = bulkzoho.start(*words, environment={"BULKZOHO_SETTLE_WAIT": "60"})
    wait_until(lambda: sandbox.count() >= 120, what="the call with lines of both kinds")
    running.signal(signal.SIGKILL)
    running.wait()
    sandbox.script()
    summary = bulkzoho.run("resume", "--json").expect(0).summary

    assert summary["rows"]["accepted"] == sandbox.count() == 201
    with (bulkzoho.folder / "made.csv").open(newline="") as made:
        cities = {line["Last_Name"]: line["City"] for line in csv.DictReader(made)}
    assert cities == {**{row["Last_Name"]: row.get("City", "") for row in rows}, "B": "Bergen"}
