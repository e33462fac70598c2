"""Compare the records that a run should have left in the CRM with the records that are there.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bulkzoho.domain.compare.record_ownership import parse_timestamp_s, user_id_of
from bulkzoho.domain.compare.values import differing_fields
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.rows import Record

__all__ = [
    "ChangedAfterRun",
    "Difference",
    "DifferenceCounts",
    "DifferenceKind",
    "ExpectedRecord",
    "Place",
    "compare_record",
    "difference_json",
]

Place = tuple[str, int]  #: source and row


class DifferenceKind(StrEnum):
    """How a record differs from what was sent."""

    DIFFERENT = "different"  #: a field has another value
    CHANGED_SINCE = "changed_since"  #: likewise, but the record was changed after the run
    MISSING = "missing"  #: there is no such record
    STILL_THERE = "still_there"  #: the record was deleted, but exists
    DUPLICATE = "double"  #: a second record with the values of a row, created by this user during the run


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRecord:
    """The state in which a run should have left one record."""

    id: str
    place: Place  #: the last row that sent it
    record: Record
    is_deleted: bool = False
    rows: int = 1  #: how many rows sent it
    places: Mapping[str, Place] = field(default_factory=dict)  #: for several rows: the last row that sent each field

    def followed_by(self, later: ExpectedRecord) -> ExpectedRecord:
        """Return the state after *later* was sent too: its fields win."""
        earlier = self.places or dict.fromkeys(self.record, self.place)
        return ExpectedRecord(
            id=self.id,
            place=later.place,
            record={**self.record, **later.record},
            is_deleted=later.is_deleted,
            rows=self.rows + later.rows,
            places={**earlier, **dict.fromkeys(later.record, later.place)},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference; the values go only into a file that its owner alone can read."""

    kind: DifferenceKind
    place: Place
    id: str
    field: str | None = None
    sent: Any = None
    held: Any = None
    modified_time: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedAfterRun:
    """What distinguishes a change that was made after the run."""

    ended_s: float  #: when the run's last outcome was written, by the service's clock
    user_id: str | None  #: the user of the run


def compare_record(
    expected: ExpectedRecord, held: Mapping[str, Any] | None, crm_module: CrmModule, later: ChangedAfterRun
) -> list[Difference]:
    """Return the differences between the *expected* record and the CRM's (*held*; None: there is no such record)."""
    if expected.is_deleted or held is None:
        if expected.is_deleted and held is None:
            return []
        kind = DifferenceKind.STILL_THERE if expected.is_deleted else DifferenceKind.MISSING
        return [Difference(kind=kind, place=expected.place, id=expected.id)]
    readable = {name: value for name, value in expected.record.items() if name != "id" and name in held}
    kind = DifferenceKind.CHANGED_SINCE if _changed_later(held, later) else DifferenceKind.DIFFERENT
    return [
        Difference(
            kind=kind,
            place=expected.places.get(name, expected.place),
            id=expected.id,
            field=name,
            sent=expected.record[name],
            held=held[name],
            modified_time=held.get("Modified_Time"),
        )
        for name in differing_fields(readable, held, crm_module)
    ]


def _changed_later(held: Mapping[str, Any], later: ChangedAfterRun) -> bool:
    modified_by = user_id_of(held.get("Modified_By"))
    if later.user_id is not None and modified_by is not None and modified_by != later.user_id:
        return True
    modified_s = parse_timestamp_s(held.get("Modified_Time"))
    return modified_s is not None and modified_s > later.ended_s


class DifferenceCounts:
    """Counts of compared rows.

    Attributes:
        compared: Rows whose record was compared.
        rows: Rows by kind of difference (for duplicates: records).
        fields: Records with a difference, by field.
    """

    def __init__(self) -> None:
        self.compared = 0
        self.rows: Counter[DifferenceKind] = Counter()
        self.fields: Counter[str] = Counter()

    @property
    def same(self) -> int:
        """Rows whose record has the values that this row, or a later one, sent."""
        return self.compared - sum(count for kind, count in self.rows.items() if kind is not DifferenceKind.DUPLICATE)

    @property
    def differs(self) -> bool:
        """Whether there is any difference."""
        return any(self.rows.values())

    def add(self, expected: ExpectedRecord, differences: Sequence[Difference]) -> None:
        """Count the result of comparing one record."""
        self.compared += expected.rows
        if not differences:
            return
        kind = differences[0].kind
        is_whole_record = kind in (DifferenceKind.MISSING, DifferenceKind.STILL_THERE)
        self.rows[kind] += expected.rows if is_whole_record else len({difference.place for difference in differences})
        self.fields.update(difference.field for difference in differences if difference.field is not None)

    def add_duplicate(self) -> None:
        """Count a duplicate record."""
        self.rows[DifferenceKind.DUPLICATE] += 1


def difference_json(difference: Difference, *, run: str) -> dict[str, Any]:
    """Return *difference* as one line of the differences file."""
    source, row = difference.place
    line: dict[str, Any] = {
        "v": 1,
        "run": run,
        "source": source,
        "row": row,
        "id": difference.id,
        "kind": str(difference.kind),
    }
    if difference.field is not None:
        line |= {
            "field": difference.field,
            "sent": difference.sent,
            "held": difference.held,
            "modified_time": difference.modified_time,
        }
    return line
