"""JSON whose numbers keep their digits, from the file to the body of the request.  Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NoReturn

import orjson

__all__ = [
    "LARGEST_INT",
    "SMALLEST_INT",
    "ExactNumber",
    "decode_json",
    "decode_json_decimal",
    "encode_json",
    "exact_decoder",
    "may_lose_digits",
    "may_repeat_keys",
]

SMALLEST_INT: Final = -(2**63)  # of the integers that orjson reads and writes
LARGEST_INT: Final = 2**64 - 1

_OPTIONS: Final = orjson.OPT_PASSTHROUGH_SUBCLASS  # without it orjson would write an ExactNumber as a text, in quotes
_LOSSY_NUMBER: Final = re.compile(rb"[:\[,]\s*-?(?:[0-9]+[.eE]|[0-9]{19})")  # may match a text: that costs a slower decoding only
_INT_CHARS: Final = 20  # of the longest integers of 64 bits
_KEY_END: Final = re.compile(rb'"[ \t\r]*:')
_KEY_END_WITH_BLANK: Final = re.compile(rb'"[ \t\r]+:')


class ExactNumber(str):
    """A JSON number as written.

    It is never converted to ``float``: ``0.10`` stays ``0.10`` and eighteen digits stay eighteen digits.  The caller makes sure
    that the text is a JSON number: it is sent without quotes and without another check.
    """

    __slots__ = ()


def encode_json(value: Any) -> bytes:
    """Return *value* as JSON, each :class:`ExactNumber` in it as a number.

    Raises:
        TypeError: A value in it has no JSON.
    """
    return orjson.dumps(value, default=_plain, option=_OPTIONS)


def decode_json(data: bytes) -> Any:
    """Return the value of the JSON *data*; numbers that a float would change are :class:`ExactNumber`."""
    return _decode_exactly(data.decode()) if may_lose_digits(data) else orjson.loads(data)


def decode_json_decimal(data: bytes) -> Any:
    """Return the value of the JSON *data* with Python's numbers: ``Decimal`` for numbers with a point or an exponent."""
    return _decode_decimals(data.decode()) if may_lose_digits(data) else orjson.loads(data)


def may_lose_digits(data: bytes) -> bool:
    """Return whether ``orjson.loads`` may change a number of the JSON *data*."""
    return _LOSSY_NUMBER.search(data) is not None


def may_repeat_keys(data: bytes, keys: int) -> bool:
    """Return whether an object in *data*, lines of JSON, may have a key twice; *keys* is the number of keys decoded from it.

    Every key ends with a quote and a colon.  A text value may contain both, which costs a second look only.
    """
    if data.count(b":") == keys:
        return False
    if _has_blank_before_colon(data) and _KEY_END_WITH_BLANK.search(data) is not None:
        return len(_KEY_END.findall(data)) != keys
    return data.count(b'":') != keys


def _has_blank_before_colon(data: bytes) -> bool:
    if data.rfind(b" :") >= 0:  # rfind: CPython's search for two bytes is twice as fast from the end
        return True
    return any(blank in data and blank + b":" in data for blank in (b"\t", b"\r"))  # the first search is a fast one


def exact_decoder(object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Callable[[str], Any]:
    """Return a decoder of JSON texts that orjson accepts; numbers that a float would change are :class:`ExactNumber`."""
    return json.JSONDecoder(
        parse_float=ExactNumber, parse_int=_exact_int, parse_constant=_refuse_constant, object_pairs_hook=object_pairs_hook
    ).decode


def _exact_int(digits: str) -> int | ExactNumber:
    if len(digits) <= _INT_CHARS and SMALLEST_INT <= int(digits) <= LARGEST_INT:
        return int(digits)
    return ExactNumber(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode_exactly: Final = exact_decoder()
_decode_decimals: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant).decode


def _plain(value: object) -> object:
    """Return what orjson writes in place of a value that it does not accept."""
    if type(value) is ExactNumber:  # first: a column of money comes here a hundred times per call
        return orjson.Fragment(str.encode(value))
    match value:
        case str():
            return str(value)
        case int():
            return int(value)
        case dict():
            return dict(value)
        case list():
            return list(value)
        case _:
            raise TypeError(f"a {type(value).__name__} has no place in JSON")
