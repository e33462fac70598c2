"""JSON lines to objects whose numbers keep their own digits: fast where they can, exact where they must."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import chain
from types import NoneType
from typing import Any, Final, NoReturn

import orjson

from bulkzoho.domain.transform.exact_json import ExactNumber, encode_json
from bulkzoho.domain.transform.value_faults import BAD_TEXT, NUL_IN_TEXT, holds_encoded_nul
from bulkzoho.formats.encoding import encoding_remedy, printable, strip_undecodable
from bulkzoho.formats.json_lines import JsonLine

__all__ = ["BadLineError", "may_hold_nul", "object_of", "objects_of", "refuse_nul"]

_EXACT: Final = frozenset({str, int, bool, NoneType})  # types that orjson gives as written
_LOSSY_NUMBER: Final = re.compile(r"[:\[,]\s*-?(?:[0-9]+[.eE]|[0-9]{19})")  # text that looks so costs a second look, no more
_LONGEST_INT: Final = 20  # characters of the integers of 64 bits, which orjson reads and writes as such
_SMALLEST_INT: Final = -(2**63)
_LARGEST_INT: Final = 2**64 - 1
_NESTED: Final = frozenset({dict, list})
_SURELY_SHALLOW: Final = 100  # brackets that open in a line whose values can be written again, however they lie in one another
_WRAPPED: Final = 8  # levels that letters and requests put around a value, and some to spare


class BadLineError(Exception):
    """A line that is no JSON object.

    Attributes:
        code: BAD_ENCODING or BAD_JSON.
        raw: The line as it stands, undecodable bytes escaped.
    """

    def __init__(self, code: str, message: str, raw: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.raw = raw


def objects_of(lines: Sequence[JsonLine]) -> list[dict[str, Any]] | None:
    """Give the objects of *lines*, None when any of them is bad: :func:`object_of` tells which."""
    try:
        objects = [*map(orjson.loads, lines)]
    except orjson.JSONDecodeError:
        return None
    if not {dict}.issuperset(map(type, objects)):
        return None
    if _EXACT.issuperset(map(type, chain.from_iterable(map(dict.values, objects)))):
        return objects
    try:
        return [_exact(line, one) for line, one in zip(lines, objects, strict=True)]
    except RecursionError:
        return None


def object_of(line: JsonLine, *, encoding: str) -> dict[str, Any]:
    """Give the object of one line.

    Raises:
        BadLineError: It is none.
    """
    text = line if isinstance(line, str) else strip_undecodable(line)
    raw = printable(text.rstrip("\r"))
    if raw != text.rstrip("\r"):
        raise BadLineError("BAD_ENCODING", f"the line is not valid {encoding}. {encoding_remedy(encoding)}", raw)
    try:
        value = orjson.loads(line)
        if isinstance(value, dict):
            return _exact(line, value)
    except orjson.JSONDecodeError as error:
        raise BadLineError("BAD_JSON", f"the line is not JSON: {error.msg} at character {error.pos + 1}.", raw) from None
    except RecursionError:
        raise BadLineError("BAD_JSON", "the line nests values too deeply.", raw) from None
    raise BadLineError("BAD_JSON", "the line is JSON, but no object.", raw)


def may_hold_nul(lines: Sequence[JsonLine]) -> bool:
    r"""Return whether a text in *lines* holds ``\u0000``; some that do not are taken for such."""
    return any(isinstance(line, str) or b"\\u0000" in line for line in lines)


def refuse_nul(line: JsonLine) -> None:
    """Refuse a line that is JSON with a NUL character in a text.

    Raises:
        BadLineError: It has one.
    """
    encoded = line.encode(errors="surrogatepass") if isinstance(line, str) else line
    if holds_encoded_nul(encoded):
        raise BadLineError(
            BAD_TEXT, f"{NUL_IN_TEXT.message}. Remove it.", printable(encoded.decode(errors="replace").rstrip("\r"))
        )


def _exact(line: JsonLine, value: dict[str, Any]) -> dict[str, Any]:
    """Give *value* with every number that a float would bend as :class:`Digits`; read again only where there may be one.

    Raises:
        RecursionError: It nests values too deeply to be read so, or to be written again: orjson reads more levels than it writes.
    """
    kinds = set(map(type, value.values()))
    if kinds <= _EXACT:
        return value
    if not kinds.isdisjoint(_NESTED) and not _can_be_written(line, value):
        raise RecursionError
    text = line if isinstance(line, str) else line.decode()
    if float not in kinds and not _LOSSY_NUMBER.search(text):
        return value
    exact: dict[str, Any] = _EXACTLY.decode(text)
    return exact


def _can_be_written(line: JsonLine, value: Any) -> bool:
    opened = line.count("[") + line.count("{") if isinstance(line, str) else line.count(b"[") + line.count(b"{")
    if opened <= _SURELY_SHALLOW:
        return True
    for _ in range(_WRAPPED):
        value = [value]
    try:
        encode_json(value)
    except TypeError:  # what orjson's error is
        return False
    return True


def _whole(digits: str) -> int | ExactNumber:
    if len(digits) <= _LONGEST_INT and _SMALLEST_INT <= int(digits) <= _LARGEST_INT:
        return int(digits)
    return ExactNumber(digits)


def _no_number(word: str) -> NoReturn:  # orjson has refused NaN and Infinity before
    raise AssertionError(word)


_EXACTLY: Final = json.JSONDecoder(parse_float=ExactNumber, parse_int=_whole, parse_constant=_no_number)
