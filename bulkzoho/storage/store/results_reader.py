"""Read a run's results file: the accepted rows and their record ids."""

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
_ID: Final = re.compile(rb'"id":"([^"\\]+)"')  # inside of a string, such as a source's name, a quote follows a backslash


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One accepted row."""

    source: str
    row: int
    id: str
    action: str


def ids_among(path: Path, ids: Collection[str]) -> set[str]:
    """Return those of *ids* that are in the results at *path*; an incomplete last line is left out, a missing file is empty.

    Hot path of large homes: it searches millions of lines for the few records of a lookup, so it does not parse lines.

    Raises:
        OSError: It cannot be read.
    """
    wanted, found, rest = {record_id.encode() for record_id in ids}, set[bytes](), b""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return set()
    with file:
        while piece := file.read(PIECE_BYTES):
            lines, _, rest = (rest + piece).rpartition(b"\n")
            found |= wanted.intersection(_ID.findall(lines))
    return {record_id.decode() for record_id in found}


def result_lines(path: Path, *, length: int | None = None) -> Iterator[ResultLine]:
    """Yield the lines of the results at *path*, up to *length* bytes if given; an incomplete last line is left out.

    Raises:
        RunFailedError: A line is damaged.
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
                    f"{path}: byte {read - len(text)}: not a line of results.",
                    hint="Restore the file as the run wrote it; its ids are nowhere else.",
                    code="DAMAGED_RESULTS",
                ) from error
