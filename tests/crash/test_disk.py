"""A full disk, a state directory that cannot be written, a missing journal: nothing leaves that cannot be journalled."""

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

from .harness import FAST, Workplace
from .invariants import find_run
from .local_crm import AgedClock, LocalCrm
from .process_killer import finish
from .workloads import Load, check_end, insert_with_unique_field

ROWS = 1000
CANNOT_WRITE = 1  # exit code
CALLED_BEFORE_S = 0.02  # between two looks


@dataclass(slots=True)
class Scene:
    """One import ready to go."""

    sandbox: Sandbox
    crm: LocalCrm
    place: Workplace
    load: Load

    @property
    def words(self) -> tuple[str, ...]:
        """The import."""
        return ("import", str(self.place.folder / "rows.csv"), "--module", "Leads", "--batch-size", "10", *self.load.words, *FAST)

    async def until_records(self, count: int) -> None:
        """Wait until the CRM holds so many new records."""
        while self.sandbox.count("Leads") < len(self.load.before) + count:
            await asyncio.sleep(CALLED_BEFORE_S)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    clock = AgedClock()
    async with Sandbox(SandboxSettings(edition=Edition.ULTIMATE), clock=clock) as sandbox:
        crm = LocalCrm(sandbox)
        clock.ago_s = 60.0
        load = insert_with_unique_field(ROWS, crm)
        clock.ago_s = 0.0
        (tmp_path / "rows.csv").write_text(load.text, encoding="utf-8", newline="")
        yield Scene(sandbox, crm, Workplace(tmp_path, {**sandbox.environment, "BULKZOHO_SETTLE_WAIT": "1s"}), load)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of little room, where one may be mounted; else the folder itself."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder], check=False, capture_output=True)
    try:
        yield folder
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", folder], check=True)


async def test_a_disk_that_fills_stops_the_run_and_it_is_resumed_when_there_is_room(scene: Scene, small_disk: Path) -> None:
    if os.path.ismount(small_disk):
        scene.place.elsewhere = small_disk
        ended = await scene.place.run(*scene.words)
    else:  # no room beyond a file size then
        ended = await scene.place.run(*scene.words, under=("prlimit", "--fsize=150000"))
    calls = scene.sandbox.calls.total

    assert ended.status == CANNOT_WRITE, ended
    assert ended.err.count("\n") <= 3, ended.err
    _see_sum(ended.summary["rows"])
    assert calls < ROWS / 10, "calls went on without a journal"
    scene.place.elsewhere = Path(shutil.copytree(scene.place.home, scene.place.folder / "roomy"))
    await _finish(scene)


@pytest.mark.parametrize("limit", [20_000, 45_000, 70_000, 100_000, 160_000])
async def test_no_file_may_grow_beyond_a_size_and_the_run_stops_resumable(scene: Scene, limit: int) -> None:
    ended = await scene.place.run(*scene.words, under=("prlimit", f"--fsize={limit}"))

    assert ended.status == CANNOT_WRITE, ended
    if find_run(scene.place.runs(), "import") is not None:
        _see_sum(ended.summary["rows"])
    await _finish(scene)


async def test_a_home_that_loses_its_write_permission_stops_the_run_before_its_next_call(scene: Scene) -> None:
    scene.sandbox.change(latency_s=0.05)
    powerless = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    process, said = await scene.place.start(*scene.words, under=powerless)
    await scene.until_records(50)
    run = find_run(scene.place.runs(), "import")
    assert run is not None
    for folder in (run, scene.place.home, scene.place.home / "runs", scene.place.home / "quota"):
        folder.chmod(0o500)
    try:
        await asyncio.wait_for(process.wait(), 60)
    finally:
        for folder in (scene.place.home, scene.place.home / "runs", scene.place.home / "quota", run):
            folder.chmod(0o700)

    ended = scene.place.ended(process, said)
    assert ended.status in (0, 1, 3), ended  # open files stay writable: the run may complete
    scene.sandbox.change(latency_s=0.0)
    await _finish(scene)


async def test_a_journal_that_is_taken_away_stops_the_run(scene: Scene) -> None:
    scene.sandbox.change(latency_s=0.1)
    process, said = await scene.place.start(*scene.words)
    await scene.until_records(50)
    run = find_run(scene.place.runs(), "import")
    assert run is not None
    away = scene.place.folder / "away"
    away.mkdir()
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        (run / name).rename(away / name)
    held = scene.sandbox.count("Leads")
    await asyncio.wait_for(process.wait(), 60)

    ended = scene.place.ended(process, said)
    assert ended.status == CANNOT_WRITE, ended
    assert "journal" in ended.summary["error"]["message"]
    assert scene.sandbox.count("Leads") <= held + 250, "calls went on without a journal"
    for name in ("journal.db", "journal.db-wal"):
        if (away / name).exists():
            (away / name).rename(run / name)
    scene.sandbox.change(latency_s=0.0)
    await _finish(scene)


async def _finish(scene: Scene) -> None:
    """Finish the run and check that it is exact."""
    audited, _ = await finish(scene.place, scene.words)
    check_end(scene.load, audited, scene.crm.records())


def _see_sum(rows: dict[str, int]) -> None:
    parts = ("accepted", "dead_lettered", "in_doubt", "unsent")
    assert rows["read"] == sum(rows[part] for part in parts), rows
