"""Write what was staged, all of it at once, and wake those who wait for it.

One write at a time: files first (append, fdatasync), then one transaction that holds the outcomes, the shipments about to leave
and the files' new lengths.  So no line of a file stands without its outcome, and many calls share one commit.  Waiting for the
disk is left to a thread; what is staged meanwhile is the next write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.model.journal_events import Change, FileLengthCommitted
from bulkzoho.errors import BulkZohoError, JournalError, RunFailedError
from bulkzoho.interfaces import ShipmentJournal, TrackedFile

__all__ = ["GroupCommitWriter"]

GATHER_S: Final = 0.005  # from one write's beginning to the next, unless all wait for it: a write costs as much work as a call
UNASKED_S: Final = 0.1  # until what nobody waits for is written: at a plan's pace an outcome goes with the next call's departure


class CommitWaiters:
    """Those who wait for the next write."""

    def __init__(self) -> None:
        self.waiting = 0
        self.done = asyncio.Event()
        self.error: BulkZohoError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCommit:
    """One write under way: all but its durability is done."""

    changes: Sequence[Change]
    pending: Mapping[str, list[bytes]]
    files: Sequence[tuple[TrackedFile, int]]  #: with their lengths before
    commit: Callable[[], None]

    def make_durable(self) -> None:
        """Wait for the disk; touches nothing that others touch meanwhile."""
        for file, _ in self.files:
            file.sync()
        self.commit()


@dataclass(slots=True, kw_only=True)
class BackgroundCommit:
    """A write that a thread waits for."""

    write: PendingCommit
    turn: CommitWaiters
    ended: Future[None]


class GroupCommitWriter:
    """The one owner of the run's journal and files while the run works.

    Args:
        journal: The run's.
        files: The run's, by the name that the journal knows them by.
        head: Gives what stands above the first line of a file.
        thread: Where to wait for the disk; None waits in place.

    Attributes:
        crowd: How many may wait for one write; when that many do, it begins.
        error: Why nothing more can be written, if so.
        last_words: Asked at each write for what is true as of then.
    """

    def __init__(
        self,
        *,
        journal: ShipmentJournal,
        files: Mapping[str, TrackedFile],
        head: Callable[[str], bytes],
        thread: Executor | None = None,
    ) -> None:
        self.crowd = 1
        self.error: BulkZohoError | None = None
        self.last_words: Callable[[], list[Change]] = list
        self._journal = journal
        self._files = files
        self._head = head
        self._thread = thread
        self._changes: list[Change] = []
        self._pending: dict[str, list[bytes]] = {}
        self._turn: CommitWaiters | None = None
        self._aside: BackgroundCommit | None = None
        self._not_before = 0.0  # by the loop's clock
        self._next: asyncio.Handle | None = None  # begins the next write
        self._next_at = 0.0  # by the loop's clock

    def stage(self, *changes: Change) -> None:
        """Add *changes* to the next write."""
        self._changes += changes
        self.soon()

    def append(self, data: Mapping[str, bytes]) -> None:
        """Add lines to files with the next write."""
        for name, chunk in data.items():
            if chunk:
                chunks = self._pending.setdefault(name, [])
                if not chunks and not self._files[name].length:
                    chunks.append(self._head(name))
                chunks.append(chunk)

    def soon(self) -> None:
        """See to it that there is a next write."""
        if self._turn is None:
            self._turn = CommitWaiters()
            self._call_turn()

    async def committed(self) -> None:
        """Wait until all that is staged now is durable.

        Raises:
            RunFailedError: The disk is full, or the like.
            JournalError: The journal cannot be written.
        """
        self.soon()
        turn = self._turn
        if self.error is not None:
            raise self.error
        if turn is not None:
            await self._wait_for(turn)
            if turn.error is not None:
                raise turn.error

    async def _wait_for(self, turn: CommitWaiters) -> None:
        turn.waiting += 1
        try:
            self._call_turn()
            await turn.done.wait()
        finally:
            turn.waiting -= 1

    def flush(self) -> None:
        """Write all that is staged, now, in place; no write is left to come.

        Raises:
            RunFailedError: The disk is full, or the like; what was staged stays staged.
            JournalError: The journal cannot be written; likewise.
        """
        aside, self._aside = self._aside, None
        if aside is not None:
            self._end_aside(aside)
        turn = self._next_turn()
        try:
            self._write_in_place()
        except BulkZohoError as error:
            self._end_turn(turn, error)
            raise
        self._end_turn(turn, None)

    def _call_turn(self) -> None:
        """Choose when the next write begins; one after the other, and never later than was chosen before."""
        turn = self._turn
        if turn is None or self._aside is not None:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        at = self._not_before if turn.waiting else max(self._not_before, now + UNASKED_S)
        if turn.waiting >= self.crowd:
            at = now
        if self._next is None or at < self._next_at:
            self._forget_next()
            self._next_at = at
            self._next = loop.call_soon(self._take_turn) if at <= now else loop.call_at(at, self._take_turn)

    def _forget_next(self) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = None

    def _next_turn(self) -> CommitWaiters:
        """Give those who wait for what is written now; whoever comes from here on waits for the next write."""
        self._forget_next()
        turn, self._turn = self._turn, None
        return turn or CommitWaiters()

    def _take_turn(self) -> None:
        turn = self._next_turn()
        try:
            if self._thread is not None:
                self._write_aside(turn, self._thread)
                return
            self._write_in_place()
        except BulkZohoError as error:
            self._end_turn(turn, error)
        else:
            self._end_turn(turn, None)

    def _write_in_place(self) -> None:
        write = self._begin()
        try:
            write.make_durable()
        except Exception as error:  # a defect as well: nothing of it counts, and nothing may be sent after it
            self._take_back(write)
            raise _cannot_write(error) from error

    def _write_aside(self, turn: CommitWaiters, thread: Executor) -> None:
        loop = asyncio.get_running_loop()
        self._not_before = loop.time() + GATHER_S
        write = self._begin()
        try:
            ended = thread.submit(write.make_durable)
        except RuntimeError as error:  # the thread is no more
            self._take_back(write)
            raise _cannot_write(error) from error
        aside = self._aside = BackgroundCommit(write=write, turn=turn, ended=ended)

        def tell(_: Future[None]) -> None:
            with suppress(RuntimeError):  # the loop is closed: flush() saw to it
                loop.call_soon_threadsafe(self._aside_ended, aside)

        aside.ended.add_done_callback(tell)

    def _aside_ended(self, aside: BackgroundCommit) -> None:
        if self._aside is not aside:
            return  # flush() did not wait for this
        self._aside = None
        self._end_aside(aside)
        self._call_turn()

    def _end_aside(self, aside: BackgroundCommit) -> None:
        error = aside.ended.exception()
        if error is not None:
            self._take_back(aside.write)
        self._end_turn(aside.turn, error)

    def _end_turn(self, turn: CommitWaiters, error: BaseException | None) -> None:
        self.error = turn.error = None if error is None else _cannot_write(error)
        turn.done.set()

    def _begin(self) -> PendingCommit:
        """Do all that takes no time; what is staged from here on is for the next write.

        Raises:
            RunFailedError: The disk is full, or the like; what was staged stays staged.
            JournalError: The journal cannot be written; likewise.
        """
        changes, self._changes = self._changes, []
        pending, self._pending = self._pending, {}
        lengths, files = list[Change](), list[tuple[TrackedFile, int]]()
        commit: Callable[[], None] = _nothing
        try:
            changes = [*changes, *self.last_words()]
            for name, chunks in pending.items():
                file = self._files[name]
                files.append((file, file.length))
                file.append(b"".join(chunks))
                lengths.append(FileLengthCommitted(name=name, length=file.length))
            if changes or lengths:
                commit = self._journal.prepare([*changes, *lengths])
        except Exception as error:  # a defect as well: what was staged must not be lost to a later write
            self._take_back(PendingCommit(changes=changes, pending=pending, files=files, commit=commit))
            raise _cannot_write(error) from error
        return PendingCommit(changes=changes, pending=pending, files=files, commit=commit)

    def _take_back(self, write: PendingCommit) -> None:
        """Nothing of *write* counts: undo it in journal and files, and stage it again before what was staged since."""
        with suppress(JournalError):  # then the journal refuses the next write
            self._journal.undo()
        for file, length in write.files:
            with suppress(OSError, BulkZohoError):  # the file cuts itself before it writes again
                file.cut(length)
        self._changes = [*write.changes, *self._changes]
        later, self._pending = self._pending, {name: list(chunks) for name, chunks in write.pending.items()}
        for name, chunks in later.items():
            self._pending.setdefault(name, []).extend(chunks)


def _nothing() -> None:
    return


def _cannot_write(error: BaseException) -> BulkZohoError:
    match error:
        case BulkZohoError():
            return error
        case OSError():
            return RunFailedError(
                f"{error.filename or 'the run’s files'}: {error.strerror}.",  # noqa: RUF001  an apostrophe in prose
                hint="Make room on the disk, then resume.",
                code="CANNOT_WRITE",
            )
        case _:
            defect = JournalError(
                f"what became of rows could not be written down ({type(error).__name__}).",
                hint="This is a defect of bulkzoho: keep the run's folder, report it, then resume.",
                code="DEFECT",
            )
            defect.__cause__ = error
            return defect
