"""Rows of a Python program to JSON Lines: each value exactly, or a ``ValueError`` that names row and field.  Pure.

``None`` clears a field and a missing key leaves it alone, so nothing else may become null on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from math import isfinite
from types import NoneType
from typing import Any, Final, Literal, NoReturn, get_args
from uuid import UUID

from bulkzoho.domain.transform.exact_json import ExactNumber, encode_json
from bulkzoho.domain.transform.value_faults import BAD_TEXT, BadValueError, Fault, fault_of, fault_of_text, is_numpy_scalar

__all__ = ["Missing", "RowEncoder"]

Missing = Literal["error", "skip"]  #: what nan, NaT and the like mean: an error, or a key that is not there

_EXACT: Final[frozenset[type]] = frozenset({str, int, bool, NoneType})  # types that orjson writes as they are, or refuses
_EXACT_OR_FLOAT: Final = _EXACT | {float}
_SMALLEST_INT: Final = -(2**63)  # of the integers that orjson writes
_LARGEST_INT: Final = 2**64 - 1
_SKIPPED: Final = object()  # in place of a value whose key is to be left out
_DAY_LENGTH: Final = len("2026-01-31")
_MISSING_REMEDY: Final = (
    'Use None to clear the field, or leave the key out to keep what the CRM holds; missing="skip" leaves such keys out.'
)
_ITEM_REMEDY: Final = "Remove it from the list."
_TEXT_REMEDY: Final = "Remove it."
_TYPE_REMEDY: Final = "Convert it to a str, number, bool, date, list or dict."


class RowEncoder:
    """Encodes the rows of one program, in order.

    Args:
        missing: The meaning of nan, infinity, NaT and ``pandas.NA``.

    Raises:
        ValueError: *missing* is neither ``error`` nor ``skip``.
    """

    def __init__(self, missing: Missing = "error") -> None:
        if missing not in get_args(Missing):
            raise ValueError(f'missing={missing!r}: give "error" or "skip".')
        self._skips = missing == "skip"
        self._number = 0  # of the last row taken

    def encode(self, row: Any) -> bytes:
        """Return *row* as one line of JSON, without the line end.

        Raises:
            ValueError: *row* is not a mapping, or holds something that is no value.
        """
        self._number += 1
        if type(row) is dict and _are_plain(row.values()) and (line := _encoded(row)):
            return line
        if isinstance(row, type) or not callable(getattr(row, "items", None)):
            raise ValueError(  # noqa: TRY004  one error for whatever is wrong with a row
                f"row {self._number} is a {_type_name(row)}, not a mapping from field names to values."
            )
        if line := _encoded(self._record(row, unchecked=_EXACT)):
            return line
        record = self._record(row, unchecked=frozenset())  # names the field that is not encoded
        try:
            return encode_json(record)
        except TypeError:  # only its depth is left: orjson writes 254 levels
            raise ValueError(f"row {self._number}: its values are nested too deeply.") from None

    def _record(self, row: Any, *, unchecked: frozenset[type]) -> dict[str, Any]:
        """Return *row* with values that JSON has; those of types *unchecked* as they are."""
        record: dict[str, Any] = {}
        for name, value in row.items():
            key = name if type(name) is str else _key(name)
            if key in record:
                raise ValueError(f"row {self._number}, field {key!r}: two keys of the row have this name.")
            plain = value if type(value) in unchecked else self._field(key, value)
            if plain is not _SKIPPED:
                record[key] = plain
        return record

    def _field(self, key: str, value: Any) -> Any:
        fault = fault_of_text(key)
        try:
            return self._plain(value) if fault is None else _refuse(fault)
        except BadValueError as error:
            raise ValueError(f"row {self._number}, field {key!r}{_place(error.path)}: {error}. {_remedy(error)}") from None
        except RecursionError:
            raise ValueError(f"row {self._number}, field {key!r}: its values are nested too deeply.") from None

    def _plain(self, value: Any) -> Any:
        """Return *value* as JSON holds it, or ``_SKIPPED``.

        Raises:
            BadValueError: It is no value, or of a type that is not known.
        """
        if fault := fault_of(value):
            return _SKIPPED if fault.is_missing and self._skips else _refuse(fault)
        kind: type = type(value)
        convert = _conversion(kind)
        if convert is not None:
            return convert(value)
        if isinstance(value, Enum):
            return self._plain(value.value)
        if isinstance(value, Mapping):
            return self._plain_mapping(value)
        if isinstance(value, list) or kind is tuple:
            return self._plain_list(value)
        return _refuse_type(value)

    def _plain_mapping(self, value: Mapping[Any, Any]) -> Any:
        """Return the mapping without the keys to be left out; one that only has such keys is to be left out itself."""
        plain: dict[str, Any] = {}
        for name, one in value.items():
            if not isinstance(name, str):
                raise BadValueError(Fault(f"a key of the mapping is a {_type_name(name)}, not a str"))
            key = str.__str__(name)
            if fault := fault_of_text(key):
                raise BadValueError(fault, (key,))
            try:
                made = self._plain(one)
            except BadValueError as error:
                raise error.within(key) from None
            if made is not _SKIPPED:
                plain[key] = made
        return plain if plain or not value else _SKIPPED

    def _plain_list(self, value: Iterable[Any]) -> list[Any]:
        plain = []
        for index, one in enumerate(value):
            try:
                made = self._plain(one)
            except BadValueError as error:
                raise error.within(index) from None
            if made is _SKIPPED:  # without it the list would be another one
                raise BadValueError(Fault("a list item without a value cannot be left alone", is_missing=True), (index,))
            plain.append(made)
        return plain


def _encoded(record: Mapping[str, Any]) -> bytes | None:
    """Return *record* as JSON, None where something in it cannot be encoded or may be a NUL character."""
    try:
        line = encode_json(record)
    except TypeError:  # a key that is not a str, a lone surrogate, an integer beyond 64 bits
        return None
    return None if b"\\u0000" in line else line


def _are_plain(values: Iterable[Any]) -> bool:
    """Return whether orjson writes *values* as they are, or refuses them; it would write nan as null."""
    kinds = set(map(type, values))
    if kinds <= _EXACT:
        return True
    return kinds <= _EXACT_OR_FLOAT and all(isfinite(one) for one in values if type(one) is float)


def _of_int(value: int) -> int | ExactNumber:
    if _SMALLEST_INT <= value <= _LARGEST_INT:
        return int(value)
    try:
        return ExactNumber(int.__repr__(value))
    except ValueError:  # more digits than Python writes
        return _refuse(Fault("the number has too many digits"))


def _of_numpy(value: Any) -> Any:
    kind = value.dtype.kind
    if kind in "biuU" or isinstance(value, float):
        return value.item()
    if kind == "f" and type(value)(text := str(value)) == value:  # the shortest digits of its own precision
        return ExactNumber(text)
    if kind == "M":
        moment = value.item()  # an int where the unit is finer than that of datetime
        text = moment.isoformat() if isinstance(moment, datetime) else str(value)
        return text if len(text) >= _DAY_LENGTH else _refuse(Fault("a numpy.datetime64 without a day is not a date"))
    return _refuse_type(value)


_CONVERSIONS: Final[Sequence[tuple[type, Callable[[Any], Any]]]] = (  # by the first type that fits
    (ExactNumber, lambda value: value),
    (str, str.__str__),
    (NoneType, lambda value: value),
    (bool, bool),
    (int, _of_int),
    (float, float),
    (Decimal, lambda value: ExactNumber(format(value, "f"))),
    (date, lambda value: value.isoformat()),  # also a datetime
    (time, lambda value: value.isoformat()),
    (UUID, str),
)


@lru_cache(maxsize=256)
def _conversion(kind: type) -> Callable[[Any], Any] | None:
    """Return what makes JSON of a scalar of type *kind*, exactly; None where it is none, or not known."""
    if is_numpy_scalar(kind):
        return _of_numpy
    if issubclass(kind, Enum):
        return None
    return next((convert for base, convert in _CONVERSIONS if issubclass(kind, base)), None)


def _refuse(fault: Fault) -> NoReturn:
    raise BadValueError(fault)


def _refuse_type(value: object) -> NoReturn:
    raise BadValueError(Fault(f"a value of type {_type_name(value)} cannot be sent"))


def _key(name: Any) -> str:
    return str.__str__(name) if isinstance(name, str) else str(name)


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _place(path: tuple[str | int, ...]) -> str:
    """Return the way to a nested value, such as ``[0]['Quantity']``; empty for the field itself."""
    return "".join(f"[{step!r}]" for step in path)


def _remedy(error: BadValueError) -> str:
    if error.fault.is_missing:
        return _ITEM_REMEDY if error.path and isinstance(error.path[-1], int) else _MISSING_REMEDY
    return _TEXT_REMEDY if error.fault.code == BAD_TEXT else _TYPE_REMEDY
