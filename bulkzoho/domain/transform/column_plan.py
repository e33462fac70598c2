"""What becomes of the columns of one header, and the words for those that have nowhere to go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.transform.field_names import ID

__all__ = ["CODES", "ColumnPlan", "MappedColumn", "UnexpectedColumn", "UnmappedColumn", "UnmappedReason", "listed", "remedy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedColumn:
    """A column and the field that it fills."""

    index: int  #: place in the header
    name: str
    field: FieldMetadata
    date_format: str | None = None  #: how this column writes dates, for strptime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexpectedColumn:
    """A column that turned up after the first rows and has nowhere to go: rows that say something in it are refused."""

    index: int
    name: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """What becomes of each column of one header."""

    columns: tuple[MappedColumn, ...]  #: in the order of the header
    constants: tuple[tuple[FieldMetadata, str], ...] = ()  #: ``--set``: given to every row
    required: tuple[str, ...] = ()  #: API names that no row may leave blank
    unexpected: tuple[UnexpectedColumn, ...] = ()
    warnings: tuple[str, ...] = ()


class UnmappedReason(StrEnum):
    """Why a column has no field, as a person reads it."""

    UNKNOWN = "no such field"
    READ_ONLY = "the API does not write it"
    TAKEN = "another column fills its field"


CODES: Final[Mapping[UnmappedReason, str]] = {
    UnmappedReason.UNKNOWN: "UNKNOWN_COLUMN",
    UnmappedReason.READ_ONLY: "READ_ONLY_FIELD",
    UnmappedReason.TAKEN: "TWO_COLUMNS_FOR_ONE_FIELD",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedColumn:
    """A column that goes nowhere; what that means depends on what the user said and on when it turned up."""

    index: int
    name: str
    reason: UnmappedReason
    field: FieldMetadata | None = None


def listed(columns: Sequence[UnmappedColumn]) -> str:
    """Name the columns, in quotes."""
    return ("columns " if len(columns) > 1 else "column ") + ", ".join(f'"{one.name}"' for one in columns)


def remedy(one: UnmappedColumn) -> str:
    """Say what to do about a column that goes nowhere."""
    if one.reason is UnmappedReason.READ_ONLY and one.field is ID:
        return "Leave it out with --ignore-readonly, or use --operation update to change the records with these ids."
    if one.reason is UnmappedReason.READ_ONLY:
        return "Leave such columns out with --ignore-readonly."
    named = f'Map it with --map "{one.name}=FIELD", leave it out with --map "{one.name}="'
    return f"{named}, or all such columns with --ignore-unknown."
