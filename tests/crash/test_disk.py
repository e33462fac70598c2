"""Full disk, read-only state folder, removed journal: no call is sent that cannot be journaled."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bulkzoho.sandbox import Edition, Sandbox, SandboxSettings

from .harness import FAST, Workspace
from .invariants import find_run
from .local_crm import BackdatedClock, LocalCrm
from .process_killer import finish
from .workloads import Workload, check_end, insert_with_unique_field

ROWS = 1000
CANNOT_WRITE = 1  # exit code
POLL_INTERVAL_S = 0.02  # seconds between two checks


@dataclass(slots=True)
class Scene:
    """One import that is ready to start."""

    sandbox: Sandbox
    crm: LocalCrm
    workspace: Workspace
    workload: Workload

    @property
    def words(self) -> tuple[str, ...]:
        """The import command."""
        return (
            "import",
            str(self.workspace.folder / "rows.csv"),
            "--module",
            "Leads",
            "--batch-size",
            "10",
            *self.workload.options,
            *FAST,
        )

    async def until_records(self, count: int) -> None:
        """Wait until the CRM has *count* new records."""
        while self.sandbox.count("Leads") < len(self.workload.existing_ids) + count:
            await asyncio.sleep(POLL_INTERVAL_S)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    clock = BackdatedClock()
    async with Sandbox(SandboxSettings(edition=Edition.ULTIMATE), clock=clock) as sandbox:
        crm = LocalCrm(sandbox)
        clock.backdate_s = 60.0
        workload = insert_with_unique_field(ROWS, crm)
        clock.backdate_s = 0.0
        (tmp_path / "rows.csv").write_text(workload.text, encoding="utf-8", newline="")
        yield Scene(sandbox, crm, Workspace(tmp_path, {**sandbox.environment, "BULKZOHO_SETTLE_WAIT": "1s"}), workload)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system if possible; otherwise yield the folder itself."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder], check=False, capture_output=True)
    try:
        yield folder
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", folder], check=True)


async def test_a_full_disk_stops_the_run_and_it_can_be_resumed(scene: Scene, small_disk: Path) -> None:
    if os.path.ismount(small_disk):
        scene.workspace.other_home = small_disk
        ended = await scene.workspace.run(*scene.words)
    else:  # limit the file size instead
        ended = await scene.workspace.run(*scene.words, under=("prlimit", "--fsize=150000"))
    calls = scene.sandbox.calls.total

    assert ended.status == CANNOT_WRITE, ended
    assert ended.err.count("\n") <= 3, ended.err
    _check_sum(ended.summary["rows"])
    assert calls < ROWS / 10, "calls continued without a journal"
    scene.workspace.other_home = Path(shutil.copytree(scene.workspace.home, scene.workspace.folder / "larger-disk"))
    await _finish(scene)


@pytest.mark.parametrize("limit", [20_000, 45_000, 70_000, 100_000, 160_000])
async def test_a_file_size_limit_stops_the_run_and_it_can_be_resumed(scene: Scene, limit: int) -> None:
    ended = await scene.workspace.run(*scene.words, under=("prlimit", f"--fsize={limit}"))

    assert ended.status == CANNOT_WRITE, ended
    if find_run(scene.workspace.runs(), "import") is not None:
        _check_sum(ended.summary["rows"])
    await _finish(scene)


async def test_a_read_only_state_folder_stops_the_run_before_its_next_call(scene: Scene) -> None:
    scene.sandbox.change(latency_s=0.05)
    powerless = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    process, output = await scene.workspace.start(*scene.words, under=powerless)
    await scene.until_records(50)
    run = find_run(scene.workspace.runs(), "import")
    assert run is not None
    for folder in (run, scene.workspace.home, scene.workspace.home / "runs", scene.workspace.home / "quota"):
        folder.chmod(0o500)
    try:
        await asyncio.wait_for(process.wait(), 60)
    finally:
        for folder in (scene.workspace.home, scene.workspace.home / "runs", scene.workspace.home / "quota", run):
            folder.chmod(0o700)

    ended = scene.workspace.result_of(process, output)
    assert ended.status in (0, 1, 3), ended  # open files stay writable, so the run may complete
    scene.sandbox.change(latency_s=0.0)
    await _finish(scene)


async def test_a_removed_journal_stops_the_run(scene: Scene) -> None:
    scene.sandbox.change(latency_s=0.1)
    process, output = await scene.workspace.start(*scene.words)
    await scene.until_records(50)
    run = find_run(scene.workspace.runs(), "import")
    assert run is not None
    away = scene.workspace.folder / "away"
    away.mkdir()
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        (run / name).rename(away / name)
    records_by_id = scene.sandbox.count("Leads")
    await asyncio.wait_for(process.wait(), 60)

    ended = scene.workspace.result_of(process, output)
    assert ended.status == CANNOT_WRITE, ended
    assert "journal" in ended.summary["error"]["message"]
    assert scene.sandbox.count("Leads") <= records_by_id + 250, "calls continued without a journal"
    for name in ("journal.db", "journal.db-wal"):
        if (away / name).exists():
            (away / name).rename(run / name)
    scene.sandbox.change(latency_s=0.0)
    await _finish(scene)


async def _finish(scene: Scene) -> None:
    """Complete the run and check the final result."""
    state, _ = await finish(scene.workspace, scene.words)
    check_end(scene.workload, state, scene.crm.records())


def _check_sum(rows: dict[str, int]) -> None:
    parts = ("accepted", "dead_lettered", "in_doubt", "unsent")
    assert rows["read"] == sum(rows[part] for part in parts), rows
