"""Runs that die at a system call end exact: a sample of the calls (:mod:`run_all` takes every one)."""

from __future__ import annotations

import asyncio
import csv
import shutil
from pathlib import Path

import pytest

from bulkzoho.sandbox import Edition, Sandbox, SandboxSettings

from .harness import FAST, Workplace
from .syscalls import ASIDE, CALL_NAMES, FAILING, Census, count_calls, fail_from, kill_aside, kill_at

SAMPLE = 4  # calls of each name
ASIDE_NUMBER = 10  # a call of the thread that waits for the disk
AT_ONCE = 2  # processors


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_run_killed_on_entering_a_system_call_ends_with_every_row_once() -> None:
    assert shutil.which("strace"), "strace is needed to kill a run at a system call"
    census = await count_calls()
    assert census["pwrite64"].total > 50
    gate = asyncio.Semaphore(AT_ONCE)

    async def attack(call: str, number: int) -> bool:
        async with gate:
            return await kill_at(call, number, quick=True)

    async def attack_aside(what: str) -> bool:
        async with gate:
            return await kill_aside(what, ASIDE_NUMBER)

    async with asyncio.TaskGroup() as group:
        attacks = [group.create_task(attack(call, number)) for call in CALL_NAMES for number in _sample(census[call])]
        aside = [group.create_task(attack_aside(what)) for what in ASIDE]

    assert sum(task.result() for task in attacks) > 20
    assert all(task.result() for task in aside)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_run_whose_disk_fails_from_a_system_call_on_ends_with_every_row_once_when_it_works_again() -> None:
    census = await count_calls()
    gate = asyncio.Semaphore(AT_ONCE)

    async def attack(call: str, number: int) -> bool:
        async with gate:
            return await fail_from(call, number, FAILING[call])

    async with asyncio.TaskGroup() as group:
        attacks = [group.create_task(attack(call, number)) for call in FAILING for number in _sample(census[call])[1:]]

    assert sum(task.result() for task in attacks) > 5


@pytest.mark.parametrize("option", ["--results", "--dead-letter"])
@pytest.mark.parametrize("copy", ["copy.csv", "copy.jsonl"])
async def test_a_copy_whose_first_lines_were_never_committed_starts_afresh(tmp_path: Path, option: str, copy: str) -> None:
    cell = "5" if option == "--results" else "not a number"
    rows = [(f'Lead {n},\r\n"{n}"', cell) for n in range(20)]
    with (tmp_path / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("Last_Name", "No_of_Employees"), *rows])
    under = ("strace", "-f", "-qq", "-o", "/dev/null", "-P", str(tmp_path / copy))
    kill = ("-e", "trace=fdatasync", "-e", "inject=fdatasync:signal=KILL:when=1")
    async with Sandbox(SandboxSettings(edition=Edition.ULTIMATE)) as sandbox:
        place = Workplace(tmp_path, {**sandbox.environment, "BULKZOHO_SETTLE_WAIT": "0"})

        # bulkzoho import rows.csv --module Leads --results copy.csv, killed before a commit; bulkzoho resume
        killed = await place.run("import", "rows.csv", "--module", "Leads", option, copy, *FAST, under=(*under, *kill))
        left = (tmp_path / copy).read_bytes()
        place.forget_quota()
        resumed = await place.run("resume", *FAST)

        assert killed.killed
        assert left.count(b"rows.csv") == 20
        assert resumed.status == (0 if option == "--results" else 3), resumed
        assert sandbox.count("Leads") == (20 if option == "--results" else 0)
    assert (tmp_path / copy).read_bytes().count(b"rows.csv") == 20


def _sample(census: Census) -> list[int]:
    """Return calls spread evenly from the first of ours to the last."""
    count = census.total - census.first + 1
    return sorted({census.first + count * step // SAMPLE for step in range(SAMPLE)}) if count > 0 else []
