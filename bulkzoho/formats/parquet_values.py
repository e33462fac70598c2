"""Decode columns of a Parquet file to JSON values with exact digits; invalid values are reported and never become null."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import compress, count
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from bulkzoho.domain.model.rows import Cell
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.domain.transform.value_faults import (
    BAD_TEXT,
    NUL_IN_TEXT,
    BadValueError,
    Fault,
    fault_of,
    fault_of_number,
    fault_of_text,
)
from bulkzoho.errors import RefusedError
from bulkzoho.formats.encoding import printable, strip_undecodable

if TYPE_CHECKING:  # an optional extra, loaded only for a file that needs it
    import pyarrow as pa

__all__ = ["Column", "column_decoder"]

Column = tuple[Sequence[Cell], Mapping[int, Fault]]  #: the cells, and the invalid ones by index, as text to show
Decoder = Callable[["pa.Array"], Column]

_NO_FAULTS: Final[Mapping[int, Fault]] = {}
_NOT_UTF8: Final = Fault("the text is not valid UTF-8", BAD_TEXT)


def column_decoder(kind: pa.DataType, column: str, name: str) -> Decoder:
    """Return the function that makes the cells of a column of type *kind*.

    Raises:
        RefusedError: No field takes such values.
    """
    import pyarrow as pa  # noqa: PLC0415  see above

    types = pa.types
    if types.is_dictionary(kind):
        plain = column_decoder(kind.value_type, column, name)
        return lambda cells: plain(cells.dictionary_decode())
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_null(kind):
        return lambda cells: (cells.to_pylist(), _NO_FAULTS)
    if types.is_string(kind) or types.is_large_string(kind):
        return _texts
    if types.is_floating(kind):
        return _singles if kind == pa.float32() else _floats
    if types.is_timestamp(kind):  # to the microsecond: neither the CRM nor Python has finer times
        micro = pa.timestamp("us", tz=kind.tz)
        return lambda cells: _others(cells.cast(micro, safe=False))
    is_binary = types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    if is_binary or types.is_duration(kind) or types.is_map(kind):
        raise RefusedError(
            f"{name}: column {column!r} holds {kind}, which no field takes.",
            hint="Leave the column out, or convert it to text.",
            code="BAD_COLUMN",
        )
    return _others


def _texts(cells: pa.Array) -> Column:
    import pyarrow as pa  # noqa: PLC0415  see above

    try:
        texts = cells.to_pylist()
    except UnicodeDecodeError:
        large = pa.large_binary() if pa.types.is_large_string(cells.type) else pa.binary()
        return _undecoded(cells.cast(large).to_pylist())
    if fault_of_text("".join(filter(None, texts))) is None:  # one look at the column
        return texts, _NO_FAULTS
    faults = ((index, fault_of_text(text)) for index, text in enumerate(texts) if text)
    return texts, {index: fault for index, fault in faults if fault is not None}


def _undecoded(raws: Sequence[bytes | None]) -> Column:
    texts = [None if raw is None else strip_undecodable(raw) for raw in raws]
    faults = {}
    for index, text in enumerate(texts):
        if text is not None and (shown := printable(text)) != text:
            texts[index], faults[index] = shown, NUL_IN_TEXT if "\0" in text else _NOT_UTF8
    return texts, faults


def _floats(cells: pa.Array) -> Column:
    return _finite(cells.to_pylist())


def _singles(cells: pa.Array) -> Column:
    """Return numbers of single precision with their own shortest digits: as ``float`` 0.1 would be 0.10000000149011612."""
    import pyarrow as pa  # noqa: PLC0415  see above

    numbers, faults = _finite(cells.to_pylist())
    texts = cells.cast(pa.string()).to_pylist()
    return [
        None if text is None else shown if index in faults else ExactNumber(text)
        for index, text, shown in zip(count(), texts, numbers, strict=False)
    ], faults


def _finite(numbers: Sequence[float | None]) -> Column:
    faulty = [number is not None and fault_of_number(number) is not None for number in numbers]
    if not any(faulty):
        return numbers, _NO_FAULTS
    cells: list[Cell] = [*numbers]
    faults = {}
    for index in compress(count(), faulty):
        if (fault := fault_of_number(cells[index])) is not None:
            faults[index] = fault
            cells[index] = str(cells[index])
    return cells, faults


def _others(cells: pa.Array) -> Column:
    values: list[Cell] = []
    faults = {}
    for index, value in enumerate(cells.to_pylist()):
        try:
            values.append(_plain(value))
        except BadValueError as error:
            faults[index] = error.fault
            values.append(str(value))
    return values, faults or _NO_FAULTS


def _plain(value: Any) -> Cell:
    """Return *value* as JSON; null in a struct is left out, as in the API.

    Raises:
        BadValueError: It is not a valid value.
    """
    if fault := fault_of(value):
        raise BadValueError(fault)
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            return _digits(value)
        case datetime() | date() | time():
            return value.isoformat()
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items() if item is not None}
        case UUID():
            return str(value)
    raise BadValueError(Fault(f"a value of type {type(value).__name__} cannot be sent"))


def _digits(value: Decimal) -> Cell:
    """Return a decimal without the trailing zeros that only its type adds."""
    text = f"{value:f}"
    return ExactNumber(text.rstrip("0").rstrip(".") if "." in text else text)
