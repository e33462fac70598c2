"""The clock of the machine is set between two runs: nothing is doubled, and no run waits for a time that will not come."""

from __future__ import annotations

from .clocks import ClockThatJumps, Sleep, later
from .harness import Program, SandboxProcess, write_csv

HOUR_S = 3_600.0


def test_a_run_that_only_seems_to_be_later_does_not_double_a_file(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    file = bulkzoho.leads("leads.csv", 30)
    words = ("import", file.name, "--module", "Leads", "--json")
    sandbox.script({"kind": "scope_mismatch", "operation": "insert", "times": 100})

    # bulkzoho import leads.csv --module Leads; date --set ...; bulkzoho import leads.csv --module Leads; bulkzoho resume RUN
    first = bulkzoho.run(*words).expect(6).summary
    sandbox.script()
    second = bulkzoho.run(*words, environment=later(-HOUR_S)).expect(0).summary
    refused = bulkzoho.run("resume", first["run"], "--json").expect(4).summary

    assert first["rows"]["accepted"] == 0
    assert second["run"] < first["run"]  # by its name it is earlier
    assert refused["error"]["code"] == "SENT_BEFORE"
    assert second["run"] in refused["error"]["message"]
    assert sandbox.count() == 30


def test_a_run_continues_beside_a_later_one_with_again(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    file = write_csv(bulkzoho.folder / "leads.csv", ["Last_Name"], ([f"Lead {n}"] for n in range(30)))
    words = ("import", file.name, "--module", "Leads", "--json")

    # bulkzoho import leads.csv ... --limit 10; bulkzoho import leads.csv ... --again; bulkzoho resume RUN --limit none
    first = bulkzoho.run(*words, "--limit", "10").expect(0).summary["run"]
    bulkzoho.run(*words, "--again", environment=later(-HOUR_S)).expect(0)
    bulkzoho.run("resume", first, "--limit", "none", "--json").expect(0)

    assert sandbox.count() == 60


def test_a_pause_by_a_fast_clock_ends_when_the_clock_is_corrected(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "429", "operation": "insert", "times": 1})
    clock = ClockThatJumps(bulkzoho.folder, Sleep.MONOTONIC_STOPS)
    clock.set_to(HOUR_S)

    # bulkzoho import a.csv --module Leads; date --set ...; bulkzoho quota; bulkzoho import b.csv --module Leads
    fast = bulkzoho.run("import", bulkzoho.leads("a.csv", 5).name, "--module", "Leads", "--json", environment=clock.environment)
    quota = bulkzoho.run("quota").expect(0)
    right = bulkzoho.run("import", bulkzoho.leads("b.csv", 5, start=10).name, "--module", "Leads", "--json", timeout_s=20.0)

    assert fast.expect(0).summary["calls"]["throttled"] == 1
    assert right.expect(0).summary["rows"]["accepted"] == 5
    assert "All runs pause until" not in quota.out
    assert sandbox.count() == 10
