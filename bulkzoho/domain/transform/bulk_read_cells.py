"""Convert the cells of a bulk read's file, column by column, to values or to texts (zoho-api: encodings of bulk read).  Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bulkzoho.domain.model.metadata import REFERENCE_TYPES, FieldMetadata
from bulkzoho.domain.transform.exact_json import ExactNumber

__all__ = ["api_names", "to_texts", "to_values"]

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_PREFIX: Final = "zcrm_"  # of ids in files of some editions
ID: Final = "id"


def api_names(header: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Return the API name of each column, compared without case: the spelling of ``Id`` is not documented."""
    known = {name.casefold(): name for name in (ID, *asked)}
    return [known.get(name.casefold(), name) for name in header]


def to_texts(column: Sequence[str], field: FieldMetadata) -> Sequence[str]:
    """Return *column* with cells in the form of other routes: ids without prefix, booleans in lower case."""
    if field.data_type in REFERENCE_TYPES and any(cell.startswith(_PREFIX) for cell in column):
        return [cell.removeprefix(_PREFIX) for cell in column]
    if field.data_type == "boolean" and not _WORDS.issuperset(column):
        return [_WORD_OF.get(cell.casefold(), cell) for cell in column]
    return column


def to_values(column: Sequence[str], field: FieldMetadata) -> Sequence[Any]:
    """Return the values of *column*; an empty cell becomes None."""
    read = _READERS.get(field.data_type)
    if read is None:
        return [cell or None for cell in column] if "" in column else column
    return [read(cell) if cell else None for cell in column]


_WORDS: Final = frozenset({"", "true", "false"})
_WORD_OF: Final = {word: "true" if value else "false" for word, value in _BOOLEANS.items()}


def _number(cell: str) -> Any:
    return ExactNumber(cell) if _NUMBER(cell) else cell


def _boolean(cell: str) -> Any:
    return _BOOLEANS.get(cell.casefold(), cell)


def _reference(cell: str) -> dict[str, str]:
    return {ID: cell.removeprefix(_PREFIX)}


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "integer": _number,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "boolean": _boolean,
    "multiselectpicklist": lambda cell: cell.split(";"),
    **dict.fromkeys(REFERENCE_TYPES, _reference),
}
