"""What a file holds and what travels: blocks of rows as read, batches of records as sent."""

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
"""A cell with nothing to say: a blank cell of a CSV, a key that a JSON line does not have.  The CRM's value is left alone."""

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
    NONE = "none"  #: it was as asked already


class Stage(StrEnum):
    """Where a row was refused."""

    READ = "read"  #: unreadable in the file
    CHECK = "check"  #: refused here, with the code the CRM would give
    CRM = "crm"  #: refused by the CRM


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOrigin:
    """Where a replayed letter first came from: its identity, whatever file it stands in now."""

    run: str
    source: str
    row: int
    attempts: int  #: sendings before this one


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedRow:
    """A row that could not be read; it becomes a letter of stage ``read``."""

    number: int
    code: str  #: RAGGED_ROW, BAD_QUOTE, ROW_TOO_LONG, BAD_ENCODING or BAD_JSON
    message: str
    raw: str  #: the line as it stands, undecodable bytes escaped
    origin: RowOrigin | None = None  #: for a letter that cannot be sent


@dataclass(frozen=True, slots=True, kw_only=True)
class PassthroughBlock:
    """A whole block of lines that are records as they stand."""

    json: bytes  #: the records, as a JSON array
    keys: Mapping[str, Sequence[str | None]]  #: of each key field that is filled, one a record


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBlock:
    """Some consecutive rows of one source, cells in the order of the header.

    ``rows``, ``numbers`` and, for letters, ``origins`` run in parallel.
    """

    header: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    numbers: Sequence[int]  #: 1-based data row of each; a range when nothing is missing
    unreadable: tuple[MalformedRow, ...] = ()
    origins: Sequence[RowOrigin] | None = None
    lazy_rows: Sequence[Sequence[Cell]] | None = (
        None  #: the rows again, for whoever keeps them: lines that are cut when asked for
    )
    passthrough: PassthroughBlock | None = None  #: what a gate found: then ``rows`` need not be looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Up to 100 records for one call; the sequences run in parallel."""

    source: int  #: index of the source in the run
    header: tuple[str, ...]
    numbers: Sequence[int]
    records: Sequence[Record]
    cells: Sequence[Sequence[Cell]]  #: as read, for letters in the shape of the input
    claims: Sequence[KeyClaim] = ()  #: keys this batch keeps others from using until it is settled
    origins: Sequence[RowOrigin] | None = None

    def __len__(self) -> int:
        return len(self.records)

    def pick(self, indexes: Sequence[int]) -> Batch:
        """Give the batch of the records at *indexes*, with the same claims."""
        return replace(
            self,
            numbers=[self.numbers[i] for i in indexes],
            records=[self.records[i] for i in indexes],
            cells=[self.cells[i] for i in indexes],
            origins=None if self.origins is None else [self.origins[i] for i in indexes],
        )
