"""Records as sent, compared with records in the CRM."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.domain.compare.differences import (
    ChangedAfterRun,
    DifferenceCounts,
    DifferenceKind,
    ExpectedRecord,
    compare_record,
    difference_json,
)
from tests.unit.domain.crm_samples import LEADS

LATER = ChangedAfterRun(ended_s=1_000.0, user_id="571")
ROW = ExpectedRecord(id="1", place=("a.csv", 4), record={"Last_Name": "A", "No_of_Employees": 12})


def held(seconds: int = 900, by: str = "571", **values: Any) -> dict[str, Any]:
    moment = f"1970-01-01T00:{seconds // 60:02}:{seconds % 60:02}+00:00"
    return {"id": "1", "Modified_Time": moment, "Modified_By": {"id": by}, "Last_Name": "A", "No_of_Employees": "12", **values}


def test_a_record_with_the_values_sent_has_no_difference() -> None:
    assert compare_record(ROW, held(), LEADS, LATER) == []


@pytest.mark.parametrize(
    ("now", "kind"),
    [
        (held(Last_Name="B"), DifferenceKind.DIFFERENT),
        (held(1_001, Last_Name="B"), DifferenceKind.CHANGED_SINCE),
        (held(by="572", Last_Name="B"), DifferenceKind.CHANGED_SINCE),
        (None, DifferenceKind.MISSING),
    ],
)
def test_a_difference_has_a_kind(now: dict[str, Any] | None, kind: DifferenceKind) -> None:
    (difference,) = compare_record(ROW, now, LEADS, LATER)

    assert (difference.kind, difference.place, difference.id) == (kind, ("a.csv", 4), "1")
    assert (difference.field, difference.sent, difference.held) == (("Last_Name", "A", "B") if now else (None, None, None))


def test_a_deleted_record_that_exists_is_a_difference() -> None:
    gone = ExpectedRecord(id="1", place=("a.csv", 4), record={"id": "1"}, is_deleted=True)

    assert compare_record(gone, None, LEADS, LATER) == []
    assert [difference.kind for difference in compare_record(gone, held(), LEADS, LATER)] == [DifferenceKind.STILL_THERE]


def test_a_field_that_was_not_read_is_not_compared() -> None:
    now = held()
    del now["Last_Name"]

    assert compare_record(ROW, now, LEADS, LATER) == []


def test_the_last_of_several_rows_that_sent_a_field_counts() -> None:
    merged = ROW.followed_by(ExpectedRecord(id="1", place=("b.csv", 1), record={"Last_Name": "B", "Company": "Acme"}))

    differences = compare_record(merged, held(Company="Other", No_of_Employees=13), LEADS, LATER)

    assert {(difference.field, difference.place) for difference in differences} == {
        ("Last_Name", ("b.csv", 1)),
        ("Company", ("b.csv", 1)),
        ("No_of_Employees", ("a.csv", 4)),
    }
    counts = DifferenceCounts()
    counts.add(merged, differences)
    assert (counts.compared, counts.same, counts.rows[DifferenceKind.DIFFERENT]) == (2, 0, 2)


def test_rows_add_up_and_duplicates_are_counted_separately() -> None:
    counts = DifferenceCounts()
    for now in (held(), held(Last_Name="B"), None):
        counts.add(ROW, compare_record(ROW, now, LEADS, LATER))
    counts.add_duplicate()

    assert (counts.compared, counts.same, dict(counts.rows)) == (3, 1, {"different": 1, "missing": 1, "double": 1})
    assert counts.differs


def test_a_line_of_the_file_has_run_row_id_and_field() -> None:
    (difference,) = compare_record(ROW, held(Last_Name="B"), LEADS, LATER)

    assert difference_json(difference, run="r1") == {
        "v": 1,
        "run": "r1",
        "source": "a.csv",
        "row": 4,
        "id": "1",
        "kind": "different",
        "field": "Last_Name",
        "sent": "A",
        "held": "B",
        "modified_time": "1970-01-01T00:15:00+00:00",
    }
