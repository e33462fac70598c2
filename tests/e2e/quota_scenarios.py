"""Quota scenarios that take half a minute or more: what is started, and what was measured."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from .arrivals import DAY_S, arrivals_at
from .clocks import ClockThatJumps, Sleep
from .harness import NOTHING, Program, Running, SandboxProcess

__all__ = [
    "A_DAY",
    "FIRST",
    "MINUTE_S",
    "SHARED",
    "Bounded",
    "Days",
    "Killed",
    "Paused",
    "Place",
    "Shared",
    "Slept",
    "Stormed",
    "a_machine_sleeps",
    "a_storm_passes",
    "bounded_by",
    "days_pass",
    "many_meet",
    "one_is_killed",
    "one_is_told_to_wait",
    "two_share",
]

IMPORT = ("import", "--module", "Leads", "--json")
MINUTE_S = 60.0
SHARED = 120  # calls a minute of two processes
FIRST = 6  # calls a minute of eight
A_DAY = 40  # calls
A_LOOK_S = 5_400.0  # seconds that pass at each check of a waiting run


@dataclass(frozen=True, slots=True)
class Place:
    """One scenario: a program with a state directory of its own, and its CRM."""

    program: Program
    sandbox: SandboxProcess
    started: list[Running] = field(default_factory=list)

    def start(self, *words: str, environment: Mapping[str, str] = NOTHING) -> Running:
        """Start one command."""
        self.started.append(self.program.start(*words, environment=environment))
        return self.started[-1]

    def arrivals(self) -> list[float]:
        """Return the arrival times of calls."""
        return arrivals_at(self.sandbox)

    def clear(self) -> None:
        """Kill running commands."""
        for one in self.started:
            if one.process.returncode is None:
                one.process.kill()
                one.process.wait()


@dataclass(frozen=True, slots=True)
class Shared:
    """Two processes shared a minute."""

    arrivals: list[float]
    summaries: list[dict[str, Any]]
    state: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Killed:
    """One of two processes was killed."""

    arrivals: list[float]
    killed_at: float
    state: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Days:
    """A run waited for days."""

    arrivals: list[float]
    summary: dict[str, Any]
    said: str
    records: int
    state: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Slept:
    """A machine slept while a run waited."""

    cpu_share: float
    went_on_after_s: float
    summary: dict[str, Any]
    arrivals: list[float]
    records: int


def two_share(place: Place) -> Shared:
    """Run two imports that share 120 calls a minute for 150 s."""
    for name, start in (("a.csv", 1), ("b.csv", 100_001)):
        place.program.leads(name, 30_000, start=start)
    words = (*IMPORT, "--calls-per-minute", str(SHARED), "--max-duration", "150s")

    # bulkzoho import a.csv --module Leads --calls-per-minute 120 and the same with b.csv, together for 150 s
    running = [place.start(*words, name) for name in ("a.csv", "b.csv")]
    summaries = [one.wait(300).expect(10).summary for one in running]

    return Shared(place.arrivals(), summaries, place.sandbox.state())


def one_is_killed(place: Place) -> Killed:
    """Kill one of two imports in the middle."""
    for name, start in (("a.csv", 1), ("b.csv", 100_001)):
        place.program.leads(name, 30_000, start=start)
    words = (*IMPORT, "--calls-per-minute", str(SHARED), "--max-duration", "120s")

    # the same; kill -9 for one of them after 40 s
    first, second = (place.start(*words, name) for name in ("a.csv", "b.csv"))
    _until(partial(_has_arrived, place, 20))
    time.sleep(35)
    first.signal(signal.SIGKILL)
    first.wait(10)
    arrived = place.arrivals()
    second.wait(240).expect(10)

    return Killed(place.arrivals(), arrived[-1], place.sandbox.state())


def many_meet(place: Place) -> list[float]:
    """Run eight first imports of one organization at once."""
    words = (*IMPORT, "--calls-per-minute", str(FIRST))

    # bulkzoho import ... --calls-per-minute 6, eight times at once in a new home
    for number in range(8):
        place.program.leads(f"{number}.csv", 2_000, start=number * 2_000 + 1)
    running = [place.start(*words, f"{number}.csv") for number in range(8)]
    _until(partial(_has_arrived, place, FIRST + 1))  # the second minute has begun
    time.sleep(5)
    for one in running:
        one.signal(signal.SIGKILL)
    for one in running:
        one.wait(10)

    return place.arrivals()


def days_pass(place: Place) -> Days:
    """Run an import while two days pass."""
    place.program.leads("leads.csv", 8_500)
    clock = ClockThatJumps(place.program.folder, Sleep.NOTHING_STOPS)
    passed_s = 0.0

    # bulkzoho import leads.csv --module Leads --calls-per-day 40; while it waits, an hour and a half passes each time we look
    running = place.start(*IMPORT, "leads.csv", "--calls-per-day", str(A_DAY), environment=clock.environment)
    for day in (1, 2):
        _until(partial(_has_arrived, place, day * A_DAY))
        _until(lambda: "(limit: API calls per day)" in running.err())
        while len(place.arrivals()) == day * A_DAY:
            passed_s += A_LOOK_S
            place.sandbox.advance(A_LOOK_S)
            clock.set_to(passed_s)
            time.sleep(1.3)  # it checks its clocks once a second
    ended = running.wait(120).expect(0)

    return Days(place.arrivals(), ended.summary, ended.err, place.sandbox.count(), place.sandbox.state())


def a_machine_sleeps(place: Place) -> Slept:
    """Set the wall clock forward by a day while a run waits."""
    place.program.leads("leads.csv", 3_000)
    clock = ClockThatJumps(place.program.folder, Sleep.MONOTONIC_STOPS)

    # bulkzoho import leads.csv --module Leads --calls-per-day 20; the wall clock jumps by a day while it waits
    running = place.start(*IMPORT, "leads.csv", "--calls-per-day", "20", environment=clock.environment)
    _until(lambda: "(limit: API calls per day)" in running.err())
    before = _cpu_s(running)
    time.sleep(20)
    cpu_share = (_cpu_s(running) - before) / 20
    arrived = len(place.arrivals())
    place.sandbox.advance(DAY_S + 120)
    clock.set_to(DAY_S + 120)
    jumped = time.monotonic()
    _until(lambda: len(place.arrivals()) > arrived)
    went_on_after_s = time.monotonic() - jumped
    ended = running.wait(120).expect(0)

    return Slept(cpu_share, went_on_after_s, ended.summary, place.arrivals(), place.sandbox.count())


def _has_arrived(place: Place, calls: int) -> bool:
    return len(place.arrivals()) >= calls


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def _cpu_s(running: Running) -> float:
    fields = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Stormed:
    """Every call was answered 429 for a while."""

    calls: list[dict[str, Any]]
    summary: dict[str, Any]
    records: int


def a_storm_passes(place: Place) -> Stormed:
    """Answer every call 429 for four seconds."""
    place.program.leads("leads.csv", 40_000)

    # bulkzoho import leads.csv --module Leads, and for four seconds every call is answered 429
    running = place.start(*IMPORT, "leads.csv", "--calls-per-minute", "600", "--max-duration", "40s")
    _until(lambda: len(place.sandbox.writes()) >= 30)
    place.sandbox.random_faults(1, {"429": 1.0})
    time.sleep(4)
    place.sandbox.script()
    summary = running.wait(120).expect(10).summary

    return Stormed(place.sandbox.calls(), summary, place.sandbox.count())


@dataclass(frozen=True, slots=True)
class Paused:
    """Two processes paused after a 429."""

    after: list[float]  #: arrivals, in seconds after the 429
    throttled: int


def one_is_told_to_wait(place: Place) -> Paused:
    """Answer one call of two imports 429 with Retry-After."""
    for name, start in (("a.csv", 1), ("b.csv", 100_001)):
        place.program.leads(name, 20_000, start=start)
    words = (*IMPORT, "--calls-per-minute", "600", "--max-duration", "14s")

    # bulkzoho import a.csv --module Leads and bulkzoho import b.csv --module Leads at once
    running = [place.start(*words, name) for name in ("a.csv", "b.csv")]
    _until(lambda: len(place.sandbox.writes()) >= 30)
    place.sandbox.script({"kind": "429", "operation": "insert"})
    summaries = [one.wait(120).expect(10).summary for one in running]

    (refused,) = [call for call in place.sandbox.calls() if call["status"] == 429]
    after = [at - refused["replied_s"] for at in place.arrivals() if at > refused["replied_s"]]
    return Paused(after, sum(one["calls"]["throttled"] for one in summaries))


@dataclass(frozen=True, slots=True)
class Bounded:
    """A run reached a limit."""

    quota: dict[str, Any]  #: of the summary
    in_flight: dict[str, int]  #: at the sandbox


def bounded_by(*limits: str) -> Callable[[Place], Bounded]:
    """Return a scenario: an import under these *limits* for half a minute."""

    def play(place: Place) -> Bounded:
        place.program.leads("leads.csv", 40_000)
        # bulkzoho import leads.csv --module Leads, where a call takes 50 ms, and where it takes 2 s
        running = place.start(*IMPORT, "leads.csv", "--max-duration", "30s", *limits)
        summary = running.wait(150).expect(10).summary
        return Bounded(summary["quota"], place.sandbox.state()["in_flight"])

    return play
