"""Check whether a copy of a run's dead-letter file or results, which a person may edit, is unmodified."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import orjson

from bulkzoho.formats.dead_letter.columns import COLUMN_PREFIX, DEAD_LETTER_COLUMNS
from bulkzoho.formats.results_writer import RESULT_COLUMNS

__all__ = ["is_unmodified", "read_chunks"]

CHUNK_BYTES: Final = 1 << 20


def is_unmodified(copy: Path, original: Path, *, length: int, is_csv: bool) -> bool:
    """Return whether *copy* has its *length* valid bytes, followed only by lines that a crashed process of the run wrote.

    If no byte is valid yet, all of its lines must be in *original*, unless that was cut before.  An empty or missing copy counts
    as unmodified.

    Raises:
        OSError: One of the files cannot be read.
    """
    size = copy.stat().st_size if copy.exists() else 0
    if size in (0, length):
        return True
    if size < length:
        return False
    if is_csv:
        return _ends_line(copy, length) if length else _ends_line(copy, size) and _has_first_lines(copy, original)
    compared = length or size
    return all(ours == theirs for ours, theirs in zip_longest(read_chunks(original, compared), read_chunks(copy, compared)))


def read_chunks(path: Path, length: int) -> Iterator[bytes]:
    """Return the first *length* bytes of *path* in pieces.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        while length and (chunk := file.read(min(length, CHUNK_BYTES))):
            length -= len(chunk)
            yield chunk


def _ends_line(path: Path, length: int) -> bool:
    """Return whether a line of a CSV ends at *length*: an editor moves lines, or saves other line ends."""
    with path.open("rb") as file:
        file.seek(max(length - 2, 0))
        return file.read(2) == b"\r\n"


def _has_first_lines(copy: Path, original: Path) -> bool:
    """Return whether the rows of a CSV belong to the first lines of *original*, which has no cells to compare."""
    try:
        with copy.open(encoding="utf-8", newline="") as rows, original.open("rb") as lines:
            reader = csv.reader(rows, strict=True)
            head = next(reader)
            ours = next(columns for columns in (RESULT_COLUMNS, DEAD_LETTER_COLUMNS) if tuple(head[-len(columns) :]) == columns)
            return all(
                len(row) == len(head) and row[-len(ours) :] == _cells_of(orjson.loads(lines.readline()), ours) for row in reader
            )
    except (csv.Error, ValueError, StopIteration):  # not a CSV, not ours, or more lines than the original
        return False


def _cells_of(line: dict[str, Any], columns: tuple[str, ...]) -> list[str]:
    values = [line.get(column.removeprefix(COLUMN_PREFIX)) for column in columns]
    return ["" if value is None else str(value) for value in values]
