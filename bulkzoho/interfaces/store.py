"""The interface of the store: journals, the list of runs, locks and export cursors.

SQLite files are the only implementation so far (:mod:`bulkzoho.storage.store.sqlite_store`).  Every implementation has to
pass ``tests/contract/test_store_contract.py`` and ``tests/contract/test_journal_contract.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, Self

from bulkzoho.domain.model.export import ExportPlan, Partition
from bulkzoho.domain.model.journal_events import Change, InputInfo, LetterSettled, RunInfo, ShipmentRecord
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run_settings import RunSettings

__all__ = ["CursorFile", "ExportJournal", "RunJournal", "RunLock", "RunStore", "ShipmentJournal"]


class ExportJournal(Protocol):
    """The part of a run's journal that only an export uses."""

    def begin(self, plan: ExportPlan, partitions: Sequence[Partition]) -> None:
        """Store the plan and its partitions together.

        Raises:
            JournalError: They cannot be written.
        """

    def plan(self) -> ExportPlan | None:
        """Return the plan, or None before :meth:`begin`."""

    def partitions(self) -> list[Partition]:
        """Return the partitions, in the order in which their files are joined."""

    def overlap(self) -> dict[str, str]:
        """Return what was settled of the overlap with the next export: record id to time of change."""

    def settle(self, partition: Partition, overlap: Mapping[str, str]) -> None:
        """Store how far *partition* was read, and add to *overlap*; the partition's file is durable up to its length already.

        Raises:
            JournalError: Nothing was stored.
        """


class ShipmentJournal(Protocol):
    """What the pipeline of an import reads and writes."""

    def commit(self, changes: Sequence[Change]) -> None:
        """Store *changes* in one transaction; they survive a power cut once this returns.

        Raises:
            JournalError: Nothing was stored: disk full, no permission, or a move that is not in ``MOVES``.
        """

    def prepare(self, changes: Sequence[Change]) -> Callable[[], None]:
        """Do :meth:`commit` except for the wait for the disk; the returned function waits, in any thread.

        Until it has returned the journal must not be used.

        Raises:
            JournalError: As :meth:`commit`; the returned function raises it too.
        """

    def undo(self) -> None:
        """Undo what was prepared and is not durable; do nothing if there is nothing.

        Raises:
            JournalError: It could not be undone; the journal takes no more changes.
        """

    def last_id(self) -> int:
        """Return the highest shipment id in use, 0 if there is none."""

    def tally(self) -> RowCounts:
        """Return the settled rows; ``read``, ``in_doubt`` and ``unsent`` are zero."""


class RunJournal(ShipmentJournal, Protocol):
    """The durable state of one run.  One process, the holder of the run's lock, writes it."""

    @property
    def export(self) -> ExportJournal:
        """The state of an export."""

    def bind_account(
        self, *, org: str, user: str, crm_module: str, crm_before: int | None = None, turn: int | None = None
    ) -> None:
        """Store the organization, the user and the module's API name; *crm_before* and *turn* only if they are not stored yet."""

    def change_settings(self, settings: RunSettings) -> None:
        """Replace the settings, as a resume with other options does."""

    def info(self) -> RunInfo:
        """Return the run."""

    def inputs(self) -> list[InputInfo]:
        """Return the inputs, in order."""

    def shipments(self) -> Iterator[ShipmentRecord]:
        """Yield every shipment, oldest first."""

    def row_counts(self) -> RowCounts:
        """Return all rows of the run.  The records of a completed export are read and unchanged."""

    def lengths(self) -> dict[str, int]:
        """Return the valid length of each file of the run."""

    def settled_letters(self) -> Iterator[LetterSettled]:
        """Yield every row that this run, a replay, has settled."""

    def claimed_letters(self) -> Iterator[tuple[str, str, int]]:
        """Yield (run, source, row) of every row that this run, a replay, is going to send and has not settled."""

    def close(self) -> None:
        """Close the journal."""


class RunLock(Protocol):
    """The right to work on a run.  It ends with the process at the latest."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def release(self) -> None:
        """Let other processes work on the run."""


class CursorFile(Protocol):
    """One export cursor, held by this process."""

    def read(self) -> Mapping[str, Any] | None:
        """Return the stored cursor; None if there is none that can be read."""

    def write(self, cursor: Mapping[str, Any]) -> None:
        """Replace the cursor, durably.

        Raises:
            OSError: It is as it was.
        """


class RunStore(Protocol):
    """All runs that share quota, replay history and duplicate check."""

    def folder(self, run: str) -> Path:
        """Return the folder of this host with the files of *run*: results, rejected rows, report."""

    def reserve(self, crm_module: str) -> str:
        """Make the folder of a new run and return the run's name, which sorts by the time of this call.

        Raises:
            RefusedError: The store is in a place where it is not safe.
            RunFailedError: The folder cannot be made.
        """

    def create(self, info: RunInfo, inputs: Sequence[InputInfo]) -> RunJournal:
        """Create the journal of a new run; it survives a power cut once this returns.

        Raises:
            JournalError: The run exists, or cannot be stored.
        """

    def open(self, run: str, *, read_only: bool = False) -> RunJournal:
        """Open the journal of a run.

        Raises:
            JournalError: There is none, it is damaged, or a newer bulkzoho wrote it.
        """

    def names(self) -> list[str]:
        """Return the names of all runs, newest first."""

    def remove(self, run: str) -> None:
        """Remove a run with all its files; do nothing if there is none."""

    def lock(self, run: str) -> RunLock:
        """Take the lock of *run*, without waiting.

        Raises:
            RefusedError: Another process holds it; the message names it.
        """

    def owner(self, run: str) -> str | None:
        """Return the process that holds the lock of *run* ("unknown" if it has no name yet), or None."""

    def start_lock(self) -> AbstractContextManager[None]:
        """Wait for the lock under which runs check for rows that other runs send, and hold it while the context lasts."""

    def cursor(self, org: str, name: str) -> AbstractContextManager[CursorFile]:
        """Hold the export cursor *name* of the organization *org* while the context lasts.

        Raises:
            RefusedError: Another process holds it.
        """
