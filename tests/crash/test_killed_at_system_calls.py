"""Runs killed at a system call end correctly: a sample of the calls (:mod:`run_all` tests all)."""

from __future__ import annotations

import asyncio
import csv
import shutil
from pathlib import Path

import pytest

from bulkzoho.sandbox import Edition, Sandbox, SandboxSettings

from .harness import FAST, Workspace
from .syscalls import CALL_NAMES, DISK_THREAD_CALLS, FAILING, CallCount, count_calls, fail_from, kill_at, kill_disk_thread

SAMPLE = 4  # sampled calls per name
DISK_THREAD_CALL_NUMBER = 10  # number of a call of the disk thread
CONCURRENCY = 2  # processors


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_run_killed_at_a_system_call_writes_every_row_once() -> None:
    assert shutil.which("strace"), "this test needs strace"
    call_counts = await count_calls()
    assert call_counts["pwrite64"].total > 50
    semaphore = asyncio.Semaphore(CONCURRENCY)

    async def attack(call: str, number: int) -> bool:
        async with semaphore:
            return await kill_at(call, number, quick=True)

    async def attack_disk_thread(what: str) -> bool:
        async with semaphore:
            return await kill_disk_thread(what, DISK_THREAD_CALL_NUMBER)

    async with asyncio.TaskGroup() as group:
        attacks = [group.create_task(attack(call, number)) for call in CALL_NAMES for number in _sample(call_counts[call])]
        disk_thread = [group.create_task(attack_disk_thread(what)) for what in DISK_THREAD_CALLS]

    assert sum(task.result() for task in attacks) > 20
    assert all(task.result() for task in disk_thread)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_run_on_a_failing_disk_writes_every_row_once_after_resume() -> None:
    call_counts = await count_calls()
    semaphore = asyncio.Semaphore(CONCURRENCY)

    async def attack(call: str, number: int) -> bool:
        async with semaphore:
            return await fail_from(call, number, FAILING[call])

    async with asyncio.TaskGroup() as group:
        attacks = [group.create_task(attack(call, number)) for call in FAILING for number in _sample(call_counts[call])[1:]]

    assert sum(task.result() for task in attacks) > 5


@pytest.mark.parametrize("option", ["--results", "--dead-letter"])
@pytest.mark.parametrize("copy", ["copy.csv", "copy.jsonl"])
async def test_a_copy_with_uncommitted_lines_is_rewritten_on_resume(tmp_path: Path, option: str, copy: str) -> None:
    cell = "5" if option == "--results" else "not a number"
    rows = [(f'Lead {n},\r\n"{n}"', cell) for n in range(20)]
    with (tmp_path / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("Last_Name", "No_of_Employees"), *rows])
    under = ("strace", "-f", "-qq", "-o", "/dev/null", "-P", str(tmp_path / copy))
    kill = ("-e", "trace=fdatasync", "-e", "inject=fdatasync:signal=KILL:when=1")
    async with Sandbox(SandboxSettings(edition=Edition.ULTIMATE)) as sandbox:
        workspace = Workspace(tmp_path, {**sandbox.environment, "BULKZOHO_SETTLE_WAIT": "0"})

        # bulkzoho import rows.csv --module Leads --results copy.csv, killed before a commit; bulkzoho resume
        killed = await workspace.run("import", "rows.csv", "--module", "Leads", option, copy, *FAST, under=(*under, *kill))
        left = (tmp_path / copy).read_bytes()
        workspace.delete_quota_ledger()
        resumed = await workspace.run("resume", *FAST)

        assert killed.killed
        assert left.count(b"rows.csv") == 20
        assert resumed.status == (0 if option == "--results" else 3), resumed
        assert sandbox.count("Leads") == (20 if option == "--results" else 0)
    assert (tmp_path / copy).read_bytes().count(b"rows.csv") == 20


def _sample(call_counts: CallCount) -> list[int]:
    """Return call numbers spread evenly from the first of the program to the last."""
    count = call_counts.total - call_counts.first + 1
    return sorted({call_counts.first + count * step // SAMPLE for step in range(SAMPLE)}) if count > 0 else []
