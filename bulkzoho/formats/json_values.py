"""Decode JSON lines to objects whose numbers keep their digits: fast where possible, exact where necessary."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from types import NoneType
from typing import Any, Final, cast

import orjson

from bulkzoho.domain.transform.exact_json import encode_json, exact_decoder, may_lose_digits, may_repeat_keys
from bulkzoho.domain.transform.value_faults import BAD_TEXT, NUL_IN_TEXT, holds_encoded_nul
from bulkzoho.formats.encoding import encoding_remedy, printable, strip_undecodable
from bulkzoho.formats.json_lines import JsonLine

__all__ = ["BadLineError", "may_hold_nul", "object_of", "objects_of", "refuse_nul"]

_EXACT: Final = frozenset(
    {str, int, bool, NoneType}
)  # types that orjson decodes without loss, except for integers beyond 64 bits
_NESTED: Final = frozenset({dict, list})
_MAX_BRACKETS: Final = 100  # a line with no more opening brackets can be encoded again, however they are nested
_WRAPPED_LEVELS: Final = 8  # around a value in dead-letter files and requests, and some to spare
_SHOWN_CHARS: Final = 60  # of a key in a message


class BadLineError(Exception):
    """A line that is not a JSON object, or not one that can be sent.

    Attributes:
        code: BAD_ENCODING or BAD_JSON.
        raw: The line as read, undecodable bytes escaped.
    """

    def __init__(self, code: str, message: str, raw: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.raw = raw


class _RepeatedKeyError(Exception):
    """A key appears twice in one object."""


def objects_of(lines: Sequence[JsonLine]) -> list[dict[str, Any]] | None:
    """Return the objects of *lines*; None if a line may be bad, so that each must go through :func:`object_of`."""
    try:
        objects = [*map(orjson.loads, lines)]
    except orjson.JSONDecodeError:
        return None
    if not {dict}.issuperset(map(type, objects)):
        return None
    data = b"\n".join(cast("Sequence[bytes]", lines))  # a line that is ``str`` has undecodable bytes, so orjson refuses it
    if _EXACT.issuperset(map(type, chain.from_iterable(map(dict.values, objects)))):
        return None if may_repeat_keys(data, sum(map(len, objects))) else objects
    try:
        if may_repeat_keys(data, sum(map(_count_keys, objects))):
            return None
        return [_with_exact_numbers(line, value) for line, value in zip(lines, objects, strict=True)]
    except RecursionError:
        return None


def object_of(line: JsonLine, *, encoding: str) -> dict[str, Any]:
    """Return the object of one line.

    Raises:
        BadLineError: The line is not an object, has a key twice, or nests values too deeply.
    """
    text = line if isinstance(line, str) else strip_undecodable(line)
    raw = printable(text.rstrip("\r"))
    if raw != text.rstrip("\r"):
        is_nul = "\0" in text
        problem = (
            f"{NUL_IN_TEXT.message}. Remove it." if is_nul else f"the line is not valid {encoding}. {encoding_remedy(encoding)}"
        )
        raise BadLineError(BAD_TEXT, problem, raw)
    try:
        value = orjson.loads(line)
        if isinstance(value, dict):
            if may_repeat_keys(_encoded(line), _count_keys(value)):
                _decode_without_repeated_keys(text)
            return _with_exact_numbers(line, value)
    except orjson.JSONDecodeError as error:
        raise BadLineError("BAD_JSON", f"the line is not JSON: {error.msg} at character {error.pos + 1}.", raw) from None
    except RecursionError:
        raise BadLineError("BAD_JSON", "the line nests values too deeply.", raw) from None
    except _RepeatedKeyError as error:
        raise BadLineError("BAD_JSON", f'the key "{error}" appears twice in one object. Remove one of them.', raw) from None
    raise BadLineError("BAD_JSON", "the line is JSON, but not an object.", raw)


def may_hold_nul(lines: Sequence[JsonLine]) -> bool:
    r"""Return whether a text in *lines* may hold ``\u0000``: lines without one may be reported too."""
    return any(isinstance(line, str) or b"\\u0000" in line for line in lines)


def refuse_nul(line: JsonLine) -> None:
    """Check a line that is JSON for a NUL character in a text.

    Raises:
        BadLineError: It has one.
    """
    encoded = _encoded(line)
    if holds_encoded_nul(encoded):
        raise BadLineError(
            BAD_TEXT, f"{NUL_IN_TEXT.message}. Remove it.", printable(encoded.decode(errors="replace").rstrip("\r"))
        )


def _encoded(line: JsonLine) -> bytes:
    return line.encode(errors="surrogatepass") if isinstance(line, str) else line


def _count_keys(value: Any) -> int:
    """Return the number of keys in *value* and in all values inside it.

    Raises:
        RecursionError: It nests values too deeply.
    """
    if isinstance(value, dict):
        return len(value) + sum(map(_count_keys, value.values()))
    return sum(map(_count_keys, value)) if isinstance(value, list) else 0


def _with_exact_numbers(line: JsonLine, value: dict[str, Any]) -> dict[str, Any]:
    """Return *value* with every number that a float would change as :class:`ExactNumber`; decode again only if there may be one.

    Raises:
        RecursionError: It nests values too deeply to be decoded so, or to be encoded again: orjson reads more levels than it
            writes.
    """
    kinds = set(map(type, value.values()))
    if kinds <= _EXACT:
        return value
    if not kinds.isdisjoint(_NESTED) and not _can_be_encoded(line, value):
        raise RecursionError
    data = _encoded(line)
    if float not in kinds and not may_lose_digits(data):
        return value
    exact: dict[str, Any] = _decode_exactly(data.decode())
    return exact


def _can_be_encoded(line: JsonLine, value: Any) -> bool:
    data = _encoded(line)
    if data.count(b"[") + data.count(b"{") <= _MAX_BRACKETS:
        return True
    for _ in range(_WRAPPED_LEVELS):
        value = [value]
    try:
        encode_json(value)
    except TypeError:  # the class of orjson's error
        return False
    return True


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise _RepeatedKeyError(key if len(key) <= _SHOWN_CHARS else f"{key[:_SHOWN_CHARS]}…")
        seen.add(key)


_decode_exactly: Final = exact_decoder()
_decode_without_repeated_keys: Final = exact_decoder(_refuse_repeated_keys)
