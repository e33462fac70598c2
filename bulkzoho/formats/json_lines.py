"""Split JSON Lines into lines, in any encoding, and refuse JSON that is not one value per line."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from bulkzoho.errors import RefusedError, RunFailedError
from bulkzoho.formats.encoding import DEFAULT_ENCODING, TextDecoder, encoding_from_bom, has_undecodable
from bulkzoho.formats.raw_input import Chunks

__all__ = ["MAX_LINE_BYTES", "JsonLine", "lines_of_json"]

MAX_LINE_BYTES: Final = 4 * 1024 * 1024  # a record of 300 fields rarely exceeds 100 KB; a longer line is not JSON Lines

JsonLine = bytes | str  #: UTF-8; ``str`` only if it has undecodable bytes


def lines_of_json(chunks: Chunks, *, name: str, encoding: str | None) -> Iterator[list[JsonLine]]:
    """Return the lines that are not blank, in lists as they are read.

    Raises:
        RefusedError: The encoding is unknown, the file is one JSON document over several lines, or it is empty.
        RunFailedError: A line is too long, or the chunks raise it; the lines before were returned.
    """
    first = next(chunks, b"")
    used = encoding or encoding_from_bom(first)
    lines: Iterator[Sequence[JsonLine]]
    if _is_utf8(used):
        lines = _split_bytes(chain([first.removeprefix(codecs.BOM_UTF8)], chunks), name)
    else:
        lines = _split_text(TextDecoder(chain([first], chunks), encoding=used, name=name), name)
    is_first = True
    for split in lines:
        filled: list[JsonLine] = [line for line in split if line and not line.isspace()]
        if filled and is_first:
            _check_first(filled[0], name)
            is_first = False
        if filled:
            yield filled
    if is_first:
        raise RefusedError(f"{name}: is empty.", hint="Use a file with one JSON object per line.", code="EMPTY_FILE")


def _split_bytes(chunks: Iterable[bytes], name: str) -> Iterator[list[bytes]]:
    carry = b""
    number = 1
    for chunk in chunks:
        data = carry + chunk
        lines = data.split(b"\n")
        carry = lines.pop()
        number += len(lines)
        if len(carry) > MAX_LINE_BYTES:
            raise _line_too_long(name, number)
        yield lines
    yield [carry]


def _split_text(text: Iterable[str], name: str) -> Iterator[list[JsonLine]]:
    carry = ""
    number = 1
    for piece in text:
        lines = (carry + piece).split("\n")
        carry = lines.pop()
        number += len(lines)
        if len(carry) > MAX_LINE_BYTES:
            raise _line_too_long(name, number)
        yield [line if has_undecodable(line) else line.encode() for line in lines]
    yield [carry if has_undecodable(carry) else carry.encode()]


def _check_first(line: JsonLine, name: str) -> None:
    start = line.strip()[:2] if isinstance(line, bytes) else line.strip()[:2].encode(errors="replace")
    if start.startswith(b"["):
        raise RefusedError(
            f"{name}: is one JSON array, not one object per line.",
            hint="Convert it to JSON Lines: jq -c '.[]' FILE",
            code="NOT_JSON_LINES",
        )
    if line.strip() in (b"{", "{"):
        raise RefusedError(
            f"{name}: has a JSON object over several lines.",
            hint="Convert it to JSON Lines: jq -c . FILE",
            code="NOT_JSON_LINES",
        )


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name in (DEFAULT_ENCODING, "utf-8-sig", "ascii")
    except LookupError:
        return False  # refused when the text is decoded


def _line_too_long(name: str, number: int) -> RunFailedError:
    return RunFailedError(
        f"{name}, line {number}: is longer than {MAX_LINE_BYTES // (1024 * 1024)} MB; the lines before were read.",
        hint="Write one JSON object per line.",
        code="ENDLESS_LINE",
    )
