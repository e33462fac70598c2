"""Runs that end early, resumable: by a used-up day, a window, a maximum duration."""

from __future__ import annotations

import re
import signal

from .arrivals import arrivals_at
from .clocks import at_time
from .harness import Program, SandboxProcess, wait_until

IMPORT = ("import", "leads.csv", "--module", "Leads", "--json")


def test_a_used_up_day_stops_the_run_and_says_until_when(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 5_000)

    # bulkzoho import leads.csv --module Leads --calls-per-day 20 --on-quota stop
    ended = bulkzoho.run(*IMPORT, "--calls-per-day", "20", "--on-quota", "stop").expect(7)

    summary = ended.summary
    assert len(arrivals_at(sandbox)) == 20
    assert (summary["status"], summary["rows"]["accepted"]) == ("stopped", sandbox.count())
    assert summary["rows"]["read"] == summary["rows"]["accepted"] + summary["rows"]["unsent"]
    assert re.search(
        r"calls a day are used up \(20 in any 24 hours\); more are available from \d{4}-\d\d-\d\d \d\d:\d\d", ended.err
    )
    assert summary["next"] == f"bulkzoho resume {summary['run']}"
    resumed = bulkzoho.run("resume", "--calls-per-day", "1000", "--json").expect(0).summary
    assert resumed["rows"]["accepted"] == sandbox.count() == 5_000


def test_a_day_that_is_used_up_before_the_first_call_stops_too(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 5_000)
    bulkzoho.run(*IMPORT, "--calls-per-day", "20", "--on-quota", "stop").expect(7)
    before = len(arrivals_at(sandbox))

    # bulkzoho resume
    summary = bulkzoho.run("resume", "--json").expect(7).summary

    assert len(arrivals_at(sandbox)) == before
    assert summary["error"]["code"] == "QUOTA_USED_UP"
    assert summary["rows"]["accepted"] == sandbox.count()


def test_a_run_ends_after_its_maximum_duration(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 20_000)

    # bulkzoho import leads.csv --module Leads --calls-per-minute 300 --max-duration 2s
    summary = bulkzoho.run(*IMPORT, "--calls-per-minute", "300", "--max-duration", "2s").expect(10).summary

    assert summary["status"] == "stopped"
    assert 2.0 <= summary["seconds"] < 4.0
    assert 0 < summary["rows"]["accepted"] == sandbox.count() < 20_000
    assert summary["next"].startswith("bulkzoho resume ")


def test_a_window_is_waited_for_and_ends_the_run(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 50_000)
    clock = at_time("2026-11-24 21:59:20", scale=10)  # two minutes in twelve seconds

    # bulkzoho import leads.csv --module Leads --window 22:00-22:01
    words = (*IMPORT, "--window", "22:00-22:01", "--calls-per-minute", "60", "--calls-per-day", "300")
    ended = bulkzoho.run(*words, environment=clock).expect(10)

    first, *_, last = arrivals_at(sandbox, writes_only=True)
    connected = max(at for at in arrivals_at(sandbox) if at < first)
    assert "Waiting for the window: it opens at 2026-11-24 22:00." in ended.err
    assert first - connected > 1.0  # nothing was sent while it waited
    assert last - first < 6.5  # a minute of its time, calls in flight included
    assert ended.summary["rows"]["accepted"] == sandbox.count() > 0
    assert ended.summary["next"].startswith("bulkzoho resume ")


def test_an_interrupt_ends_the_wait_for_a_window(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 1_000)
    clock = at_time("2026-11-24 12:00:00")

    # bulkzoho import leads.csv --module Leads --window 22:00-06:00, and Ctrl-C
    running = bulkzoho.start(*IMPORT, "--window", "22:00-06:00", environment=clock)
    wait_until(lambda: "Waiting for the window" in running.err(), what="the wait")
    running.signal(signal.SIGINT)
    summary = running.wait(5).expect(5).summary

    assert (summary["rows"]["accepted"], sandbox.count()) == (0, 0)
