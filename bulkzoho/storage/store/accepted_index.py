"""The accepted rows of all runs of this home, by the record they were accepted for; results files are read, nothing is kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from bulkzoho.domain.model.journal_events import RunInfo
from bulkzoho.domain.model.rows import RowOrigin
from bulkzoho.engine.importer.superseded import AcceptedRowRef
from bulkzoho.errors import RunFailedError
from bulkzoho.storage.store.results_reader import ResultLine, ids_among, result_lines
from bulkzoho.storage.store.run_catalog import RunFolder, iter_runs
from bulkzoho.storage.store.sqlite_journal import SqliteJournal

__all__ = ["AcceptedRowIndex", "accepted_ids_among"]

_BEGAN = re.compile(r"[0-9]{8}-[0-9]{6}")  # what a run's name begins with: when it began, to the second


class AcceptedRowIndex:
    """See :class:`bulkzoho.engine.importer.superseded.AcceptedRowLookup`.

    Args:
        org: Only runs into this organization count.
        crm_module: And into this module.
    """

    def __init__(self, org: str, crm_module: str) -> None:
        self._org = org
        self._crm_module = crm_module
        self._sources: dict[str, list[str]] = {}  # of runs that read files of their own, in order

    def rows_of(self, ids: Collection[str]) -> Mapping[str, Sequence[AcceptedRowRef]]:
        """Give the rows that were accepted for the records with *ids*."""
        found: dict[str, list[AcceptedRowRef]] = {}
        for folder, facts, journal in _runs(self._org, self._crm_module):
            if not _ids_among(folder.results, ids):
                continue
            lines = [line for line in _lines(folder.results) if line.id in ids]
            if facts.command == "replay":
                first = {(letter.source, letter.row): letter.run for letter in journal.letters() if letter.accepted}
            else:
                first = {}
                self._sources[facts.run] = [source.name for source in journal.sources()]
            for line in lines:
                run = first.get((line.source, line.row)) if facts.command == "replay" else facts.run
                if run is not None:
                    found.setdefault(line.id, []).append(AcceptedRowRef(run, line.source, line.row))
        return found

    def is_later(self, one: AcceptedRowRef, than: RowOrigin) -> bool:
        """Whether *one* comes after *than*; no where that cannot be told."""
        if one.run != than.run:
            began, before = _BEGAN.match(one.run), _BEGAN.match(than.run)
            return began is not None and before is not None and began[0] > before[0]
        if one.source == than.source:
            return one.row > than.row
        sources = self._sources.get(one.run, [])
        return {one.source, than.source} <= set(sources) and sources.index(one.source) > sources.index(than.source)


def accepted_ids_among(org: str, crm_module: str, ids: Sequence[str]) -> set[str]:
    """Give those of *ids* that rows of runs here have: all results of this organization and module are read."""
    return {one for folder, _, _ in _runs(org, crm_module) for one in _ids_among(folder.results, ids)}


def _runs(org: str, crm_module: str) -> Iterator[tuple[RunFolder, RunInfo, SqliteJournal]]:
    for folder, facts, journal in iter_runs():
        if (facts.org, facts.crm_module) == (org, crm_module):
            yield folder, facts, journal


def _ids_among(path: Path, ids: Collection[str]) -> set[str]:
    try:
        return ids_among(path, ids)
    except OSError:
        return set()


def _lines(path: Path) -> Iterator[ResultLine]:
    """Give the lines that can be read; another process may be writing the last one."""
    try:
        yield from result_lines(path)
    except (OSError, RunFailedError):
        return
