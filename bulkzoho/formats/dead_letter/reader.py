"""Dead letters as a source of rows: for a replay, mended or as they are.

A letter's number is its place among the letters that are taken, so that numbers have no holes; a letter with nothing to send
(an unreadable row that nobody mended) is an unreadable row again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Final

from bulkzoho.domain.model.rows import MalformedRow, RowBlock
from bulkzoho.domain.model.settings import InputFormat, InputSettings
from bulkzoho.errors import BulkZohoError, RefusedError, RunFailedError
from bulkzoho.formats.compression import decompress
from bulkzoho.formats.csv_reader import CsvReader
from bulkzoho.formats.dead_letter.parser import DeadLetterColumns, ParsedDeadLetter, letter_of_object
from bulkzoho.formats.detect import FileSource, format_of, open_raw
from bulkzoho.formats.encoding import DEFAULT_ENCODING
from bulkzoho.formats.json_lines import lines_of_json
from bulkzoho.formats.json_values import BadLineError, object_of, objects_of
from bulkzoho.formats.jsonl_reader import ExpandingHeader
from bulkzoho.formats.raw_input import Chunks
from bulkzoho.interfaces import PassthroughCheck

__all__ = ["columns_of", "is_dead_letter_file", "open_letters", "read_letters"]

_BLOCK_ROWS: Final = 100  # letters at a time when only facts are asked for

_Letters = Iterator[list[ParsedDeadLetter]]


def open_letters(
    path: str,
    settings: InputSettings,
    *,
    block_rows: int = 100,
    only_codes: Sequence[str] = (),
    name: str | None = None,
) -> FileSource:
    """Open a file of dead letters; its blocks carry ``origins``.

    Args:
        path: JSON Lines or CSV, as this package writes them and a person may have edited them.
        settings: Format, encoding and delimiter, where told: a spreadsheet may have changed them.
        block_rows: Letters a block at most.
        only_codes: Take the letters with these codes only; all of them when empty.
        name: What messages call it; the file's own name where it is None.

    Raises:
        RefusedError: There is no such file, or it may not be read.
    """
    raw, name = open_raw(path, name=name)

    def start(chunks: Chunks) -> DeadLetterReader:
        return DeadLetterReader(chunks, path, settings, name=name, block_rows=block_rows, only_codes=frozenset(only_codes))

    return FileSource(raw, start, name=name)


def read_letters(path: str, settings: InputSettings) -> Iterator[tuple[bool, list[ParsedDeadLetter]]]:
    """Give the letters of *path* some at a time, each time with whether they are CSV.

    Raises:
        RefusedError: There is no such file, or something in it is no dead letter.
        RunFailedError: It is damaged.
    """
    raw, name = open_raw(path)
    try:
        header, letters = _begun(decompress(raw.chunks(), name=name), path, settings, name=name, block_rows=_BLOCK_ROWS)
        for some in letters:
            yield header is not None, some
    finally:
        raw.close()


def columns_of(path: Path) -> tuple[str, ...]:
    """Give the input's columns of a CSV of letters or results that is to be continued; none when it is empty or missing."""
    with contextlib.suppress(RefusedError):
        raw, name = open_raw(str(path))
        try:
            header = CsvReader(raw.chunks(), name=name, delimiter=",").header
        finally:
            raw.close()
        return tuple(column for column in header if not column.startswith("bulkzoho_"))
    return ()


def is_dead_letter_file(path: Path) -> bool:
    """Whether a file begins as one of dead letters, mended or not; one that is missing, empty or no plain file does not."""
    with contextlib.suppress(RefusedError, RunFailedError):
        if path.is_file() and path.stat().st_size:
            raw, name = open_raw(str(path))
            try:
                chunks = decompress(raw.chunks(), name=name)
                header, letters = _begun(chunks, str(path), InputSettings(), name=name, block_rows=1)
                return header is not None or any(letters)  # a mistake further down makes it no less worth
            finally:
                raw.close()
    return False


class DeadLetterReader:
    """Letters as blocks of rows."""

    def __init__(
        self, chunks: Chunks, path: str, settings: InputSettings, *, name: str, block_rows: int, only_codes: frozenset[str]
    ) -> None:
        self._header, self._letters = _begun(chunks, path, settings, name=name, block_rows=block_rows)
        self._growing = ExpandingHeader(name)
        self._only_codes = only_codes
        self._number = 0  # of the last letter given

    @property
    def expanding(self) -> bool:
        """Whether later letters may bring new columns: as JSON Lines, at any line."""
        return self._header is None

    def read(self, passthrough: PassthroughCheck | None = None) -> RowBlock | None:
        """Give the next block, None at the end."""
        del passthrough
        for some in self._letters:
            if chosen := [one for one in some if not self._only_codes or one.code in self._only_codes]:
                return self._block(chosen)
        return None

    def _block(self, letters: Sequence[ParsedDeadLetter]) -> RowBlock:
        first = self._number + 1
        self._number += len(letters)
        numbered = [*enumerate(letters, start=first)]
        sendable = [(number, one) for number, one in numbered if one.record is not None or one.cells is not None]
        origins = [one.origin for _, one in sendable]
        numbers = [number for number, _ in sendable]
        unreadable = tuple(
            MalformedRow(number=number, code=one.code, message=one.message, raw=one.raw, origin=one.origin)
            for number, one in numbered
            if one.record is None and one.cells is None
        )
        if self._header is not None:
            cells = [one.cells for _, one in sendable if one.cells is not None]
            return RowBlock(header=self._header, rows=cells, numbers=numbers, unreadable=unreadable, origins=origins)
        rows = self._growing.rows_of([one.record for _, one in sendable if one.record is not None])
        return RowBlock(header=self._growing.columns, rows=rows, numbers=numbers, unreadable=unreadable, origins=origins)


def _begun(
    chunks: Chunks, path: str, settings: InputSettings, *, name: str, block_rows: int
) -> tuple[tuple[str, ...] | None, _Letters]:
    """Give the input's columns (None: JSON Lines) and the letters, some at a time."""
    first = next(chunks, b"")
    if not first:  # a run without letters: there is nothing to replay, and nothing wrong
        return None, iter(())
    rejoined = chain([first], chunks)
    if format_of(path, settings, first) is InputFormat.JSONL:
        return None, _of_json(rejoined, settings, name=name, block_rows=block_rows)
    rows = CsvReader(rejoined, name=name, encoding=settings.encoding, delimiter=settings.delimiter, block_rows=block_rows)
    columns = DeadLetterColumns(rows.header, name=name)
    return columns.header, _of_csv(rows.read, columns, name=name)


def _of_json(chunks: Chunks, settings: InputSettings, *, name: str, block_rows: int) -> _Letters:
    lines = chain.from_iterable(lines_of_json(chunks, name=name, encoding=settings.encoding))
    number = 0
    while some := [*islice(lines, block_rows)]:
        objects = objects_of(some)
        if objects is None:
            objects = []
            for at, line in enumerate(some, start=number + 1):
                try:
                    objects.append(object_of(line, encoding=settings.encoding or DEFAULT_ENCODING))
                except BadLineError as error:
                    raise _unreadable(name, at, error.message) from None
        yield [letter_of_object(one, number=at, name=name) for at, one in enumerate(objects, start=number + 1)]
        number += len(some)


def _of_csv(read: Callable[[], RowBlock | None], columns: DeadLetterColumns, *, name: str) -> _Letters:
    while block := read():
        for row in block.unreadable:
            raise _unreadable(name, row.number, row.message)
        filled = [(number, row) for number, row in zip(block.numbers, block.rows, strict=True) if any(map(str.strip, row))]
        yield [columns.letter_of(row, number=number) for number, row in filled]


def _unreadable(name: str, number: int, problem: str) -> BulkZohoError:
    return RefusedError(f"{name}, letter {number}: {problem}", hint="Mend that line.", code="NO_LETTER")
