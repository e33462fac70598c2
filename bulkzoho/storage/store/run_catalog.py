"""Find, list and choose among the runs of a store."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from bulkzoho.domain.model.journal_events import RunInfo, ShipmentState
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.model.summary import RunListEntry
from bulkzoho.errors import JournalError, RefusedError
from bulkzoho.interfaces import RunJournal, RunStore
from bulkzoho.storage.store.connection import UNBORN

__all__ = ["StoredRun", "find_run", "iter_runs", "list_runs", "newest_resumable_run", "running_runs"]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run whose journal is open for reading."""

    info: RunInfo
    journal: RunJournal


def find_run(store: RunStore, name: str) -> str:
    """Return the run called *name*; the beginning of a name is enough if it is unique.

    Raises:
        RefusedError: There is none, or there are several.
    """
    names = store.names()
    found = [run for run in names if run == name] or [run for run in names if run.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise RefusedError(f"several runs begin with {name!r}.", hint="Give more of the name; `bulkzoho runs` lists them.")
    raise RefusedError(f"there is no run {name!r}.", hint="`bulkzoho runs` lists the runs.", code="NO_SUCH_RUN")


def iter_runs(store: RunStore, *, strict: bool = False) -> Iterator[StoredRun]:
    """Yield every run that can be read, newest first; its journal is closed before the next one.

    With *strict* no run is left out, except those that stopped before their journal was complete: for checks that must not miss
    a run, such as whether a row was sent already.

    Raises:
        JournalError: *strict*, and a journal cannot be read.
    """
    for run in store.names():
        try:
            journal = store.open(run, read_only=True)
        except JournalError as error:
            if strict and error.code != UNBORN:
                raise
            continue
        try:
            try:
                info = journal.info()
            except JournalError as error:
                if strict and error.code != UNBORN:
                    raise
                continue
            yield StoredRun(info, journal)
        finally:
            journal.close()


def newest_resumable_run(store: RunStore, *, limited: bool = False, exclude: Collection[str] = ()) -> str | None:
    """Return the newest run that has work left, that no process works on and that is not in *exclude*.

    With *limited* a run that ended at its ``--limit`` counts too.
    """
    for run in iter_runs(store):
        if run.info.run not in exclude and store.owner(run.info.run) is None and _has_work_left(run, limited=limited):
            return run.info.run
    return None


def _has_work_left(run: StoredRun, *, limited: bool) -> bool:
    complete = all(source.complete for source in run.journal.inputs())
    if (limited and not complete) or any(shipment.state is ShipmentState.SENT for shipment in run.journal.shipments()):
        return True
    if run.info.status is not RunStatus.FAILED or complete:
        return run.info.status is not RunStatus.COMPLETED
    rows = run.journal.row_counts()  # a damaged input: there is work only if some of its rows have no outcome, or none was read
    return not rows.read or bool(rows.unsent or rows.in_doubt)


def list_runs(store: RunStore) -> list[RunListEntry]:
    """Return all runs, newest first; ``running`` only if a process holds the run's lock."""
    entries = []
    for run in iter_runs(store):
        info, status = run.info, run.info.status
        if status is RunStatus.RUNNING and store.owner(info.run) is None:
            status = RunStatus.INTERRUPTED
        entries.append(
            RunListEntry(
                run=info.run,
                command=info.command,
                crm_module=info.crm_module,
                operation=info.operation or "",
                status=status,
                started=info.started,
                tally=run.journal.row_counts(),
                folder=str(store.folder(info.run)),
            )
        )
    return entries


def running_runs(store: RunStore) -> list[tuple[str, str]]:
    """Return each run that a process works on, with that process; newest first."""
    return [(run, owner) for run in store.names() if (owner := store.owner(run)) is not None]
