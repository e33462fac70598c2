"""Which run a `resume` without a name takes up."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkzoho.domain.model.journal_events import InputInfo, InputProgressed, RowsRejected, RunInfo, RunUpdated
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import CallCounts, RunStatus
from bulkzoho.storage.store.run_catalog import new_run_folder, newest_resumable_run
from bulkzoho.storage.store.sqlite_journal import SqliteJournal


@pytest.mark.parametrize(
    ("status", "complete", "taken_up"),
    [
        (RunStatus.COMPLETED, True, False),
        (RunStatus.FAILED, False, False),  # a damaged input: it would fail again at the same place
        (RunStatus.FAILED, True, True),
        (RunStatus.INTERRUPTED, False, True),  # not read to its end, or its ending could not be written down
        (RunStatus.INTERRUPTED, True, True),
        (RunStatus.RUNNING, True, True),  # killed
    ],
)
def test_a_run_whose_rows_all_have_an_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: RunStatus, *, complete: bool, taken_up: bool
) -> None:
    monkeypatch.setenv("BULKZOHO_HOME", str(tmp_path))
    folder = new_run_folder("Leads")
    facts = RunInfo(
        run=folder.run,
        command="import",
        crm_module="Leads",
        operation=Operation.INSERT,
        settings={},
        started="2026-11-24T10:00:00Z",
    )
    source = InputInfo(index=0, path="/a.csv", name="a.csv", rows_read=1, complete=complete)
    journal = SqliteJournal.create(folder.journal, facts, [source])
    refused = RowsRejected(id=1, source=0, rows=[(1, 1)], tally=RowCounts(dead_lettered=1))
    calls = CallCounts(total=1, retried=0, throttled=0, credits=10)
    journal.commit([InputProgressed(facts=source), refused, RunUpdated(status=status, seconds=1.0, calls=calls)])
    journal.close()

    found = newest_resumable_run()

    assert (None if found is None else found.run) == (folder.run if taken_up else None)
    assert newest_resumable_run(but={folder.run}) is None
