"""A journal and files that die at a chosen step and keep what was written by then; a slow disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from bulkzoho.domain.model.journal_events import Change
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.interfaces import ShipmentJournal, TrackedFile

__all__ = ["Died", "GoneError", "Life", "MortalFile", "MortalJournal", "SlowDisk"]


class Died(SystemExit):
    """The process is dead."""


class GoneError(Exception):
    """A dead process tried to write: the loop is cleaning up its tasks."""


@dataclass(slots=True)
class Life:
    """How many steps a process has left; None: it does not die."""

    steps: int | None = None
    torn: float = 0.5  #: share of the data that a file still gets in its last step
    dead: bool = False

    def step(self) -> bool:
        """Take one step; return False for the last one, which is not done, or only in part.

        Raises:
            GoneError: It is already dead.
        """
        if self.dead:
            raise GoneError
        if self.steps is None:
            return True
        self.steps -= 1
        self.dead = self.steps < 0
        return not self.dead


class MortalJournal:
    """A :class:`bulkzoho.interfaces.ShipmentJournal` over a real one."""

    def __init__(self, journal: ShipmentJournal, life: Life) -> None:
        self._journal = journal
        self._life = life

    def commit(self, changes: Sequence[Change]) -> None:
        """Apply the changes; may die before or after: two steps."""
        self.prepare(changes)()

    def prepare(self, changes: Sequence[Change]) -> Callable[[], None]:
        """Like :meth:`apply`."""
        if not self._life.step():
            raise Died
        commit = self._journal.prepare(changes)

        def commit_and_perhaps_die() -> None:
            commit()
            if not self._life.step():
                raise Died

        return commit_and_perhaps_die

    def undo(self) -> None:
        """Call the real one."""
        self._journal.undo()

    def tally(self) -> RowCounts:
        """Call the real one."""
        return self._journal.tally()

    def last_id(self) -> int:
        """Call the real one."""
        return self._journal.last_id()


class MortalFile:
    """A :class:`bulkzoho.interfaces.TrackedFile` over a real one."""

    def __init__(self, file: TrackedFile, life: Life) -> None:
        self._file = file
        self._life = life

    @property
    def length(self) -> int:
        """Call the real one."""
        return self._file.length

    def append(self, data: bytes) -> None:
        """Append *data*; may die when a part is written."""
        if not self._life.step():
            self._file.append(data[: int(len(data) * self._life.torn)])
            raise Died
        self._file.append(data)

    def sync(self) -> None:
        """Call the real one; may die before."""
        if not self._life.step():
            raise Died
        self._file.sync()

    def cut(self, length: int) -> None:
        """Call the real one; may die before."""
        if not self._life.step():
            raise Died
        self._file.cut(length)

    def close(self) -> None:
        """Call the real one."""
        self._file.close()


class SlowDisk(Executor):
    """Replaces the thread that waits for the disk: runs each function after *seconds* of the loop's time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it later, or at once if a caller outside the loop waits for the result."""
        task = _Later(lambda: fn(*args, **kwargs))
        asyncio.get_running_loop().call_later(self._seconds, task.do)
        return task


class _Later(Future[Any]):
    """A function that runs at its time, or when its result is requested."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self._work = work

    def do(self) -> None:
        """Run it once; a death in it happens in the loop."""
        if not self.done():
            try:
                self.set_result(self._work())
            except Exception as error:  # noqa: BLE001  as an executor does
                self.set_exception(error)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return its result, or raise its error."""
        self.do()
        return super().exception(timeout)
