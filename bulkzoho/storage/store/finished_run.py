"""A run that is to be verified, as its folder tells it, and its accepted rows as its results file has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bulkzoho.domain.compare.differences import Place
from bulkzoho.domain.compare.id_set import IdSet
from bulkzoho.domain.compare.lookup_plan import MARGIN_S, CreationWindow
from bulkzoho.domain.model.journal_events import InputInfo, RunInfo
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.rows import Action
from bulkzoho.domain.model.settings import ImportSettings
from bulkzoho.domain.model.settings_json import from_json
from bulkzoho.engine.verifier.verifier import AcceptedRecord
from bulkzoho.errors import RefusedError
from bulkzoho.storage.files.file_lock import is_locked
from bulkzoho.storage.store.results_reader import result_lines
from bulkzoho.storage.store.run_catalog import RunFolder
from bulkzoho.storage.store.sqlite_journal import SqliteJournal

__all__ = ["FinishedRun", "ResultsFile", "load_finished_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """The run as its folder tells it."""

    folder: RunFolder
    facts: RunInfo
    sources: Sequence[InputInfo]
    tally: RowCounts
    settings: ImportSettings
    only_codes: tuple[str, ...]
    results_length: int
    window: CreationWindow  #: when its calls ran, by the service's clock
    ended_s: float  #: when its last outcome was written, by the service's clock


def load_finished_run(folder: RunFolder, adjust: Callable[[ImportSettings], ImportSettings]) -> FinishedRun:
    """Read what the folder of a run tells; *adjust* changes its settings.

    Raises:
        RefusedError: A process works on the run.
        JournalError: Its journal cannot be read.
    """
    if is_locked(folder.lock):
        raise RefusedError(
            f"run {folder.run} is being worked on.", hint="Verify it when it has ended; `bulkzoho runs` shows how it stands."
        )
    journal = SqliteJournal.open(folder.journal, read_only=True)
    try:
        facts, lengths = journal.facts(), journal.lengths()
        sent = [one for one in journal.shipments() if one.sent_at is not None]
        told = from_json(ImportSettings, dict(facts.settings["import"]))
        first_s = min((_left_s(one.sent_at, one.skew_s) for one in sent), default=0.0)
        last_s = max((_left_s(one.sent_at, one.skew_s) for one in sent), default=0.0)
        skew_s = (sent[-1].skew_s or 0.0) if sent else 0.0
        written_s = folder.results.stat().st_mtime + skew_s if folder.results.exists() else last_s
        ended_s = max(last_s, written_s)
        return FinishedRun(
            folder=folder,
            facts=facts,
            sources=journal.sources(),
            tally=journal.whole_tally(),
            settings=adjust(replace(told, crm_module=facts.crm_module)),
            only_codes=tuple(facts.settings["only_codes"]),
            results_length=lengths.get(folder.results.name, 0),
            window=CreationWindow(start_s=first_s - MARGIN_S, end_s=ended_s + MARGIN_S),
            ended_s=ended_s + 1.0,  # Modified_Time has whole seconds, and so has what is known of the service's time
        )
    finally:
        journal.close()


def _left_s(sent_at: float | None, skew_s: float | None) -> float:
    return (sent_at or 0.0) + (skew_s or 0.0)


class ResultsFile:
    """The run's results; see :class:`bulkzoho.engine.verifier.verifier.ResultsLookup`."""

    def __init__(self, run: FinishedRun) -> None:
        self._path = run.folder.results
        self._length = run.results_length

    def ids(self) -> IdSet:
        """Give the ids of all accepted rows."""
        return IdSet(line.id for line in result_lines(self._path, length=self._length))

    def find(self, wanted: set[Place]) -> Mapping[Place, Sequence[AcceptedRecord]]:
        """Give those of *wanted* that were accepted."""
        found: dict[Place, list[AcceptedRecord]] = {}
        for line in result_lines(self._path, length=self._length):
            if (line.source, line.row) in wanted:
                found.setdefault((line.source, line.row), []).append(AcceptedRecord(line.id, Action(line.action)))
        return found
