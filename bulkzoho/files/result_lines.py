"""Read a run's results again: which rows were accepted, and with which ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from bulkzoho.errors import RunFailedError

__all__ = ["ResultLine", "result_lines"]


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One accepted row."""

    source: str
    row: int
    id: str
    action: str


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
