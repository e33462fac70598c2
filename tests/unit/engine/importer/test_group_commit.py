"""The group commit writer with a real journal, real files and a real thread; a slow or failing disk is a test double."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bulkzoho.domain.model.journal_events import Change, InputInfo, RowsRejected, ShipmentSent
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.engine.importer import group_commit
from bulkzoho.engine.importer.group_commit import GroupCommitWriter
from bulkzoho.errors import BulkZohoError, JournalError, RunFailedError
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from tests.run_samples import import_info

NAME = "results.jsonl"
HEAD = b"head\n"
ENOSPC = OSError(28, "No space left on device")


class Disk(AppendFile):
    """A real file whose sync can be held back or made to fail."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may_sync = threading.Event()
        self.may_sync.set()
        self.syncing = threading.Event()
        self.failures: list[Exception] = []  # of the next calls of sync
        self.full = False

    def append(self, data: bytes) -> None:
        if self.full:
            raise ENOSPC
        super().append(data)

    def sync(self) -> None:
        self.syncing.set()
        assert self.may_sync.wait(5)
        if self.failures:
            raise self.failures.pop(0)
        super().sync()


class Bench:
    """A writer with its journal, its file and its thread."""

    extra_events: Callable[[], list[Change]] = list

    def __init__(self, folder: Path, thread: ThreadPoolExecutor, *, waiter_limit: int = 1) -> None:
        self.journal = SqliteJournal.create(
            folder / "journal.db", import_info(), [InputInfo(index=0, path="/a.csv", name="a.csv")]
        )
        self.disk = Disk(folder / NAME)
        self.thread = thread
        self.writer = GroupCommitWriter(
            journal=self.journal,
            files={NAME: self.disk},
            head=lambda _: HEAD,
            extra_events=self._events,
            waiter_limit=waiter_limit,
            thread=thread,
        )

    def _events(self) -> list[Change]:
        return self.extra_events()

    def reject(self, number: int) -> None:
        """Stage the rejection of row *number*, with its line."""
        self.writer.append({NAME: b"%d\n" % number})
        self.writer.stage(RowsRejected(id=number, source=0, rows=[(number, number)], tally=RowCounts(dead_lettered=1)))

    async def write(self, number: int) -> None:
        """Reject row *number*, and wait until that is durable."""
        self.reject(number)
        await self.writer.committed()

    async def wait_in_thread(self, number: int) -> asyncio.Task[None]:
        """Start a commit of row *number* that waits for the disk in the thread."""
        self.disk.may_sync.clear()
        self.disk.syncing.clear()
        task = asyncio.create_task(self.write(number))
        await asyncio.to_thread(self.disk.syncing.wait, 5)
        return task

    def durable(self) -> tuple[list[int], bytes]:
        """Return what a process that starts now finds: settled rows, and the file up to its committed length."""
        beside = SqliteJournal.open(self.journal.path, read_only=True)
        try:
            rows = [first for stored in beside.shipments() if stored.state == "settled" for first, _ in stored.rows]
            return rows, self.disk.path.read_bytes()[: beside.lengths().get(NAME, 0)]
        finally:
            beside.close()


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    with ThreadPoolExecutor(max_workers=1) as thread:
        bench = Bench(tmp_path, thread, waiter_limit=getattr(request, "param", 1))
        yield bench
        bench.disk.may_sync.set()
    bench.disk.close()
    bench.journal.close()


async def test_a_waiter_goes_on_only_when_the_commit_is_durable(bench: Bench) -> None:
    task = await bench.wait_in_thread(1)
    await asyncio.sleep(0.02)

    assert not task.done()
    assert bench.durable() == ([], b"")
    bench.disk.may_sync.set()
    await task
    assert bench.durable() == ([1], HEAD + b"1\n")


async def test_changes_staged_during_a_commit_go_into_the_next_one(bench: Bench) -> None:
    first = await bench.wait_in_thread(1)
    second = asyncio.create_task(bench.write(2))
    await asyncio.sleep(0.02)

    assert bench.disk.path.read_bytes() == HEAD + b"1\n"
    bench.disk.may_sync.set()
    await asyncio.gather(first, second)
    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")


@pytest.mark.parametrize("failure", [ENOSPC, ValueError("a defect")])
async def test_a_commit_that_fails_in_the_thread_is_undone_and_repeated(bench: Bench, failure: Exception) -> None:
    """The journal shows no reader what is not durable, and the next commit finds it unlocked."""
    bench.disk.failures = [failure]
    task = await bench.wait_in_thread(1)
    bench.disk.may_sync.set()

    with pytest.raises(BulkZohoError):
        await task
    assert bench.disk.path.read_bytes() == b""
    assert bench.journal.tally().dead_lettered == 0
    bench.reject(2)
    bench.writer.flush()
    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")
    assert bench.writer.error is None


async def test_two_failing_commits_lose_nothing_and_keep_the_order(bench: Bench) -> None:
    bench.disk.failures = [ENOSPC, ENOSPC]
    task = await bench.wait_in_thread(1)
    second = asyncio.create_task(bench.write(2))
    await asyncio.sleep(0)
    bench.disk.may_sync.set()
    for failed in (task, second):
        with pytest.raises(RunFailedError, match="No space left"):
            await failed

    bench.reject(3)
    bench.writer.flush()

    assert bench.durable() == ([1, 2, 3], HEAD + b"1\n2\n3\n")


async def test_a_full_disk_keeps_changes_staged_and_leaves_no_line(bench: Bench) -> None:
    await bench.write(1)
    bench.disk.full = True
    bench.reject(2)

    with pytest.raises(RunFailedError, match="No space left"):
        await bench.writer.committed()
    assert bench.durable() == ([1], HEAD + b"1\n")
    bench.disk.full = False
    bench.writer.flush()
    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")


async def test_a_bug_at_the_start_of_a_commit_loses_no_staged_change(bench: Bench) -> None:
    """The extra events are asked for again; appended lines are truncated."""
    defects = [TypeError("first"), TypeError("second")]

    def extra_events() -> list[Change]:
        if defects:
            raise defects.pop()
        return []

    bench.extra_events = extra_events
    bench.reject(1)

    with pytest.raises(JournalError, match="could not be written"):
        await bench.writer.committed()
    with pytest.raises(JournalError, match="could not be written"):
        bench.writer.flush()
    bench.writer.flush()
    assert bench.durable() == ([1], HEAD + b"1\n")


async def test_a_number_too_big_for_sqlite_undoes_the_lines_as_well(bench: Bench) -> None:
    """A statement fails after the lines of the same commit were appended."""
    bench.reject(1)
    bench.writer.stage(ShipmentSent(id=2**70, source=0, rows=[(2, 2)], attempt=1, at=1.0))

    with pytest.raises(JournalError, match="could not be written"):
        await bench.writer.committed()

    assert bench.disk.path.read_bytes() == b""
    assert bench.durable() == ([], b"")


async def test_a_flush_waits_for_the_thread_and_wakes_all_waiters(bench: Bench) -> None:
    first = await bench.wait_in_thread(1)
    second = asyncio.create_task(bench.write(2))
    await asyncio.sleep(0)
    bench.disk.may_sync.set()

    bench.writer.flush()

    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")
    await asyncio.wait_for(asyncio.gather(first, second), 1)
    await asyncio.wait_for(bench.write(3), 1)
    assert bench.durable() == ([1, 2, 3], HEAD + b"1\n2\n3\n")


async def test_no_commit_is_scheduled_after_a_flush(bench: Bench) -> None:
    """The journal may be closed then, although the loop goes on."""
    writes: list[None] = []

    def extra_events() -> list[Change]:
        writes.append(None)
        return []

    bench.extra_events = extra_events
    bench.reject(1)
    bench.writer.flush()
    await asyncio.sleep(0.02)

    assert len(writes) == 1


async def test_a_cancelled_waiter_does_not_affect_the_commit(bench: Bench) -> None:
    task = await bench.wait_in_thread(1)
    other = asyncio.create_task(bench.write(2))
    await asyncio.sleep(0)
    task.cancel()
    other.cancel()
    await asyncio.wait([task, other])
    bench.disk.may_sync.set()

    await bench.write(3)

    assert bench.durable() == ([1, 2, 3], HEAD + b"1\n2\n3\n")


async def test_nothing_is_written_in_part_when_the_thread_has_ended(bench: Bench) -> None:
    bench.thread.shutdown()
    bench.reject(1)

    with pytest.raises(JournalError, match="could not be written"):
        await bench.writer.committed()

    assert bench.disk.path.read_bytes() == b""
    bench.writer.flush()
    assert bench.durable() == ([1], HEAD + b"1\n")


def test_a_flush_finishes_the_commit_of_a_closed_loop(bench: Bench) -> None:
    async def leave() -> None:
        (await bench.wait_in_thread(1)).cancel()
        bench.reject(2)

    asyncio.run(leave())
    bench.disk.may_sync.set()
    bench.writer.flush()

    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")


async def test_a_journal_that_was_removed_makes_the_commit_fail(bench: Bench) -> None:
    path = bench.journal.path
    path.rename(path.with_name("away"))
    bench.reject(1)

    with pytest.raises(JournalError, match="moved or deleted"):
        await bench.writer.committed()

    assert bench.disk.path.read_bytes() == b""
    path.with_name("away").rename(path)
    bench.writer.flush()
    assert bench.durable() == ([1], HEAD + b"1\n")


@pytest.mark.parametrize("bench", [2], indirect=True)
async def test_a_commit_starts_at_once_when_all_senders_wait_for_it(bench: Bench) -> None:
    """One of two waiters waits for the timer; two of two do not."""
    await bench.writer.committed()
    loop = asyncio.get_running_loop()
    bench.writer._not_before = loop.time() + 60  # so that the timer does not fire

    alone = asyncio.create_task(bench.write(1))
    await asyncio.sleep(0.02)
    assert not alone.done()
    await asyncio.wait_for(asyncio.gather(alone, bench.write(2)), 1)

    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")


async def test_a_change_without_waiters_goes_with_the_next_commit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome of one call goes with the start of another."""
    monkeypatch.setattr(group_commit, "IDLE_COMMIT_S", 60.0)
    bench.reject(1)
    await asyncio.sleep(0.02)
    assert bench.durable() == ([], b"")
    await bench.write(2)

    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")


async def test_a_change_without_waiters_is_written_soon(bench: Bench) -> None:
    bench.reject(1)

    async with asyncio.timeout(5):
        while bench.durable() != ([1], HEAD + b"1\n"):
            await asyncio.sleep(0.01)


async def test_a_waiter_starts_a_delayed_commit_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "IDLE_COMMIT_S", 60.0)
    bench.reject(1)

    await asyncio.wait_for(bench.writer.committed(), 5)

    assert bench.durable() == ([1], HEAD + b"1\n")


async def test_a_waiter_of_one_commit_does_not_hurry_the_next(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "IDLE_COMMIT_S", 60.0)
    task = await bench.wait_in_thread(1)
    bench.reject(2)

    bench.disk.may_sync.set()
    await task
    await asyncio.sleep(0.03)

    assert bench.durable() == ([1], HEAD + b"1\n")
