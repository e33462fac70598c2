"""What a converter gives for a column of cells, and the walk that every converter falls back on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import ABSENT, Cell, Stage

__all__ = ["ConvertedColumn", "Converter", "conversion_error", "convert_each_cell"]


class ConvertedColumn(NamedTuple):
    """One column: a value a row; at an index that is named below the value is the cell, or nothing.

    A column in which all is well names no index, and costs one of these.
    """

    values: Sequence[Any]
    absent: Sequence[int] = ()  #: indexes of rows that say nothing here
    cleared: Sequence[int] = ()  #: indexes of rows that clear the field
    rejected: Sequence[tuple[int, Rejection]] = ()


Converter = Callable[[Sequence[Cell]], ConvertedColumn]  #: takes a column of one cell or more


def convert_each_cell(convert: Callable[[Any], Any]) -> Converter:
    """Make a converter that walks the column.

    Args:
        convert: Gives the value of a cell that is neither blank nor null, a :class:`Refusal`, or None to clear the field.
    """

    def walk(cells: Sequence[Cell]) -> ConvertedColumn:
        values: list[Any] = []
        absent: list[int] = []
        cleared: list[int] = []
        refused: list[tuple[int, Rejection]] = []
        for index, cell in enumerate(cells):
            if cell is ABSENT or (isinstance(cell, str) and not cell.strip()):
                absent.append(index)
                values.append(cell)
                continue
            value = None if cell is None else convert(cell)
            if value is None:
                cleared.append(index)
            elif isinstance(value, Rejection):
                refused.append((index, value))
                value = cell
            values.append(value)
        return ConvertedColumn(values, absent, cleared, refused)

    return walk


def conversion_error(field: FieldMetadata, message: str, **details: object) -> Rejection:
    """Give the refusal of a value of *field* as the CRM would give it; no part of the value is in it."""
    return Rejection(code="INVALID_DATA", message=message, stage=Stage.CHECK, field=field.api_name, details=details)
