"""Load a finished import or replay for its verification: its journal and its results file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bulkzoho.domain.compare.differences import Place
from bulkzoho.domain.compare.id_set import IdSet
from bulkzoho.domain.compare.record_ownership import CLOCK_MARGIN_S, CreationWindow
from bulkzoho.domain.model.journal_events import InputInfo, RunInfo, ShipmentRecord
from bulkzoho.domain.model.results import AcceptedRecord, RowCounts
from bulkzoho.domain.model.rows import Action
from bulkzoho.domain.model.run_settings import ExportRunSettings, ReplayRunSettings
from bulkzoho.domain.model.settings import ImportSettings
from bulkzoho.errors import RefusedError
from bulkzoho.interfaces import RunStore
from bulkzoho.storage.store.results_reader import result_lines
from bulkzoho.storage.store.run_folder import RunFolder

__all__ = ["FinishedRun", "ResultsFile", "load_finished_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run that no process works on."""

    folder: RunFolder
    info: RunInfo
    inputs: Sequence[InputInfo]
    tally: RowCounts
    settings: ImportSettings
    only_codes: tuple[str, ...]  #: of a replay
    results_length: int
    window: CreationWindow  #: when its calls were made, by the service's clock
    ended_s: float  #: when its last outcome was written, by the service's clock

    @property
    def is_replay(self) -> bool:
        """Whether its input is a dead-letter file."""
        return isinstance(self.info.settings, ReplayRunSettings)


def load_finished_run(store: RunStore, run: str, quota: Mapping[str, Any]) -> FinishedRun:
    """Load *run*, with the fields of *quota* changed in its quota settings.

    Raises:
        RefusedError: A process works on the run, or it is an export.
        JournalError: Its journal cannot be read.
    """
    if store.owner(run) is not None:
        raise RefusedError(f"run {run} is running.", hint="Verify it when it has ended; `bulkzoho runs` shows its state.")
    folder, journal = RunFolder(store.folder(run)), store.open(run, read_only=True)
    try:
        info = journal.info()
        if isinstance(info.settings, ExportRunSettings):
            raise RefusedError(f"run {run} is an export.", hint="Only imports and replays can be verified.")
        settings = info.settings.imports
        window, ended_s = _times(list(journal.shipments()), folder)
        return FinishedRun(
            folder=folder,
            info=info,
            inputs=journal.inputs(),
            tally=journal.row_counts(),
            settings=replace(settings, crm_module=info.crm_module, quota=replace(settings.quota, **quota)),
            only_codes=info.settings.only_codes if isinstance(info.settings, ReplayRunSettings) else (),
            results_length=journal.lengths().get(folder.results.name, 0),
            window=window,
            ended_s=ended_s,
        )
    finally:
        journal.close()


def _times(shipments: Sequence[ShipmentRecord], folder: RunFolder) -> tuple[CreationWindow, float]:
    """Return the window of the run's calls and the time of its last outcome, by the service's clock."""
    sent = [shipment for shipment in shipments if shipment.sent_at is not None]
    moments = [(shipment.sent_at or 0.0) + (shipment.skew_s or 0.0) for shipment in sent]
    first_s, last_s = min(moments, default=0.0), max(moments, default=0.0)
    skew_s = (sent[-1].skew_s or 0.0) if sent else 0.0
    written_s = folder.results.stat().st_mtime + skew_s if folder.results.exists() else last_s
    ended_s = max(last_s, written_s)
    # Modified_Time has whole seconds, and the service's clock is known to the second
    return CreationWindow(start_s=first_s - CLOCK_MARGIN_S, end_s=ended_s + CLOCK_MARGIN_S), ended_s + 1.0


class ResultsFile:
    """The results file of a run; see :class:`bulkzoho.engine.verifier.expected_records.ResultsLookup`."""

    def __init__(self, run: FinishedRun) -> None:
        self._path = run.folder.results
        self._length = run.results_length

    def ids(self) -> IdSet:
        """Return the record ids of all accepted rows."""
        return IdSet(line.id for line in result_lines(self._path, length=self._length))

    def find(self, wanted: set[Place]) -> Mapping[Place, Sequence[AcceptedRecord]]:
        """Return the records of those *wanted* rows that were accepted."""
        found: dict[Place, list[AcceptedRecord]] = {}
        for line in result_lines(self._path, length=self._length):
            if (line.source, line.row) in wanted:
                found.setdefault((line.source, line.row), []).append(AcceptedRecord(line.id, Action(line.action)))
        return found
