"""GROUP BY and aggregates with constant memory per group (zoho-api, section 7)."""

from __future__ import annotations

from typing import Any

from bulkzoho.sandbox.query.coql_grammar import Column
from bulkzoho.sandbox.query.record_view import FieldPath, RecordView

__all__ = ["AggregateCell"]


class AggregateCell:
    """Running aggregate of one column of one group."""

    def __init__(self, column: Column, path: FieldPath) -> None:
        self._aggregate = column.aggregate
        self._path = path
        self._count = 0
        self._sum: Any = 0
        self._extreme: Any = None  # comparable value of MIN or MAX
        self._output: Any = None

    def add(self, row: RecordView) -> None:
        """Add one row of the group."""
        value = self._path.get(row)
        if not self._aggregate and not self._count:
            self._output = self._path.output(row)
        if value is None and self._aggregate:
            return
        self._count += 1
        match self._aggregate:
            case "SUM" | "AVG":
                self._sum += value
            case "MIN" | "MAX":
                is_new_extreme = self._extreme is None or (value < self._extreme) is (self._aggregate == "MIN")
                if is_new_extreme and value != self._extreme:
                    self._extreme, self._output = value, self._path.output(row)

    def value(self) -> Any:
        """Return the value for the response."""
        match self._aggregate:
            case "COUNT":
                return self._count
            case "SUM":
                return self._sum
            case "AVG":
                return self._sum / self._count if self._count else None
        return self._output
