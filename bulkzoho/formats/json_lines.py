"""Cut JSON Lines into lines, whatever the encoding, and refuse at once what is JSON but not one value a line."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from bulkzoho.errors import RefusedError, RunFailedError
from bulkzoho.formats.encoding import DEFAULT_ENCODING, TextDecoder, encoding_from_bom, has_undecodable
from bulkzoho.formats.raw_input import Chunks

__all__ = ["MAX_LINE_BYTES", "JsonLine", "lines_of_json"]

MAX_LINE_BYTES: Final = 4 * 1024 * 1024  # a record of 300 fields seldom passes 100 KB; beyond this it is no JSON Lines

JsonLine = bytes | str  #: UTF-8; as ``str`` only when it holds bytes that did not decode


def lines_of_json(chunks: Chunks, *, name: str, encoding: str | None) -> Iterator[list[JsonLine]]:
    """Give the lines that are not blank, in lists as they come.

    Raises:
        RefusedError: The encoding is unknown, or the file is one JSON document over several lines, or empty.
        RunFailedError: A line never ends, or what the chunks raise; what stood before was given.
    """
    first = next(chunks, b"")
    told = encoding or encoding_from_bom(first)
    lines: Iterator[Sequence[JsonLine]]
    if _is_utf8(told):
        lines = _of_bytes(chain([first.removeprefix(codecs.BOM_UTF8)], chunks), name)
    else:
        lines = _of_text(TextDecoder(chain([first], chunks), encoding=told, name=name), name)
    is_first = True
    for some in lines:
        kept: list[JsonLine] = [line for line in some if line and not line.isspace()]
        if kept and is_first:
            _check_first(kept[0], name)
            is_first = False
        if kept:
            yield kept
    if is_first:
        raise RefusedError(f"{name}: is empty.", hint="Give a file with one JSON object a line.", code="EMPTY_FILE")


def _of_bytes(chunks: Iterable[bytes], name: str) -> Iterator[list[bytes]]:
    carry = b""
    number = 1
    for chunk in chunks:
        data = carry + chunk
        lines = data.split(b"\n")
        carry = lines.pop()
        number += len(lines)
        if len(carry) > MAX_LINE_BYTES:
            raise _endless(name, number)
        yield lines
    yield [carry]


def _of_text(text: Iterable[str], name: str) -> Iterator[list[JsonLine]]:
    carry = ""
    number = 1
    for piece in text:
        lines = (carry + piece).split("\n")
        carry = lines.pop()
        number += len(lines)
        if len(carry) > MAX_LINE_BYTES:
            raise _endless(name, number)
        yield [line if has_undecodable(line) else line.encode() for line in lines]
    yield [carry if has_undecodable(carry) else carry.encode()]


def _check_first(line: JsonLine, name: str) -> None:
    start = line.strip()[:2] if isinstance(line, bytes) else line.strip()[:2].encode(errors="replace")
    if start.startswith(b"["):
        raise RefusedError(
            f"{name}: is one JSON array, not one object a line.",
            hint="Make JSON Lines of it: jq -c '.[]' FILE",
            code="NOT_JSON_LINES",
        )
    if line.strip() in (b"{", "{"):
        raise RefusedError(
            f"{name}: has a JSON object over several lines.",
            hint="Make JSON Lines of it: jq -c . FILE",
            code="NOT_JSON_LINES",
        )


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name in (DEFAULT_ENCODING, "utf-8-sig", "ascii")
    except LookupError:
        return False  # refused where the text is decoded


def _endless(name: str, number: int) -> RunFailedError:
    return RunFailedError(
        f"{name}, line {number}: is longer than {MAX_LINE_BYTES // (1024 * 1024)} MB; the lines before were read.",
        hint="Give one JSON object a line.",
        code="ENDLESS_LINE",
    )
