"""Rows and records: blocks of rows as read, batches of records as sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Any, Final

__all__ = [
    "ABSENT",
    "Action",
    "Batch",
    "Cell",
    "KeyClaim",
    "MalformedRow",
    "Missing",
    "Operation",
    "PassthroughBlock",
    "Record",
    "RowBlock",
    "RowOrigin",
    "Stage",
]


class Missing(Enum):
    """The type of :data:`ABSENT`."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Missing.ABSENT
"""A cell without a value: a blank cell of a CSV, a key that a JSON line does not have.  The CRM keeps its value."""

Cell = Any  #: ``str`` from a CSV; any JSON value, or ABSENT, from JSON Lines
Record = Mapping[str, Any]  #: API field name to JSON value; what is sent
KeyClaim = tuple[str, str]  #: (API field name, value in the form in which the service compares it)


class Operation(StrEnum):
    """What an import does with each row."""

    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"


class Action(StrEnum):
    """What the CRM did with an accepted row."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    NONE = "none"  #: the record had these values already


class Stage(StrEnum):
    """Where a row was rejected."""

    READ = "read"  #: unreadable in the file
    CHECK = "check"  #: rejected locally, with the code that the CRM would return
    CRM = "crm"  #: rejected by the CRM


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOrigin:
    """Where a replayed row was first read: its identity, in whatever file it is now."""

    run: str
    source: str
    row: int
    attempts: int  #: attempts before this one


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedRow:
    """A row that could not be read; it becomes a rejected row of stage ``read``."""

    number: int
    code: str  #: RAGGED_ROW, BAD_QUOTE, ROW_TOO_LONG, BAD_ENCODING or BAD_JSON
    message: str
    raw: str  #: the line, undecodable bytes escaped
    origin: RowOrigin | None = None  #: for a row of a replay that cannot be sent


@dataclass(frozen=True, slots=True, kw_only=True)
class PassthroughBlock:
    """A whole block of JSON lines that can be sent as records without conversion."""

    json: bytes  #: the records, as a JSON array
    keys: Mapping[str, Sequence[str | None]]  #: of each key field with values, one per record


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBlock:
    """Some consecutive rows of one source, cells in the order of the header.

    ``rows``, ``numbers`` and, in a replay, ``origins`` run in parallel.
    """

    header: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    numbers: Sequence[int]  #: 1-based data row of each; a range when nothing is missing
    unreadable: tuple[MalformedRow, ...] = ()
    origins: Sequence[RowOrigin] | None = None
    lazy_rows: Sequence[Sequence[Cell]] | None = None  #: the rows as lines that are split on access, cheap to keep
    passthrough: PassthroughBlock | None = None  #: set by a passthrough check: then ``rows`` need no conversion


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Up to 100 records for one call; the sequences run in parallel."""

    source: int  #: index of the source in the run
    header: tuple[str, ...]
    numbers: Sequence[int]
    records: Sequence[Record]
    cells: Sequence[Sequence[Cell]]  #: as read, for rejected rows in the format of the input
    claims: Sequence[KeyClaim] = ()  #: keys that this batch locks until it is settled
    origins: Sequence[RowOrigin] | None = None

    def __len__(self) -> int:
        return len(self.records)

    def pick(self, indexes: Sequence[int]) -> Batch:
        """Return the batch of the records at *indexes*, with the same claims."""
        return replace(
            self,
            numbers=[self.numbers[i] for i in indexes],
            records=[self.records[i] for i in indexes],
            cells=[self.cells[i] for i in indexes],
            origins=None if self.origins is None else [self.origins[i] for i in indexes],
        )
