"""Whether a copy of a run's letters or results, which a person may touch, still is what the run left there."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import orjson

from bulkzoho.formats.dead_letter.writer import LETTER_COLUMNS, RESULT_COLUMNS

__all__ = ["chunks_of", "is_unmodified"]

CHUNK_BYTES: Final = 1 << 20


def is_unmodified(copy: Path, original: Path, *, length: int, is_csv: bool) -> bool:
    """Whether *copy* has the *length* bytes that count, and behind them nothing but what a process of the run that died wrote.

    Where nothing counts yet, all of it must be such lines: they stand in *original*, if that was not cut before.  An empty or
    missing copy is as good as one.

    Raises:
        OSError: One of them cannot be read.
    """
    size = copy.stat().st_size if copy.exists() else 0
    if size in (0, length):
        return True
    if size < length:
        return False
    if is_csv:
        return _ends_line(copy, length) if length else _ends_line(copy, size) and _has_first_lines(copy, original)
    counted = length or size
    return all(ours == theirs for ours, theirs in zip_longest(chunks_of(original, counted), chunks_of(copy, counted)))


def chunks_of(path: Path, length: int) -> Iterator[bytes]:
    """Give the first *length* bytes of *path* in pieces.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        while length and (chunk := file.read(min(length, CHUNK_BYTES))):
            length -= len(chunk)
            yield chunk


def _ends_line(path: Path, length: int) -> bool:
    """Whether a line of a CSV ends at *length*: who edits it moves its lines, or saves it with other ends."""
    with path.open("rb") as file:
        file.seek(max(length - 2, 0))
        return file.read(2) == b"\r\n"


def _has_first_lines(copy: Path, original: Path) -> bool:
    """Whether the rows of a CSV are about the same as the first lines of *original*, which has no cells to compare."""
    try:
        with copy.open(encoding="utf-8", newline="") as rows, original.open("rb") as lines:
            reader = csv.reader(rows, strict=True)
            head = next(reader)
            ours = next(own for own in (RESULT_COLUMNS, LETTER_COLUMNS) if tuple(head[-len(own) :]) == own)
            return all(
                len(row) == len(head) and row[-len(ours) :] == _cells_of(orjson.loads(lines.readline()), ours) for row in reader
            )
    except (csv.Error, ValueError, StopIteration):  # no CSV, not ours, or more lines than the original has
        return False


def _cells_of(line: dict[str, Any], columns: tuple[str, ...]) -> list[str]:
    values = [line.get(column.removeprefix("bulkzoho_")) for column in columns]
    return ["" if value is None else str(value) for value in values]
