"""Find the accepted rows of all runs by record id.  Reads the results files; keeps no index on disk."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from bulkzoho.domain.model.batch import AcceptedRowRef
from bulkzoho.domain.model.rows import RowOrigin
from bulkzoho.errors import RunFailedError
from bulkzoho.interfaces import RunStore
from bulkzoho.storage.store.results_reader import ResultLine, ids_among, result_lines
from bulkzoho.storage.store.run_catalog import StoredRun, iter_runs
from bulkzoho.storage.store.run_folder import RunFolder

__all__ = ["AcceptedRowIndex", "accepted_ids_among"]

_STARTED = re.compile(r"[0-9]{8}-[0-9]{6}")  # the beginning of a run's name: when it started, to the second


class AcceptedRowIndex:
    """See :class:`bulkzoho.engine.importer.superseded.AcceptedRowLookup`.

    Args:
        store: The runs.
        org: Only runs into this organization count.
        crm_module: And only those into this module.
    """

    def __init__(self, store: RunStore, org: str, crm_module: str) -> None:
        self._store = store
        self._org = org
        self._crm_module = crm_module
        self._sources: dict[str, list[str]] = {}  # of runs that read files of their own, in order

    def rows_of(self, ids: Collection[str]) -> Mapping[str, Sequence[AcceptedRowRef]]:
        """Return the rows that were accepted for the records with *ids*."""
        found: dict[str, list[AcceptedRowRef]] = {}
        for run, results in _runs(self._store, self._org, self._crm_module):
            if not _ids_among(results, ids):
                continue
            is_replay = run.info.command == "replay"
            first_runs: dict[tuple[str, int], str] = {}  # of replayed rows: the run that rejected them first
            if is_replay:
                letters = run.journal.settled_letters()
                first_runs = {(letter.source, letter.row): letter.run for letter in letters if letter.accepted}
            else:
                self._sources[run.info.run] = [source.name for source in run.journal.inputs()]
            for line in _lines(results):
                first = first_runs.get((line.source, line.row)) if is_replay else run.info.run
                if line.id in ids and first is not None:
                    found.setdefault(line.id, []).append(AcceptedRowRef(first, line.source, line.row))
        return found

    def is_later(self, row: AcceptedRowRef, than: RowOrigin) -> bool:
        """Return whether *row* comes after *than*; False if the order is not known."""
        if row.run != than.run:
            started, before = _STARTED.match(row.run), _STARTED.match(than.run)
            return started is not None and before is not None and started[0] > before[0]
        if row.source == than.source:
            return row.row > than.row
        sources = self._sources.get(row.run, [])
        return {row.source, than.source} <= set(sources) and sources.index(row.source) > sources.index(than.source)


def accepted_ids_among(store: RunStore, org: str, crm_module: str, ids: Sequence[str]) -> set[str]:
    """Return those of *ids* that belong to accepted rows of any run into this organization and module."""
    return {record_id for _, results in _runs(store, org, crm_module) for record_id in _ids_among(results, ids)}


def _runs(store: RunStore, org: str, crm_module: str) -> Iterator[tuple[StoredRun, Path]]:
    for run in iter_runs(store):
        if (run.info.org, run.info.crm_module) == (org, crm_module):
            yield run, RunFolder(store.folder(run.info.run)).results


def _ids_among(path: Path, ids: Collection[str]) -> set[str]:
    try:
        return ids_among(path, ids)
    except OSError:
        return set()


def _lines(path: Path) -> Iterator[ResultLine]:
    """Yield the lines that can be read; another process may be writing the last one."""
    try:
        yield from result_lines(path)
    except (OSError, RunFailedError):
        return
