"""Credits that are used up end the day, and no useless call is made."""

from __future__ import annotations

import signal
import time

import pytest

from .harness import Program, SandboxProcess, wait_until

IMPORT = ("import", "--module", "Leads", "--json", "--calls-per-minute", "600")
ENDLESS = 20_000  # rows, more than any test here sends


def test_a_429_without_credits_is_the_end_of_the_day(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.2)
    bulkzoho.leads("leads.csv", ENDLESS)

    # bulkzoho import leads.csv --module Leads --on-quota stop, when another program uses the credits up
    running = bulkzoho.start(*IMPORT, "leads.csv", "--on-quota", "stop")
    wait_until(lambda: len(sandbox.writes()) >= 10, what="work")
    sandbox.change(credits_per_day=50)
    ended = running.wait(90).expect(7)
    refused = [call for call in sandbox.calls() if call["status"] == 429]
    # bulkzoho resume --on-quota wait
    resumed = bulkzoho.start("resume", "--on-quota", "wait", "--json", "--progress", "none")
    wait_until(lambda: "Waiting for credits a day until" in resumed.err(), what="the wait")
    time.sleep(3)
    resumed.signal(signal.SIGTERM)
    stopped = resumed.wait(60).expect(5)

    assert "credits a day are used up" in ended.err
    assert 1 <= len(refused) <= 10  # calls in flight
    assert sum(1 for call in sandbox.calls() if call["status"] == 429) == len(refused)
    assert ended.summary["calls"]["throttled"] == stopped.summary["calls"]["throttled"] == len(refused)
    assert stopped.summary["rows"]["accepted"] == sandbox.count()
    assert stopped.summary["rows"]["in_doubt"] == 0


def test_the_credits_that_the_service_reports_are_trusted(bulkzoho: Program, sandbox: SandboxProcess) -> None:
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


def test_credits_that_are_used_up_before_the_run_end_it_at_once(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 1_000)
    bulkzoho.leads("more.csv", 1_000, start=2_001)
    bulkzoho.run(*IMPORT, "leads.csv").expect(0)
    sandbox.change(credits_per_day=100)

    # bulkzoho import more.csv --module Leads --on-quota stop
    began = time.monotonic()
    bulkzoho.run(*IMPORT, "more.csv", "--on-quota", "stop", "--progress", "none").expect(7)

    assert time.monotonic() - began < 20
    assert sandbox.count() == 1_000
    assert sum(1 for call in sandbox.calls() if call["status"] == 429) <= 3
