"""What becomes of the columns of one header, and the words for those that have nowhere to go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulkzoho.core.fieldnames import ID
from bulkzoho.model.metadata import CrmField

__all__ = ["CODES", "ColumnPlan", "Leftover", "PlannedColumn", "Reason", "StrangeColumn", "listed", "remedy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedColumn:
    """A column and the field that it fills."""

    index: int  #: place in the header
    name: str
    field: CrmField
    date_format: str | None = None  #: how this column writes dates, for strptime


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangeColumn:
    """A column that turned up after the first rows and has nowhere to go: rows that say something in it are refused."""

    index: int
    name: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """What becomes of each column of one header."""

    columns: tuple[PlannedColumn, ...]  #: in the order of the header
    constants: tuple[tuple[CrmField, str], ...] = ()  #: ``--set``: given to every row
    required: tuple[str, ...] = ()  #: API names that no row may leave blank
    strange: tuple[StrangeColumn, ...] = ()
    warnings: tuple[str, ...] = ()


class Reason(StrEnum):
    """Why a column has no field, as a person reads it."""

    UNKNOWN = "no such field"
    READ_ONLY = "the API does not write it"
    TAKEN = "another column fills its field"


CODES: Final[Mapping[Reason, str]] = {
    Reason.UNKNOWN: "UNKNOWN_COLUMN",
    Reason.READ_ONLY: "READ_ONLY_FIELD",
    Reason.TAKEN: "TWO_COLUMNS_FOR_ONE_FIELD",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A column that goes nowhere; what that means depends on what the user said and on when it turned up."""

    index: int
    name: str
    reason: Reason
    field: CrmField | None = None


def listed(columns: Sequence[Leftover]) -> str:
    """Name the columns, in quotes."""
    return ("columns " if len(columns) > 1 else "column ") + ", ".join(f'"{one.name}"' for one in columns)


def remedy(one: Leftover) -> str:
    """Say what to do about a column that goes nowhere."""
    if one.reason is Reason.READ_ONLY and one.field is ID:
        return "Leave it out with --ignore-readonly, or use --operation update to change the records with these ids."
    if one.reason is Reason.READ_ONLY:
        return "Leave such columns out with --ignore-readonly."
    named = f'Map it with --map "{one.name}=FIELD", leave it out with --map "{one.name}="'
    return f"{named}, or all such columns with --ignore-unknown."
