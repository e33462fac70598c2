"""What the CRM should hold of a run, what it holds, and how the two differ.  Pure: no clock, no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bulkzoho.domain.compare.lookup_plan import parse_timestamp_s
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
    "check",
    "finding_json",
]

Place = tuple[str, int]  #: source and row


class DifferenceKind(StrEnum):
    """How a record differs from what was sent."""

    DIFFERENT = "different"  #: a field holds something else
    CHANGED_SINCE = "changed_since"  #: likewise, but somebody changed the record after the run
    MISSING = "missing"  #: there is no such record
    STILL_THERE = "still_there"  #: the record was deleted, and is there
    DOUBLE = "double"  #: a second record with the values of a row, made by this user during the run


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRecord:
    """What the CRM should hold of one record."""

    id: str
    place: Place  #: the last row that sent it
    record: Record
    gone: bool = False  #: it was deleted
    rows: int = 1  #: how many rows sent it
    places: Mapping[str, Place] = field(default_factory=dict)  #: of a record that several rows sent: who last sent each field

    def followed_by(self, later: ExpectedRecord) -> ExpectedRecord:
        """Give what should be there once *later* was sent too: its fields win."""
        earlier = self.places or dict.fromkeys(self.record, self.place)
        return ExpectedRecord(
            id=self.id,
            place=later.place,
            record={**self.record, **later.record},
            gone=later.gone,
            rows=self.rows + later.rows,
            places={**earlier, **dict.fromkeys(later.record, later.place)},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference; the values go into a file for the owner alone, never anywhere else."""

    kind: DifferenceKind
    place: Place
    id: str
    field: str | None = None
    sent: Any = None
    held: Any = None
    modified_time: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedAfterRun:
    """How to know a change that was made after the run."""

    ended_s: float  #: when the run's last outcome was written, by the service's clock
    user_id: str | None  #: who the run acted as


def check(
    expected: ExpectedRecord, held: Mapping[str, Any] | None, crm_module: CrmModule, later: ChangedAfterRun
) -> list[Difference]:
    """Give the differences between what is *expected* and what is *held* (None: no such record)."""
    if expected.gone:
        kinds = [] if held is None else [DifferenceKind.STILL_THERE]
        return [Difference(kind=kind, place=expected.place, id=expected.id) for kind in kinds]
    if held is None:
        return [Difference(kind=DifferenceKind.MISSING, place=expected.place, id=expected.id)]
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
    by = held.get("Modified_By")
    by_id = by.get("id") if isinstance(by, dict) else by
    if later.user_id is not None and by_id is not None and str(by_id) != later.user_id:
        return True
    modified_s = parse_timestamp_s(held.get("Modified_Time"))
    return modified_s is not None and modified_s > later.ended_s


class DifferenceCounts:
    """Counts what was compared, in rows.

    Attributes:
        compared: Rows whose record was compared.
        rows: By kind: rows that differ so (and doubles: records).
        fields: By field: records in which it differs.
    """

    def __init__(self) -> None:
        self.compared = 0
        self.rows: Counter[DifferenceKind] = Counter()
        self.fields: Counter[str] = Counter()

    @property
    def same(self) -> int:
        """Rows of which the CRM holds what was sent, or what a later row sent."""
        return self.compared - sum(count for kind, count in self.rows.items() if kind is not DifferenceKind.DOUBLE)

    @property
    def differs(self) -> bool:
        """Whether anything is not as it was sent."""
        return any(self.rows.values())

    def add(self, expected: ExpectedRecord, findings: Sequence[Difference]) -> None:
        """Take what the comparison of one record found."""
        self.compared += expected.rows
        if not findings:
            return
        kind = findings[0].kind
        whole = kind in (DifferenceKind.MISSING, DifferenceKind.STILL_THERE)
        self.rows[kind] += expected.rows if whole else len({one.place for one in findings})
        self.fields.update(one.field for one in findings if one.field is not None)

    def add_double(self) -> None:
        """Take a record that is there once too often."""
        self.rows[DifferenceKind.DOUBLE] += 1


def finding_json(finding: Difference, *, run: str) -> dict[str, Any]:
    """Give *finding* as the line of a file."""
    source, row = finding.place
    line: dict[str, Any] = {"v": 1, "run": run, "source": source, "row": row, "id": finding.id, "kind": str(finding.kind)}
    if finding.field is not None:
        line |= {"field": finding.field, "sent": finding.sent, "held": finding.held, "modified_time": finding.modified_time}
    return line
