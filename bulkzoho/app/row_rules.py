"""Check that the rows of an input are counted as they were when its run was started.

Version 0.1 joined the lines after a stray quote into one row.  Now that line is a rejected row, so the rows after it have other
numbers.  Rows are identified by their numbers: to resume or verify such a run would take one row for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress

from bulkzoho.app.inputs import InputOpener
from bulkzoho.domain.model.journal_events import ROW_RULES, InputInfo, RunInfo, ShipmentState
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.run_settings import ExportRunSettings, ReplayRunSettings
from bulkzoho.errors import RefusedError, RunFailedError
from bulkzoho.interfaces import RunStore
from bulkzoho.storage.store.run_folder import RunFolder

__all__ = ["OTHER_ROW_RULES", "require_same_row_rules"]

OTHER_ROW_RULES = "OTHER_ROW_RULES"  #: the error code
_RECOUNTED = frozenset({"BAD_QUOTE", "ROW_TOO_LONG"})  # codes of rows that older rules counted differently


def require_same_row_rules(store: RunStore, run: str) -> None:
    """Refuse *run* if older rules counted its rows differently, or read a row in doubt that is now rejected.

    Nothing is written: the journal must stay readable for the version that started the run.

    Raises:
        RefusedError: Names the first such row.
    """
    with closing(store.open(run, read_only=True)) as journal:
        info = journal.info()
        if info.row_rules >= ROW_RULES or isinstance(info.settings, ExportRunSettings):
            return
        inputs = journal.inputs()
        in_doubt = [RowRanges() for _ in inputs]
        for shipment in journal.shipments():
            if shipment.state is ShipmentState.SENT:
                for first, last in shipment.rows:
                    in_doubt[shipment.source].add_range(first, last)
    opener = _opener(store, info)
    for source in inputs:
        if source.rows_read:
            _require_same_rows(info.run, opener, source, in_doubt[source.index])


def _opener(store: RunStore, info: RunInfo) -> InputOpener:
    settings = info.settings
    assert not isinstance(settings, ExportRunSettings)
    is_replay = isinstance(settings, ReplayRunSettings)
    codes: Sequence[str] = settings.only_codes if isinstance(settings, ReplayRunSettings) else ()
    folder = RunFolder(store.folder(info.run))
    return InputOpener(settings=settings.imports, folder=folder, letters=is_replay, only_codes=tuple(codes))


def _require_same_rows(run: str, opener: InputOpener, source: InputInfo, in_doubt: RowRanges) -> None:
    with closing(opener.open(source, live=False)) as rows, suppress(RunFailedError):  # damaged from here on: the run reports it
        while (block := rows.read()) is not None:
            for row in block.unreadable:
                if row.number <= source.rows_read and (row.code in _RECOUNTED or row.number in in_doubt):
                    raise RefusedError(
                        f"{source.name}, row {row.number}: the version that started run {run} read this file differently"
                        f" ({row.code}).",
                        hint="Use that version to resume or verify it; its results file names the accepted rows.",
                        code=OTHER_ROW_RULES,
                    )
            if block.numbers and block.numbers[-1] > source.rows_read:
                return
