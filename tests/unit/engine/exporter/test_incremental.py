"""What an export with ``--since last`` remembers for the next one."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bulkzoho.domain.model.export import ExportPage, Partition
from bulkzoho.engine.exporter.incremental import OverlapJournal, OverlapWindow
from bulkzoho.errors import JournalError
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from tests.run_samples import export_info

BOUND = "2026-03-01T12:00:00+00:00"
SETTLED = "2026-03-01T11:59:00+00:00"
STRAND = Partition(number=0)


def _page(*ids: str) -> ExportPage:
    return ExportPage.of([{"id": one, "Modified_Time": SETTLED} for one in ids], position={}, done=False)


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
    ids=["before the overlap", "its first second", "its last second", "while it ran", "in a form that says no time"],
)
@pytest.mark.parametrize("column", ["Modified_Time", "bulkzoho_deleted"])
def test_what_can_change_no_more_under_its_time_is_remembered(column: str, moment: str, *, remembered: bool) -> None:
    edge = OverlapWindow.of(BOUND, {})
    page = ExportPage.of([{"id": "1", column: moment}], position={}, done=True)

    given = edge.only_new(page)

    assert len(given) == 1
    assert edge.gathered == ({"1": moment} if remembered else {})


@pytest.mark.parametrize(("late_s", "waits_s"), [(-1.5, 3.5), (0.5, 1.5), (2.0, 0.0), (900.0, 0.0), (-900.0, 4.0)])
def test_nothing_is_read_before_the_last_second_is_over(late_s: float, waits_s: float) -> None:
    now = datetime.fromisoformat(BOUND).timestamp() + late_s

    assert OverlapWindow.of(BOUND, {}).settles_in_s(now) == pytest.approx(waits_s)


def test_what_the_last_export_gave_comes_again_when_its_time_is_another() -> None:
    edge = OverlapWindow.of(BOUND, {"1": BOUND, "2": BOUND})
    changed = "2026-03-01T12:00:05+00:00"
    page = ExportPage.of([{"id": "1", "Modified_Time": BOUND}, {"id": "2", "Modified_Time": changed}], position={}, done=True)

    assert edge.only_new(page).column("id") == ["2"]


def test_what_was_gathered_of_settled_pages_outlives_the_process(path: Path) -> None:
    for page in (_page("1", "2"), _page("3")):
        with closing(SqliteJournal.open(path)) as journal:
            edge = OverlapWindow.of(BOUND, {}, gathered=journal.export.overlap())
            edge.only_new(page)
            OverlapJournal(journal.export, edge).settle(STRAND)

    with closing(SqliteJournal.open(path)) as journal:
        assert OverlapWindow.of(BOUND, {}, gathered=journal.export.overlap()).gathered == dict.fromkeys("123", SETTLED)


def test_what_could_not_be_settled_is_settled_with_the_next_page(path: Path) -> None:
    damaged: Any = "no number"
    with closing(SqliteJournal.open(path)) as journal:
        edge = OverlapWindow.of(BOUND, {})
        settling = OverlapJournal(journal.export, edge)
        edge.only_new(_page("1"))
        with pytest.raises(JournalError):
            settling.settle(Partition(number=damaged))
        after_the_error = journal.export.overlap()
        edge.only_new(_page("2"))
        settling.settle(STRAND)

        assert after_the_error == {}, "with its strand or not at all"
        assert journal.export.overlap() == {"1": SETTLED, "2": SETTLED}
