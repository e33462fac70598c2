"""Find the rows of a block that are not to be sent, each with the one reason that its letter gives.  Pure."""

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
    """Give the refusals of a block by the index of their row; the first reason found is the one that counts.

    Args:
        plan: Of the block's header.
        converted: What became of each column, by API name.
        columns: The cells, a sequence a column.
        rows: How many rows the block has.
    """
    refusals: dict[int, Rejection] = {}
    for column in converted.values():
        for index, refusal in column.rejected:
            refusals.setdefault(index, refusal)
    for strange in plan.unexpected:
        reason = Rejection(code="UNKNOWN_COLUMN", message=strange.message, stage=Stage.CHECK)
        for index, cell in enumerate(columns[strange.index]):
            if _says_something(cell):
                refusals.setdefault(index, reason)
    for name in plan.required:
        for index in _blank(converted.get(name), rows):
            refusals.setdefault(index, _missing(name))
    return refusals


def _says_something(cell: Any) -> bool:
    return cell is not None and cell is not ABSENT and bool(not isinstance(cell, str) or cell.strip())


def _blank(column: ConvertedColumn | None, rows: int) -> Iterable[int]:
    if column is None:
        return range(rows)
    return [*column.absent, *column.cleared]


def _missing(name: str) -> Rejection:
    message = "required field not found" if name != ID.api_name else "the row does not say which record it means: its id is blank"
    return Rejection(code="MANDATORY_NOT_FOUND", message=message, stage=Stage.CHECK, field=name)
