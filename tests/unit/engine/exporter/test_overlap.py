"""Records that an export with ``--since last`` remembers for the next one."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bulkzoho.domain.model.export import ExportPage, Partition
from bulkzoho.engine.exporter.overlap import OverlapWindow
from bulkzoho.errors import JournalError
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from tests.run_samples import export_info

BOUND = "2026-03-01T12:00:00+00:00"
SETTLED = "2026-03-01T11:59:00+00:00"
PARTITION = Partition(number=0)


def _page(*ids: str) -> ExportPage:
    return ExportPage.from_records([{"id": record_id, "Modified_Time": SETTLED} for record_id in ids], position={}, done=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    SqliteJournal.create(path, export_info(), []).close()
    return path


@pytest.mark.parametrize(
    ("moment", "remembered"),
    [
        ("2026-03-01T11:57:59+00:00", False),
        ("2026-03-01T11:58:00+00:00", True),
        ("2026-03-01T14:00:00+02:00", True),
        ("2026-03-01T12:00:01+00:00", False),
        ("03/01/2026 11:59:00", False),
    ],
    ids=["before the overlap", "its first second", "its last second", "during the export", "not a time"],
)
@pytest.mark.parametrize("column", ["Modified_Time", "bulkzoho_deleted"])
def test_records_whose_time_is_final_are_remembered(column: str, moment: str, *, remembered: bool) -> None:
    overlap = OverlapWindow.at(BOUND, previous={})
    page = ExportPage.from_records([{"id": "1", column: moment}], position={}, done=True)

    kept = overlap.only_new(page)

    assert len(kept) == 1
    assert overlap.remembered == ({"1": moment} if remembered else {})


@pytest.mark.parametrize(("late_s", "waits_s"), [(-1.5, 3.5), (0.5, 1.5), (2.0, 0.0), (900.0, 0.0), (-900.0, 4.0)])
def test_nothing_is_read_before_the_last_second_is_over(late_s: float, waits_s: float) -> None:
    now = datetime.fromisoformat(BOUND).timestamp() + late_s

    assert OverlapWindow.at(BOUND, previous={}).stable_in_s(now) == pytest.approx(waits_s)


def test_a_record_of_the_last_export_is_repeated_when_its_time_changed() -> None:
    overlap = OverlapWindow.at(BOUND, previous={"1": BOUND, "2": BOUND})
    changed = "2026-03-01T12:00:05+00:00"
    records = [{"id": "1", "Modified_Time": BOUND}, {"id": "2", "Modified_Time": changed}]
    page = ExportPage.from_records(records, position={}, done=True)

    assert overlap.only_new(page).column("id") == ["2"]


def test_remembered_records_of_settled_pages_survive_the_process(path: Path) -> None:
    for page in (_page("1", "2"), _page("3")):
        with closing(SqliteJournal.open(path)) as journal:
            overlap = OverlapWindow.at(BOUND, previous={}, remembered=journal.export.overlap())
            overlap.only_new(page)
            journal.export.settle(PARTITION, overlap.unsettled)

    with closing(SqliteJournal.open(path)) as journal:
        assert OverlapWindow.at(BOUND, previous={}, remembered=journal.export.overlap()).remembered == dict.fromkeys(
            "123", SETTLED
        )


def test_records_that_could_not_be_settled_are_settled_with_the_next_page(path: Path) -> None:
    damaged: Any = "no number"
    with closing(SqliteJournal.open(path)) as journal:
        overlap = OverlapWindow.at(BOUND, previous={})
        overlap.only_new(_page("1"))
        with pytest.raises(JournalError):
            journal.export.settle(Partition(number=damaged), overlap.unsettled)
        after_the_error = journal.export.overlap()
        overlap.only_new(_page("2"))
        journal.export.settle(PARTITION, overlap.unsettled)

        assert after_the_error == {}, "together with its partition or not at all"
        assert journal.export.overlap() == {"1": SETTLED, "2": SETTLED}
