"""Write everything staged in one commit, and wake the tasks that wait for it.

One commit at a time: files first (append, fdatasync), then one transaction with the outcomes, the shipments about to be sent
and the new lengths of the files.  So no line of a file exists without its outcome, and many calls share one commit.  A thread
waits for the disk; what is staged meanwhile goes into the next commit.
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
from bulkzoho.storage.files.write_errors import write_error

__all__ = ["GroupCommitWriter"]

GATHER_S: Final = 0.005  # between the starts of two commits, unless all senders wait: a commit costs as much work as a call
IDLE_COMMIT_S: Final = 0.1  # until a change that no task waits for is written: usually it goes with the next call's start


class CommitWaiters:
    """The tasks that wait for the next commit."""

    def __init__(self) -> None:
        self.waiting = 0
        self.done = asyncio.Event()
        self.error: BulkZohoError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCommit:
    """One commit in progress: everything is done but making it durable."""

    changes: Sequence[Change]
    pending: Mapping[str, list[bytes]]
    files: Sequence[tuple[TrackedFile, int]]  #: with their lengths before
    commit: Callable[[], None]

    def make_durable(self) -> None:
        """Wait for the disk; safe in a thread, since it touches nothing that the loop uses meanwhile."""
        for file, _ in self.files:
            file.sync()
        self.commit()


@dataclass(slots=True, kw_only=True)
class BackgroundCommit:
    """A commit for which a thread waits."""

    commit: PendingCommit
    waiters: CommitWaiters
    done: Future[None]


class GroupCommitWriter:
    """Owner of the run's journal and files while the run works.

    Args:
        journal: The run's journal.
        files: The run's files, by their names in the journal.
        head: Returns the lines above the first row of a file.
        extra_events: Returns the changes that are true as of each commit.
        waiter_limit: When this many tasks wait for a commit, it starts.
        thread: Where to wait for the disk; None waits in place.

    Attributes:
        error: Why nothing more can be written, if so.
    """

    def __init__(
        self,
        *,
        journal: ShipmentJournal,
        files: Mapping[str, TrackedFile],
        head: Callable[[str], bytes],
        extra_events: Callable[[], list[Change]] = list,
        waiter_limit: int = 1,
        thread: Executor | None = None,
    ) -> None:
        self.error: BulkZohoError | None = None
        self._journal = journal
        self._files = files
        self._head = head
        self._extra_events = extra_events
        self._waiter_limit = waiter_limit
        self._thread = thread
        self._changes: list[Change] = []
        self._pending: dict[str, list[bytes]] = {}
        self._waiters: CommitWaiters | None = None  # for the next commit
        self._background: BackgroundCommit | None = None
        self._not_before = 0.0  # by the loop's clock
        self._timer: asyncio.Handle | None = None  # starts the next commit
        self._timer_at = 0.0  # by the loop's clock

    def stage(self, *changes: Change) -> None:
        """Add *changes* to the next commit."""
        self._changes += changes
        self.schedule()

    def append(self, data: Mapping[str, bytes]) -> None:
        """Add lines to files with the next commit."""
        for name, chunk in data.items():
            if chunk:
                chunks = self._pending.setdefault(name, [])
                if not chunks and not self._files[name].length:
                    chunks.append(self._head(name))
                chunks.append(chunk)

    def schedule(self) -> None:
        """Schedule a commit, unless one is scheduled."""
        if self._waiters is None:
            self._waiters = CommitWaiters()
            self._set_timer()

    async def committed(self) -> None:
        """Wait until everything staged so far is durable.

        Raises:
            RunFailedError: The disk is full, or the like.
            JournalError: The journal cannot be written.
        """
        self.schedule()
        waiters = self._waiters
        if self.error is not None:
            raise self.error
        if waiters is not None:
            await self._wait_with(waiters)
            if waiters.error is not None:
                raise waiters.error

    async def _wait_with(self, waiters: CommitWaiters) -> None:
        waiters.waiting += 1
        try:
            self._set_timer()
            await waiters.done.wait()
        finally:
            waiters.waiting -= 1

    def flush(self) -> None:
        """Write everything staged, now and in place; no commit is scheduled afterwards.

        Raises:
            RunFailedError: The disk is full, or the like; the changes stay staged.
            JournalError: The journal cannot be written; likewise.
        """
        background, self._background = self._background, None
        if background is not None:
            self._end_background(background)
        waiters = self._take_waiters()
        try:
            self._commit_in_place()
        except BulkZohoError as error:
            self._wake(waiters, error)
            raise
        self._wake(waiters, None)

    def _set_timer(self) -> None:
        """Choose when the next commit starts: one after the other, and never later than chosen before."""
        waiters = self._waiters
        if waiters is None or self._background is not None:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        at = self._not_before if waiters.waiting else max(self._not_before, now + IDLE_COMMIT_S)
        if waiters.waiting >= self._waiter_limit:
            at = now
        if self._timer is None or at < self._timer_at:
            self._cancel_timer()
            self._timer_at = at
            self._timer = loop.call_soon(self._commit_next) if at <= now else loop.call_at(at, self._commit_next)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _take_waiters(self) -> CommitWaiters:
        """Return the waiters for what is written now; later ones wait for the next commit."""
        self._cancel_timer()
        waiters, self._waiters = self._waiters, None
        return waiters or CommitWaiters()

    def _commit_next(self) -> None:
        waiters = self._take_waiters()
        try:
            if self._thread is not None:
                self._commit_in_thread(waiters, self._thread)
                return
            self._commit_in_place()
        except BulkZohoError as error:
            self._wake(waiters, error)
        else:
            self._wake(waiters, None)

    def _commit_in_place(self) -> None:
        commit = self._begin()
        try:
            commit.make_durable()
        except Exception as error:  # a defect as well: nothing of it counts, and nothing may be sent after it
            self._undo(commit)
            raise _cannot_write(error) from error

    def _commit_in_thread(self, waiters: CommitWaiters, thread: Executor) -> None:
        loop = asyncio.get_running_loop()
        self._not_before = loop.time() + GATHER_S
        commit = self._begin()
        try:
            done = thread.submit(commit.make_durable)
        except RuntimeError as error:  # the thread has ended
            self._undo(commit)
            raise _cannot_write(error) from error
        background = self._background = BackgroundCommit(commit=commit, waiters=waiters, done=done)

        def notify_loop(_: Future[None]) -> None:
            with suppress(RuntimeError):  # the loop is closed: flush() finished the commit
                loop.call_soon_threadsafe(self._thread_done, background)

        background.done.add_done_callback(notify_loop)

    def _thread_done(self, background: BackgroundCommit) -> None:
        if self._background is not background:
            return  # flush() finished it
        self._background = None
        self._end_background(background)
        self._set_timer()

    def _end_background(self, background: BackgroundCommit) -> None:
        error = background.done.exception()
        if error is not None:
            self._undo(background.commit)
        self._wake(background.waiters, error)

    def _wake(self, waiters: CommitWaiters, error: BaseException | None) -> None:
        self.error = waiters.error = None if error is None else _cannot_write(error)
        waiters.done.set()

    def _begin(self) -> PendingCommit:
        """Do everything that takes no time; what is staged from here on goes into the next commit.

        Raises:
            RunFailedError: The disk is full, or the like; the changes stay staged.
            JournalError: The journal cannot be written; likewise.
        """
        changes, self._changes = self._changes, []
        pending, self._pending = self._pending, {}
        lengths, files = list[Change](), list[tuple[TrackedFile, int]]()
        commit: Callable[[], None] = _nothing
        try:
            changes = [*changes, *self._extra_events()]
            for name, chunks in pending.items():
                file = self._files[name]
                files.append((file, file.length))
                file.append(b"".join(chunks))
                lengths.append(FileLengthCommitted(name=name, length=file.length))
            if changes or lengths:
                commit = self._journal.prepare([*changes, *lengths])
        except Exception as error:  # a defect as well: a later commit must not lose what was staged
            self._undo(PendingCommit(changes=changes, pending=pending, files=files, commit=commit))
            raise _cannot_write(error) from error
        return PendingCommit(changes=changes, pending=pending, files=files, commit=commit)

    def _undo(self, commit: PendingCommit) -> None:
        """Undo *commit* in journal and files, and stage its changes again before those staged since."""
        with suppress(JournalError):  # then the journal rejects the next commit
            self._journal.undo()
        for file, length in commit.files:
            with suppress(OSError, BulkZohoError):  # the file truncates itself before it is written again
                file.cut(length)
        self._changes = [*commit.changes, *self._changes]
        later, self._pending = self._pending, {name: list(chunks) for name, chunks in commit.pending.items()}
        for name, chunks in later.items():
            self._pending.setdefault(name, []).extend(chunks)


def _nothing() -> None:
    return


def _cannot_write(error: BaseException) -> BulkZohoError:
    match error:
        case BulkZohoError():
            return error
        case OSError():
            return write_error(RunFailedError, error.filename or "a file of the run", error)
        case _:
            defect = JournalError(
                f"the outcome of rows could not be written ({type(error).__name__}).",
                hint="This is a bug in bulkzoho: keep the run's folder, report it, then resume.",
                code="DEFECT",
            )
            defect.__cause__ = error
            return defect
