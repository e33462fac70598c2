"""Find the rows of a block that must not be sent, each with one reason.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import ABSENT, Cell, Stage
from bulkzoho.domain.transform.column_plan import ColumnPlan
from bulkzoho.domain.transform.converted_column import ConvertedColumn
from bulkzoho.domain.transform.field_names import ID

__all__ = ["find_rejections"]


def find_rejections(
    plan: ColumnPlan, converted: Mapping[str, ConvertedColumn], columns: Sequence[Sequence[Cell]], *, rows: int
) -> dict[int, Rejection]:
    """Return the rejections of a block by the index of their row; the first reason found counts.

    Args:
        plan: The plan for the header of the block.
        converted: The converted columns, by API name.
        columns: The cells, one sequence per column.
        rows: The number of rows in the block.
    """
    rejections: dict[int, Rejection] = {}
    for column in converted.values():
        for index, rejection in column.rejected:
            rejections.setdefault(index, rejection)
    for unexpected in plan.unexpected:
        reason = Rejection(code="UNKNOWN_COLUMN", message=unexpected.message, stage=Stage.CHECK)
        for index, cell in enumerate(columns[unexpected.index]):
            if _is_filled(cell):
                rejections.setdefault(index, reason)
    for name in plan.required:
        for index in _blank_rows(converted.get(name), rows):
            rejections.setdefault(index, _missing(name))
    return rejections


def _is_filled(cell: Any) -> bool:
    return cell is not None and cell is not ABSENT and bool(not isinstance(cell, str) or cell.strip())


def _blank_rows(column: ConvertedColumn | None, rows: int) -> Iterable[int]:
    if column is None:
        return range(rows)
    return [*column.absent, *column.cleared]


def _missing(name: str) -> Rejection:
    message = "required field not found" if name != ID.api_name else "the id of the record is blank"
    return Rejection(code="MANDATORY_NOT_FOUND", message=message, stage=Stage.CHECK, field=name)
