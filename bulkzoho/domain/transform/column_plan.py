"""The plan for the columns of one header: the field of each column, or the reason why it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.transform.field_names import ID

__all__ = [
    "CODES",
    "ColumnPlan",
    "MappedColumn",
    "UnexpectedColumn",
    "UnmappedColumn",
    "UnmappedReason",
    "quoted_names",
    "unmapped_hint",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedColumn:
    """A column and the field that it fills."""

    index: int  #: position in the header
    name: str
    field: FieldMetadata
    date_format: str | None = None  #: strptime format of the dates in this column


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexpectedColumn:
    """A column without a field that appeared after the first rows: rows with a value in it are rejected."""

    index: int
    name: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """The columns of one header that are sent, and what every row must have."""

    columns: tuple[MappedColumn, ...]  #: in the order of the header
    constants: tuple[tuple[FieldMetadata, str], ...] = ()  #: ``--set``: the same value in every row
    required: tuple[str, ...] = ()  #: API names of fields that every row must fill
    unexpected: tuple[UnexpectedColumn, ...] = ()
    warnings: tuple[str, ...] = ()


class UnmappedReason(StrEnum):
    """Why a column has no field, as shown to the user."""

    UNKNOWN = "no such field"
    READ_ONLY = "read-only in the API"
    TAKEN = "another column fills the field"


CODES: Final[Mapping[UnmappedReason, str]] = {
    UnmappedReason.UNKNOWN: "UNKNOWN_COLUMN",
    UnmappedReason.READ_ONLY: "READ_ONLY_FIELD",
    UnmappedReason.TAKEN: "TWO_COLUMNS_FOR_ONE_FIELD",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedColumn:
    """A column without a field.  The settings decide whether it is left out or an error."""

    index: int
    name: str
    reason: UnmappedReason
    field: FieldMetadata | None = None


def quoted_names(columns: Sequence[UnmappedColumn]) -> str:
    """Return the names of *columns* in quotes, after the word column or columns."""
    return ("columns " if len(columns) > 1 else "column ") + ", ".join(f'"{column.name}"' for column in columns)


def unmapped_hint(column: UnmappedColumn) -> str:
    """Return the hint for a column that has no field."""
    if column.reason is UnmappedReason.READ_ONLY and column.field is ID:
        return "Leave it out with --ignore-readonly, or use --operation update to change the records with these ids."
    if column.reason is UnmappedReason.READ_ONLY:
        return "Leave such columns out with --ignore-readonly."
    options = f'Map it with --map "{column.name}=FIELD", leave it out with --map "{column.name}="'
    return f"{options}, or leave out all such columns with --ignore-unknown."
