"""The result of converting one column, and the slow conversion cell by cell that every converter falls back to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import ABSENT, Cell, Stage

__all__ = ["ConvertedColumn", "Converter", "conversion_error", "convert_each_cell"]


class ConvertedColumn(NamedTuple):
    """One value per row.  At the indexes named below the value is the unconverted cell, or None."""

    values: Sequence[Any]
    absent: Sequence[int] = ()  #: indexes of rows that leave the field alone
    cleared: Sequence[int] = ()  #: indexes of rows that clear the field
    rejected: Sequence[tuple[int, Rejection]] = ()


Converter = Callable[[Sequence[Cell]], ConvertedColumn]  #: takes a column of at least one cell


def convert_each_cell(convert: Callable[[Any], Any]) -> Converter:
    """Return a converter that converts a column cell by cell.

    Args:
        convert: Returns the value of a cell that is neither blank nor null, a :class:`Rejection`, or None to clear the field.
    """

    def convert_cells(cells: Sequence[Cell]) -> ConvertedColumn:
        values: list[Any] = []
        absent: list[int] = []
        cleared: list[int] = []
        rejected: list[tuple[int, Rejection]] = []
        for index, cell in enumerate(cells):
            if cell is ABSENT or (isinstance(cell, str) and not cell.strip()):
                absent.append(index)
                values.append(cell)
                continue
            value = None if cell is None else convert(cell)
            if value is None:
                cleared.append(index)
            elif isinstance(value, Rejection):
                rejected.append((index, value))
                value = cell
            values.append(value)
        return ConvertedColumn(values, absent, cleared, rejected)

    return convert_cells


def conversion_error(field: FieldMetadata, message: str, **details: object) -> Rejection:
    """Return the rejection of a value of *field*, with the code that the CRM would use.  It holds no part of the value."""
    return Rejection(code="INVALID_DATA", message=message, stage=Stage.CHECK, field=field.api_name, details=details)
