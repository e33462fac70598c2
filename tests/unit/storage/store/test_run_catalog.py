"""Which run a `resume` without a name continues."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from bulkzoho.domain.model.journal_events import InputInfo, InputProgressed, RowsRejected, RunUpdated
from bulkzoho.domain.model.progress import CallCounts
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.storage.store.home import HomeLayout
from bulkzoho.storage.store.run_catalog import newest_resumable_run
from bulkzoho.storage.store.sqlite_store import SqliteRunStore
from tests.run_samples import import_info


@pytest.mark.parametrize(
    ("status", "complete", "resumable"),
    [
        (RunStatus.COMPLETED, True, False),
        (RunStatus.FAILED, False, False),  # a damaged input: it would fail again at the same place
        (RunStatus.FAILED, True, True),
        (RunStatus.INTERRUPTED, False, True),  # not read to its end, or its end could not be stored
        (RunStatus.INTERRUPTED, True, True),
        (RunStatus.RUNNING, True, True),  # killed
    ],
)
def test_a_run_whose_rows_all_have_an_outcome(tmp_path: Path, status: RunStatus, *, complete: bool, resumable: bool) -> None:
    store = SqliteRunStore(HomeLayout(tmp_path))
    run = store.reserve("Leads")
    source = InputInfo(index=0, path="/a.csv", name="a.csv", rows_read=1, complete=complete)
    rejected = RowsRejected(id=1, source=0, rows=[(1, 1)], tally=RowCounts(dead_lettered=1))
    with closing(store.create(import_info(run), [source])) as journal:
        journal.commit([InputProgressed(facts=source), rejected, RunUpdated(status=status, seconds=1.0, calls=CallCounts())])

    found = newest_resumable_run(store)

    assert found == (run if resumable else None)
    assert newest_resumable_run(store, exclude={run}) is None
