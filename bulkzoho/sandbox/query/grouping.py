"""GROUP BY and aggregates: one small sum a cell, so that a million rows take no memory (zoho-api, section 7)."""

from __future__ import annotations

from typing import Any

from bulkzoho.sandbox.query.coql_grammar import Column
from bulkzoho.sandbox.query.record_view import FieldPath, RecordView

__all__ = ["AggregateCell"]


class AggregateCell:
    """One column of one group, filled row by row."""

    def __init__(self, column: Column, path: FieldPath) -> None:
        self._aggregate = column.aggregate
        self._path = path
        self._count = 0
        self._sum: Any = 0
        self._extreme: Any = None  # of MIN and MAX, in the form that can be compared
        self._shown: Any = None

    def add(self, row: RecordView) -> None:
        """Take one row of the group."""
        value = self._path.get(row)
        if not self._aggregate and not self._count:
            self._shown = self._path.shown(row)
        if value is None and self._aggregate:
            return
        self._count += 1
        match self._aggregate:
            case "SUM" | "AVG":
                self._sum += value
            case "MIN" | "MAX":
                further = self._extreme is None or (value < self._extreme) is (self._aggregate == "MIN")
                if further and value != self._extreme:
                    self._extreme, self._shown = value, self._path.shown(row)

    def value(self) -> Any:
        """Give what the answer shows."""
        match self._aggregate:
            case "COUNT":
                return self._count
            case "SUM":
                return self._sum
            case "AVG":
                return self._sum / self._count if self._count else None
        return self._shown
