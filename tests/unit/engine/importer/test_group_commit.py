"""The writer, over the real journal, real files and a real thread; a disk that is slow or fails is one of the test's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bulkzoho.domain.model.journal_events import Change, InputInfo, RowsRejected, ShipmentSent
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.engine.importer import group_commit as writing
from bulkzoho.engine.importer.group_commit import GroupCommitWriter
from bulkzoho.errors import BulkZohoError, JournalError, RunFailedError
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from tests.run_samples import import_info

NAME = "results.jsonl"
HEAD = b"head\n"
ENOSPC = OSError(28, "No space left on device")


class Disk(AppendFile):
    """A real file whose disk waits for leave, and fails when it was told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may_sync = threading.Event()
        self.may_sync.set()
        self.syncing = threading.Event()
        self.failures: list[Exception] = []  # of the next times it is synced
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

    def __init__(self, folder: Path, thread: ThreadPoolExecutor) -> None:
        self.journal = SqliteJournal.create(
            folder / "journal.db", import_info(), [InputInfo(index=0, path="/a.csv", name="a.csv")]
        )
        self.disk = Disk(folder / NAME)
        self.thread = thread
        self.writer = GroupCommitWriter(journal=self.journal, files={NAME: self.disk}, head=lambda _: HEAD, thread=thread)

    def refuse(self, number: int) -> None:
        """Stage that row *number* was refused, with its line."""
        self.writer.append({NAME: b"%d\n" % number})
        self.writer.stage(RowsRejected(id=number, source=0, rows=[(number, number)], tally=RowCounts(dead_lettered=1)))

    async def write(self, number: int) -> None:
        """Have row *number* refused, durably."""
        self.refuse(number)
        await self.writer.committed()

    async def wait_in_thread(self, number: int) -> asyncio.Task[None]:
        """Have the write of row *number* wait for the disk, in the thread."""
        self.disk.may_sync.clear()
        self.disk.syncing.clear()
        task = asyncio.create_task(self.write(number))
        await asyncio.to_thread(self.disk.syncing.wait, 5)
        return task

    def durable(self) -> tuple[list[int], bytes]:
        """Give what a process that starts now finds: settled rows, and the file up to the length that counts."""
        beside = SqliteJournal.open(self.journal.path, read_only=True)
        try:
            rows = [first for one in beside.shipments() if one.state == "settled" for first, _ in one.rows]
            return rows, self.disk.path.read_bytes()[: beside.lengths().get(NAME, 0)]
        finally:
            beside.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ThreadPoolExecutor(max_workers=1) as thread:
        made = Bench(tmp_path, thread)
        yield made
        made.disk.may_sync.set()
    made.disk.close()
    made.journal.close()


async def test_nobody_goes_on_before_the_thread_has_made_it_durable(bench: Bench) -> None:
    task = await bench.wait_in_thread(1)
    await asyncio.sleep(0.02)

    assert not task.done()
    assert bench.durable() == ([], b"")
    bench.disk.may_sync.set()
    await task
    assert bench.durable() == ([1], HEAD + b"1\n")


async def test_what_is_staged_while_the_thread_works_is_the_next_write(bench: Bench) -> None:
    first = await bench.wait_in_thread(1)
    second = asyncio.create_task(bench.write(2))
    await asyncio.sleep(0.02)

    assert bench.disk.path.read_bytes() == HEAD + b"1\n"
    bench.disk.may_sync.set()
    await asyncio.gather(first, second)
    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")


@pytest.mark.parametrize("failure", [ENOSPC, ValueError("a defect")])
async def test_a_write_that_fails_in_the_thread_counts_for_nothing_and_comes_again(bench: Bench, failure: Exception) -> None:
    """Nor does the journal show a reader what was not made durable, and the next write finds it free."""
    bench.disk.failures = [failure]
    task = await bench.wait_in_thread(1)
    bench.disk.may_sync.set()

    with pytest.raises(BulkZohoError):
        await task
    assert bench.disk.path.read_bytes() == b""
    assert bench.journal.tally().dead_lettered == 0
    bench.refuse(2)
    bench.writer.flush()
    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")
    assert bench.writer.error is None


async def test_a_second_failing_write_after_a_first_loses_nothing_and_keeps_the_order(bench: Bench) -> None:
    bench.disk.failures = [ENOSPC, ENOSPC]
    task = await bench.wait_in_thread(1)
    second = asyncio.create_task(bench.write(2))
    await asyncio.sleep(0)
    bench.disk.may_sync.set()
    for failed in (task, second):
        with pytest.raises(RunFailedError, match="No space left"):
            await failed

    bench.refuse(3)
    bench.writer.flush()

    assert bench.durable() == ([1, 2, 3], HEAD + b"1\n2\n3\n")


async def test_a_full_disk_keeps_what_was_staged_and_no_line_of_it(bench: Bench) -> None:
    await bench.write(1)
    bench.disk.full = True
    bench.refuse(2)

    with pytest.raises(RunFailedError, match="No space left"):
        await bench.writer.committed()
    assert bench.durable() == ([1], HEAD + b"1\n")
    bench.disk.full = False
    bench.writer.flush()
    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")


async def test_a_defect_while_a_write_begins_loses_nothing_that_was_staged(bench: Bench) -> None:
    """What could not be said is tried again; what was appended for it is cut."""
    defects = [TypeError("of a vital"), TypeError("again")]

    def last_words() -> list[Change]:
        if defects:
            raise defects.pop()
        return []

    bench.writer.last_words = last_words
    bench.refuse(1)

    with pytest.raises(JournalError, match="could not be written down"):
        await bench.writer.committed()
    with pytest.raises(JournalError, match="could not be written down"):
        bench.writer.flush()
    bench.writer.flush()
    assert bench.durable() == ([1], HEAD + b"1\n")


async def test_a_number_that_sqlite_cannot_hold_takes_back_the_lines_as_well(bench: Bench) -> None:
    """A defect in a statement, after the lines of the same write were appended."""
    bench.refuse(1)
    bench.writer.stage(ShipmentSent(id=2**70, source=0, rows=[(2, 2)], attempt=1, at=1.0))

    with pytest.raises(JournalError, match="could not be written down"):
        await bench.writer.committed()

    assert bench.disk.path.read_bytes() == b""
    assert bench.durable() == ([], b"")


async def test_a_flush_waits_for_the_thread_and_wakes_all_who_wait(bench: Bench) -> None:
    first = await bench.wait_in_thread(1)
    second = asyncio.create_task(bench.write(2))
    await asyncio.sleep(0)
    bench.disk.may_sync.set()

    bench.writer.flush()

    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")
    await asyncio.wait_for(asyncio.gather(first, second), 1)
    await asyncio.wait_for(bench.write(3), 1)
    assert bench.durable() == ([1, 2, 3], HEAD + b"1\n2\n3\n")


async def test_after_a_flush_no_write_is_left_to_come(bench: Bench) -> None:
    """The journal may be closed then, even though the loop goes on."""
    writes: list[None] = []

    def last_words() -> list[Change]:
        writes.append(None)
        return []

    bench.writer.last_words = last_words
    bench.refuse(1)
    bench.writer.flush()
    await asyncio.sleep(0.02)

    assert len(writes) == 1


async def test_a_waiter_that_is_cancelled_takes_nothing_from_the_write(bench: Bench) -> None:
    task = await bench.wait_in_thread(1)
    other = asyncio.create_task(bench.write(2))
    await asyncio.sleep(0)
    task.cancel()
    other.cancel()
    await asyncio.wait([task, other])
    bench.disk.may_sync.set()

    await bench.write(3)

    assert bench.durable() == ([1, 2, 3], HEAD + b"1\n2\n3\n")


async def test_when_the_thread_is_no_more_nothing_is_half_written(bench: Bench) -> None:
    bench.thread.shutdown()
    bench.refuse(1)

    with pytest.raises(JournalError, match="could not be written down"):
        await bench.writer.committed()

    assert bench.disk.path.read_bytes() == b""
    bench.writer.flush()
    assert bench.durable() == ([1], HEAD + b"1\n")


def test_a_loop_that_ends_under_a_write_leaves_it_to_the_flush(bench: Bench) -> None:
    async def leave() -> None:
        (await bench.wait_in_thread(1)).cancel()
        bench.refuse(2)

    asyncio.run(leave())
    bench.disk.may_sync.set()
    bench.writer.flush()

    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")


async def test_a_journal_that_is_taken_away_lets_nothing_leave(bench: Bench) -> None:
    path = bench.journal.path
    path.rename(path.with_name("away"))
    bench.refuse(1)

    with pytest.raises(JournalError, match="moved or deleted"):
        await bench.writer.committed()

    assert bench.disk.path.read_bytes() == b""
    path.with_name("away").rename(path)
    bench.writer.flush()
    assert bench.durable() == ([1], HEAD + b"1\n")


async def test_a_write_begins_when_all_wait_for_it_and_else_gathers(bench: Bench) -> None:
    """Whoever waits alone waits for the time; two of two do not."""
    await bench.writer.committed()
    loop = asyncio.get_running_loop()
    bench.writer.crowd = 2
    bench.writer._not_before = loop.time() + 60  # so that the time does not come

    alone = asyncio.create_task(bench.write(1))
    await asyncio.sleep(0.02)
    assert not alone.done()
    await asyncio.wait_for(asyncio.gather(alone, bench.write(2)), 1)

    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")


async def test_what_nobody_waits_for_goes_with_the_next_that_somebody_does(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a plan's pace: the outcome of one call with the departure of another."""
    monkeypatch.setattr(writing, "UNASKED_S", 60.0)
    bench.refuse(1)
    await asyncio.sleep(0.02)
    assert bench.durable() == ([], b"")
    await bench.write(2)

    assert bench.durable() == ([1, 2], HEAD + b"1\n2\n")


async def test_what_nobody_waits_for_is_written_soon_all_the_same(bench: Bench) -> None:
    bench.refuse(1)

    async with asyncio.timeout(5):
        while bench.durable() != ([1], HEAD + b"1\n"):
            await asyncio.sleep(0.01)


async def test_who_comes_while_a_write_is_put_off_need_not_wait_for_its_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "UNASKED_S", 60.0)
    bench.refuse(1)

    await asyncio.wait_for(bench.writer.committed(), 5)

    assert bench.durable() == ([1], HEAD + b"1\n")


async def test_who_waited_for_one_write_does_not_hurry_the_next(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "UNASKED_S", 60.0)
    task = await bench.wait_in_thread(1)
    bench.refuse(2)

    bench.disk.may_sync.set()
    await task
    await asyncio.sleep(0.03)

    assert bench.durable() == ([1], HEAD + b"1\n")
