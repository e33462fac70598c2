"""Numbers with their own digits: kept as written, from the file to the body of the call."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final

import orjson

__all__ = ["ExactNumber", "decode_json", "decode_json_decimal", "encode_json"]


class ExactNumber(str):
    """A JSON number as written.

    It never goes through ``float``, so ``0.10`` stays ``0.10`` and eighteen digits stay eighteen digits.  Whoever makes one has
    matched it against JSON's grammar: it is sent without quotes and without another look.
    """

    __slots__ = ()


# Without it orjson would write Digits as text, in quotes.
_OPTIONS: Final = orjson.OPT_PASSTHROUGH_SUBCLASS
_LOSSY: Final = re.compile(rb"[:\[,]\s*-?(?:[0-9]+[.eE]|[0-9]{19})")  # text that looks so costs a slower reading, no more
_NATIVE_DIGITS: Final = 18  # of integers that surely fit 64 bits


def encode_json(value: Any) -> bytes:
    """Give *value* as JSON, each :class:`Digits` in it as a number.

    Raises:
        TypeError: Something in it has no place in JSON.
    """
    return orjson.dumps(value, default=_plain, option=_OPTIONS)


def decode_json(data: bytes) -> Any:
    """Give what :func:`encode_json` made *data* of: numbers that a float would bend are :class:`Digits`."""
    return orjson.loads(data) if _LOSSY.search(data) is None else _EXACTLY.decode(data.decode())


def decode_json_decimal(data: bytes) -> Any:
    """Give the same with the numbers of Python: ``int``, and ``Decimal`` for whatever has a point or an exponent."""
    return orjson.loads(data) if _LOSSY.search(data) is None else _PYTHONS.decode(data.decode())


def _whole(digits: str) -> int | ExactNumber:
    return int(digits) if len(digits) <= _NATIVE_DIGITS else ExactNumber(digits)


_EXACTLY: Final = json.JSONDecoder(parse_float=ExactNumber, parse_int=_whole)
_PYTHONS: Final = json.JSONDecoder(parse_float=Decimal)


def _plain(value: object) -> object:
    """Give what orjson is to write for a value that it does not take as it is."""
    if type(value) is ExactNumber:  # first and without a detour: a column of money comes here a hundred times a call
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
