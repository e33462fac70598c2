"""Records as lines of CSV or JSON Lines, so that an import reads back what an export wrote.

CSV: RFC 4180, UTF-8; numbers with their own digits, several values with semicolons between them, a lookup as its id, other
arrays and objects as JSON, empty as a blank cell or as the text that was asked for.  JSON Lines: values as the CRM gives them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bulkzoho.core.digits import encode_json

__all__ = ["CsvRecords", "JsonRecords"]

ID = "id"


class CsvRecords:
    """A ``RecordWriter`` for CSV."""

    def __init__(self, fields: Sequence[str], *, null_text: str = "") -> None:
        """Write the id and *fields*; *null_text* stands where a value is empty."""
        self._names = [ID, *fields]
        self._null = null_text
        self._buffer = io.StringIO(newline="")
        self._writer = csv.writer(self._buffer)

    def head(self) -> bytes:
        """Give the header line."""
        return self._written([self._names])

    def encode(self, records: Sequence[Mapping[str, Any]]) -> bytes:
        """Give one row a record."""
        return self._written([[self._cell(record.get(name)) for name in self._names] for record in records])

    def _written(self, rows: Sequence[Sequence[str]]) -> bytes:
        self._writer.writerows(rows)
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return text.encode()

    def _cell(self, value: Any) -> str:
        if isinstance(value, str):  # with the numbers that kept their digits
            return value
        convert = _CELLS.get(type(value))
        return self._null if value is None else str(value) if convert is None else convert(value)


def _of_list(value: list[Any]) -> str:
    if all(type(one) is str for one in value):
        return ";".join(value)
    return encode_json(value).decode()


def _of_object(value: dict[str, Any]) -> str:
    return str(value["id"]) if "id" in value else encode_json(value).decode()


_CELLS: Mapping[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    list: _of_list,
    dict: _of_object,
}


class JsonRecords:
    """A ``RecordWriter`` for JSON Lines."""

    def __init__(self, fields: Sequence[str]) -> None:
        """Write the id and *fields*, in this order; an empty value is null."""
        self._names = [ID, *fields]

    def head(self) -> bytes:
        """Give nothing: JSON Lines have no header."""
        return b""

    def encode(self, records: Sequence[Mapping[str, Any]]) -> bytes:
        """Give one line a record."""
        names = self._names
        return b"".join(encode_json({name: record.get(name) for name in names}) + b"\n" for record in records)
