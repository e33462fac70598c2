"""Cells of a bulk read's file to the values that the API gives (zoho-api: encodings of bulk read).  Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from bulkzoho.core.digits import Digits
from bulkzoho.model.metadata import CrmField

__all__ = ["records_of"]

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
ID: Final = "id"


def records_of(header: Sequence[str], rows: Iterable[Sequence[str]], fields: Mapping[str, CrmField]) -> list[dict[str, Any]]:
    """Give the records of *rows*; names of columns are compared without case, since nobody tells how ``Id`` is written.

    An empty cell is a value that is not there.
    """
    by_name = {name.casefold(): name for name in (ID, *fields)}
    names = [by_name.get(name.casefold(), name) for name in header]
    readers = [_reader(fields.get(name)) for name in names]
    return [{name: read(cell) if cell else None for name, read, cell in zip(names, readers, row, strict=False)} for row in rows]


def _reader(field: CrmField | None) -> Callable[[str], Any]:
    return _READERS.get(field.data_type, str) if field is not None else str


def _number(cell: str) -> Any:
    return Digits(cell) if _NUMBER(cell) else cell


def _boolean(cell: str) -> Any:
    return {"true": True, "1": True, "false": False, "0": False}.get(cell.casefold(), cell)


def _reference(cell: str) -> dict[str, str]:
    return {ID: cell.removeprefix("zcrm_")}


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "integer": _number,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "boolean": _boolean,
    "multiselectpicklist": lambda cell: cell.split(";"),
    "lookup": _reference,
    "ownerlookup": _reference,
    "userlookup": _reference,
}
