"""What 429s do: Retry-After is kept to by all, credits that are gone end the day."""

from __future__ import annotations

import signal
import time

import pytest

from .arrivals import arrivals_at
from .rig import Program, SandboxMaker, SandboxProcess, wait_until

IMPORT = ("import", "--module", "Leads", "--json", "--calls-per-minute", "600")
RETRY_AFTER_S = 5.0  # what the sandbox sends
TOLD_S = 1.3  # until another process knows of a pause: they look at the ledger once a second
ENDLESS = 20_000  # rows, more than any test here sends


def test_retry_after_is_obeyed_to_the_second_by_every_process(bulkzoho: Program, new_sandbox: SandboxMaker) -> None:
    strict = new_sandbox("--edition", "ultimate", "--licences", "1000", "--retry-after", "--latency", "0.05")
    for name, start in (("a.csv", 1), ("b.csv", 100_001)):
        bulkzoho.leads(name, ENDLESS, start=start)
    words = (*IMPORT, "--max-duration", "14s")

    # bulkzoho import a.csv --module Leads and bulkzoho import b.csv --module Leads at once
    running = [bulkzoho.start(*words, name, environment=strict.environment) for name in ("a.csv", "b.csv")]
    wait_until(lambda: len(strict.writes()) >= 30, what="both at work")
    strict.script({"kind": "429", "operation": "insert"})
    summaries = [one.wait().expect(10).summary for one in running]

    (refused,) = [call for call in strict.calls() if call["status"] == 429]
    after = [at - refused["replied_s"] for at in arrivals_at(strict) if at > refused["replied_s"]]
    assert [at for at in after if TOLD_S < at < RETRY_AFTER_S] == []
    assert sum(1 for at in after if RETRY_AFTER_S <= at < RETRY_AFTER_S + 1.5) >= 2
    assert sum(one["calls"]["throttled"] for one in summaries) == 1


@pytest.mark.timeout(150)
def test_a_storm_of_429s_passes_and_the_pace_comes_back(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.1)
    bulkzoho.leads("leads.csv", 40_000)

    # bulkzoho import leads.csv --module Leads, and for four seconds every call is answered 429
    running = bulkzoho.start(*IMPORT, "leads.csv", "--max-duration", "40s")
    wait_until(lambda: len(sandbox.writes()) >= 30, what="work")
    sandbox.random_faults(1, {"429": 1.0})
    time.sleep(4)
    sandbox.script()
    summary = running.wait().expect(10).summary

    calls = sandbox.calls()
    refused = [call for call in calls if call["status"] == 429]
    last = max(call["arrived_s"] for call in calls if call["operation"] == "insert")
    at_the_end = sum(1 for call in calls if last - 5.0 < call["arrived_s"] <= last)
    assert summary["calls"]["throttled"] == len(refused)
    assert 3 <= len(refused) <= 12
    assert summary["rows"]["accepted"] == sandbox.count()
    assert at_the_end >= 40  # of 50


def test_a_429_without_credits_is_the_end_of_the_day(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.2)
    bulkzoho.leads("leads.csv", ENDLESS)

    # bulkzoho import leads.csv --module Leads --on-quota stop, when another program uses the credits up
    running = bulkzoho.start(*IMPORT, "leads.csv", "--on-quota", "stop")
    wait_until(lambda: len(sandbox.writes()) >= 10, what="work")
    sandbox.change(credits_per_day=50)
    ended = running.wait(20).expect(7)
    refused = [call for call in sandbox.calls() if call["status"] == 429]
    # bulkzoho resume --on-quota wait
    resumed = bulkzoho.start("resume", "--on-quota", "wait", "--json", "--progress", "none")
    wait_until(lambda: "Waiting for credits a day until" in resumed.err(), what="the wait")
    time.sleep(3)
    resumed.signal(signal.SIGTERM)
    stopped = resumed.wait(10).expect(5)

    assert "credits a day are used up" in ended.err
    assert 1 <= len(refused) <= 10  # those that were on their way
    assert sum(1 for call in sandbox.calls() if call["status"] == 429) == len(refused)
    assert ended.summary["calls"]["throttled"] == stopped.summary["calls"]["throttled"] == len(refused)
    assert stopped.summary["rows"]["accepted"] == sandbox.count()
    assert stopped.summary["rows"]["in_doubt"] == 0


def test_the_credits_that_the_service_names_are_believed(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", ENDLESS)
    sandbox.change(credits_per_day=1_000)  # Zoho's formula says 2,050,000

    # bulkzoho import leads.csv --module Leads --on-quota stop
    bulkzoho.run(*IMPORT, "leads.csv", "--on-quota", "stop").expect(7)

    state = sandbox.state()
    shown = bulkzoho.run("quota", "--json").expect(0).summary["organizations"][0]
    assert state["violations"]["total"] == 0
    assert state["calls"]["by_status"].get("429") is None
    assert 80 <= state["credits"]["left"] <= 120  # a tenth is left to others
    assert shown["credits_told_by_service"]
    assert shown["windows"]["credits_per_day"]["limit"] == pytest.approx(900, abs=20)
