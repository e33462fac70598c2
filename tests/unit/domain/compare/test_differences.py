"""What the CRM should hold, and how it differs."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.domain.compare.differences import (
    ChangedAfterRun,
    DifferenceCounts,
    DifferenceKind,
    ExpectedRecord,
    check,
    finding_json,
)
from tests.unit.domain.crm_samples import LEADS

LATER = ChangedAfterRun(ended_s=1_000.0, user_id="571")
ROW = ExpectedRecord(id="1", place=("a.csv", 4), record={"Last_Name": "A", "No_of_Employees": 12})


def held(seconds: int = 900, by: str = "571", **values: Any) -> dict[str, Any]:
    moment = f"1970-01-01T00:{seconds // 60:02}:{seconds % 60:02}+00:00"
    return {"id": "1", "Modified_Time": moment, "Modified_By": {"id": by}, "Last_Name": "A", "No_of_Employees": "12", **values}


def test_a_record_that_is_as_it_was_sent_is_no_finding() -> None:
    assert check(ROW, held(), LEADS, LATER) == []


@pytest.mark.parametrize(
    ("now", "kind"),
    [
        (held(Last_Name="B"), DifferenceKind.DIFFERENT),
        (held(1_001, Last_Name="B"), DifferenceKind.CHANGED_SINCE),
        (held(by="572", Last_Name="B"), DifferenceKind.CHANGED_SINCE),
        (None, DifferenceKind.MISSING),
    ],
)
def test_what_differs_is_told_by_its_kind(now: dict[str, Any] | None, kind: DifferenceKind) -> None:
    (finding,) = check(ROW, now, LEADS, LATER)

    assert (finding.kind, finding.place, finding.id) == (kind, ("a.csv", 4), "1")
    assert (finding.field, finding.sent, finding.held) == (("Last_Name", "A", "B") if now else (None, None, None))


def test_a_deleted_record_should_not_be_there() -> None:
    gone = ExpectedRecord(id="1", place=("a.csv", 4), record={"id": "1"}, gone=True)

    assert check(gone, None, LEADS, LATER) == []
    assert [finding.kind for finding in check(gone, held(), LEADS, LATER)] == [DifferenceKind.STILL_THERE]


def test_a_field_that_was_not_read_is_not_compared() -> None:
    now = held()
    del now["Last_Name"]

    assert check(ROW, now, LEADS, LATER) == []


def test_of_several_rows_the_last_to_send_a_field_counts() -> None:
    merged = ROW.followed_by(ExpectedRecord(id="1", place=("b.csv", 1), record={"Last_Name": "B", "Company": "Acme"}))

    findings = check(merged, held(Company="Other", No_of_Employees=13), LEADS, LATER)

    assert {(one.field, one.place) for one in findings} == {
        ("Last_Name", ("b.csv", 1)),
        ("Company", ("b.csv", 1)),
        ("No_of_Employees", ("a.csv", 4)),
    }
    counts = DifferenceCounts()
    counts.add(merged, findings)
    assert (counts.compared, counts.same, counts.rows[DifferenceKind.DIFFERENT]) == (2, 0, 2)


def test_rows_add_up_and_doubles_are_counted_beside_them() -> None:
    counts = DifferenceCounts()
    for now in (held(), held(Last_Name="B"), None):
        counts.add(ROW, check(ROW, now, LEADS, LATER))
    counts.add_double()

    assert (counts.compared, counts.same, dict(counts.rows)) == (3, 1, {"different": 1, "missing": 1, "double": 1})
    assert counts.differs


def test_a_line_of_the_file_names_run_row_id_and_field() -> None:
    (finding,) = check(ROW, held(Last_Name="B"), LEADS, LATER)

    assert finding_json(finding, run="r1") == {
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
