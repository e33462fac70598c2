"""Read a run's results again: which rows were accepted, and with which ids."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from bulkzoho.errors import RunFailedError

__all__ = ["ResultLine", "ids_among", "result_lines"]

PIECE_BYTES: Final = 1 << 18
_ID: Final = re.compile(rb'"id":"([^"\\]+)"')  # in a text, such as a source's name, a quote has a backslash before it


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One accepted row."""

    source: str
    row: int
    id: str
    action: str


def ids_among(path: Path, ids: Collection[str]) -> set[str]:
    """Give those of *ids* that the results at *path* hold; a torn last line is left out, a missing file holds none.

    Hot where a home is large: millions of lines are searched for the few records of a lookup, so that no line is taken apart.

    Raises:
        OSError: It cannot be read.
    """
    wanted, found, torn = {one.encode() for one in ids}, set[bytes](), b""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return set()
    with file:
        while piece := file.read(PIECE_BYTES):
            lines, _, torn = (torn + piece).rpartition(b"\n")
            found |= wanted.intersection(_ID.findall(lines))
    return {one.decode() for one in found}


def result_lines(path: Path, *, length: int | None = None) -> Iterator[ResultLine]:
    """Give the lines of the results at *path*, up to *length* bytes where that is known; a torn last line is left out.

    Raises:
        RunFailedError: A line is not what was written.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return  # nothing was accepted
    with file:
        read = 0
        for text in file:
            read += len(text)
            if (length is not None and read > length) or not text.endswith(b"\n"):
                return
            try:
                line = orjson.loads(text)
                yield ResultLine(line["source"], line["row"], line["id"], line["action"])
            except (ValueError, KeyError, TypeError) as error:
                raise RunFailedError(
                    f"{path}: byte {read - len(text)}: is no line of results.",
                    hint="Put the file back as the run wrote it; its ids stand nowhere else.",
                    code="DAMAGED_RESULTS",
                ) from error
