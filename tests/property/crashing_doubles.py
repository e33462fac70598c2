"""A journal and files that die at a chosen step: what was written by then stays, nothing after is.  And a slow disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from bulkzoho.domain.model.journal_events import Change, InputInfo, RunInfo, ShipmentRecord
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.interfaces import RunJournal, TrackedFile

__all__ = ["Died", "GoneError", "Life", "MortalFile", "MortalJournal", "SlowDisk"]


class Died(SystemExit):
    """The process is no more."""


class GoneError(Exception):
    """A dead process tried to write: what is left of it is being swept up."""


@dataclass(slots=True)
class Life:
    """How many steps a process has left; None: it lives on."""

    steps: int | None = None
    torn: float = 0.5  #: share of the data that a file still gets in its last step
    dead: bool = False

    def step(self) -> bool:
        """Take one step; False when it is the last one, which is not done (or in part).

        Raises:
            GoneError: It is dead already.
        """
        if self.dead:
            raise GoneError
        if self.steps is None:
            return True
        self.steps -= 1
        self.dead = self.steps < 0
        return not self.dead


class MortalJournal:
    """A :class:`bulkzoho.interfaces.RunJournal` over a real one."""

    def __init__(self, journal: RunJournal, life: Life) -> None:
        self._journal = journal
        self._life = life

    def commit(self, changes: Sequence[Change]) -> None:
        """Die before it, or after it: two steps."""
        self.prepare(changes)()

    def prepare(self, changes: Sequence[Change]) -> Callable[[], None]:
        """Likewise."""
        if not self._life.step():
            raise Died
        commit = self._journal.prepare(changes)

        def commit_and_perhaps_die() -> None:
            commit()
            if not self._life.step():
                raise Died

        return commit_and_perhaps_die

    def undo(self) -> None:
        """As the real one."""
        self._journal.undo()

    def facts(self) -> RunInfo:
        """As the real one."""
        return self._journal.facts()

    def sources(self) -> list[InputInfo]:
        """As the real one."""
        return self._journal.sources()

    def shipments(self) -> Iterator[ShipmentRecord]:
        """As the real one."""
        return self._journal.shipments()

    def tally(self) -> RowCounts:
        """As the real one."""
        return self._journal.tally()

    def lengths(self) -> dict[str, int]:
        """As the real one."""
        return self._journal.lengths()

    def last_id(self) -> int:
        """As the real one."""
        return self._journal.last_id()


class MortalFile:
    """A :class:`bulkzoho.interfaces.TrackedFile` over a real one."""

    def __init__(self, file: TrackedFile, life: Life) -> None:
        self._file = file
        self._life = life

    @property
    def length(self) -> int:
        """As the real one."""
        return self._file.length

    def append(self, data: bytes) -> None:
        """Die with a part of *data* written."""
        if not self._life.step():
            self._file.append(data[: int(len(data) * self._life.torn)])
            raise Died
        self._file.append(data)

    def sync(self) -> None:
        """Die before it."""
        if not self._life.step():
            raise Died
        self._file.sync()

    def cut(self, length: int) -> None:
        """Die before it."""
        if not self._life.step():
            raise Died
        self._file.cut(length)

    def close(self) -> None:
        """As the real one."""
        self._file.close()


class SlowDisk(Executor):
    """Stands in for the thread that waits for the disk: what it is given is done after *seconds* of the loop's time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it later, or at once when somebody waits for it without the loop."""
        task = _Later(lambda: fn(*args, **kwargs))
        asyncio.get_running_loop().call_later(self._seconds, task.do)
        return task


class _Later(Future[Any]):
    """Something that is done when its time comes, or when it is asked for."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self._work = work

    def do(self) -> None:
        """Do it, unless that was done; whoever dies of it dies in the loop."""
        if not self.done():
            try:
                self.set_result(self._work())
            except Exception as error:  # noqa: BLE001  as an executor does
                self.set_exception(error)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Give how it ended."""
        self.do()
        return super().exception(timeout)
