"""Read a dead-letter file as a source of rows for a replay.

The number of a row is its position among the selected rows, so that numbers have no gaps.  A row without a record (an
unreadable row that was not fixed) becomes an unreadable row again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from bulkzoho.domain.model.rows import MalformedRow, RowBlock
from bulkzoho.domain.model.settings import InputFormat, InputSettings
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.domain.transform.value_faults import NUL_IN_TEXT, holds_encoded_nul
from bulkzoho.errors import BulkZohoError, RefusedError, RunFailedError
from bulkzoho.formats.compression import decompress
from bulkzoho.formats.csv_reader import CsvReader
from bulkzoho.formats.dead_letter.columns import DeadLetterColumns
from bulkzoho.formats.dead_letter.parser import ParsedDeadLetter, parse_csv_row, parse_json_object
from bulkzoho.formats.detect import FileSource, detect_format, open_raw
from bulkzoho.formats.encoding import DEFAULT_ENCODING
from bulkzoho.formats.json_lines import JsonLine, lines_of_json
from bulkzoho.formats.json_values import BadLineError, may_hold_nul, object_of, objects_of
from bulkzoho.formats.jsonl_reader import ExpandingHeader
from bulkzoho.formats.raw_input import Chunks
from bulkzoho.interfaces import PassthroughCheck

__all__ = ["is_dead_letter_file", "open_dead_letters", "read_dead_letters", "read_row_keys"]

_BLOCK_ROWS: Final = 100  # rows at a time if the whole file is read at once

_ParsedBlocks = Iterator[list[ParsedDeadLetter]]


def open_dead_letters(
    path: str,
    settings: InputSettings,
    *,
    block_rows: int = 100,
    only_codes: Sequence[str] = (),
    name: str | None = None,
) -> FileSource:
    """Open a dead-letter file as a source; its blocks have ``origins``.

    Args:
        path: JSON Lines or CSV, as a run writes them, possibly edited by a person.
        settings: Format, encoding and delimiter, if given: a spreadsheet may have changed them.
        block_rows: Maximum rows per block.
        only_codes: Read only the rows with these codes; all rows if empty.
        name: Name in messages; None: the name of the file.

    Raises:
        RefusedError: There is no such file, or it cannot be read.
    """
    raw, name = open_raw(path, name=name)

    def start(chunks: Chunks) -> DeadLetterReader:
        return DeadLetterReader(*_parse(chunks, path, settings, name=name, block_rows=block_rows), name=name, codes=only_codes)

    return FileSource(raw, start, name=name)


def read_dead_letters(path: str, settings: InputSettings) -> _ParsedBlocks:
    """Return the rejected rows of *path*, block by block.

    Raises:
        RefusedError: There is no such file, or something in it is not a rejected row.
        RunFailedError: The file is damaged.
    """
    raw, name = open_raw(path)
    try:
        _, blocks = _parse(decompress(raw.chunks(), name=name), path, settings, name=name, block_rows=_BLOCK_ROWS)
        yield from blocks
    finally:
        raw.close()


def read_row_keys(path: str, settings: InputSettings, *, only_codes: Sequence[str] = ()) -> list[tuple[str, str, int]]:
    """Return run, source and row of each rejected row of *path* that a replay of *only_codes* sends.

    Raises:
        RefusedError: As :func:`read_dead_letters`.
        RunFailedError: As :func:`read_dead_letters`.
    """
    return [
        (row.origin.run, row.origin.source, row.origin.row)
        for rows in read_dead_letters(path, settings)
        for row in rows
        if not only_codes or row.code in only_codes
    ]


def is_dead_letter_file(path: Path) -> bool:
    """Return whether a file begins like a dead-letter file; a missing or empty file does not."""
    with contextlib.suppress(RefusedError, RunFailedError):
        if path.is_file() and path.stat().st_size:
            raw, name = open_raw(str(path))
            try:
                chunks = decompress(raw.chunks(), name=name)
                header, blocks = _parse(chunks, str(path), InputSettings(), name=name, block_rows=1)
                return header is not None or any(blocks)  # a mistake in a later row does not matter
            finally:
                raw.close()
    return False


class DeadLetterReader:
    """Rejected rows as blocks of rows.

    Args:
        header: The columns of the input in CSV; None: JSON Lines.
        blocks: The rejected rows.
        name: Name in messages.
        codes: Read only the rows with these codes; all rows if empty.
    """

    def __init__(self, header: tuple[str, ...] | None, blocks: _ParsedBlocks, *, name: str, codes: Sequence[str]) -> None:
        self._header = header
        self._blocks = blocks
        self._keys = ExpandingHeader(name)
        self._codes = frozenset(codes)
        self._number = 0  # of the last row read

    @property
    def expanding(self) -> bool:
        """Whether later rows may have new columns: in JSON Lines, any row."""
        return self._header is None

    def read(self, passthrough: PassthroughCheck | None = None) -> RowBlock | None:
        """Return the next block, None at the end."""
        del passthrough
        for block in self._blocks:
            if selected := [row for row in block if not self._codes or row.code in self._codes]:
                return self._block(selected)
        return None

    def _block(self, rows: Sequence[ParsedDeadLetter]) -> RowBlock:
        first = self._number + 1
        self._number += len(rows)
        numbered = [*enumerate(rows, start=first)]
        sendable = [(number, row) for number, row in numbered if row.record is not None or row.cells is not None]
        unreadable = tuple(
            MalformedRow(number=number, code=row.code, message=row.message, raw=row.raw, origin=row.origin)
            for number, row in numbered
            if row.record is None and row.cells is None
        )
        if self._header is not None:
            cells = [row.cells for _, row in sendable if row.cells is not None]
        else:
            cells = self._keys.rows_of([row.record for _, row in sendable if row.record is not None])
        return RowBlock(
            header=self._keys.columns if self._header is None else self._header,
            rows=cells,
            numbers=[number for number, _ in sendable],
            unreadable=unreadable,
            origins=[row.origin for _, row in sendable],
        )


def _parse(
    chunks: Chunks, path: str, settings: InputSettings, *, name: str, block_rows: int
) -> tuple[tuple[str, ...] | None, _ParsedBlocks]:
    """Return the columns of the input (None: JSON Lines) and the rejected rows, block by block."""
    first = next(chunks, b"")
    if not first:  # a run without rejected rows: there is nothing to replay
        return None, iter(())
    rejoined = chain([first], chunks)
    if detect_format(path, settings, first) is InputFormat.JSONL:
        return None, _parse_json_lines(rejoined, settings, name=name, block_rows=block_rows)
    reader = CsvReader(rejoined, name=name, encoding=settings.encoding, delimiter=settings.delimiter, block_rows=block_rows)
    columns = DeadLetterColumns(reader.header, name=name)
    return columns.header, _parse_csv(reader.read, columns, name=name)


def _parse_json_lines(chunks: Chunks, settings: InputSettings, *, name: str, block_rows: int) -> _ParsedBlocks:
    lines = chain.from_iterable(lines_of_json(chunks, name=name, encoding=settings.encoding))
    number = 0
    while block := [*islice(lines, block_rows)]:
        objects = objects_of(block)
        if objects is None:
            objects = [_object(line, at, settings, name=name) for at, line in enumerate(block, start=number + 1)]
        rows = [parse_json_object(values, number=at, name=name) for at, values in enumerate(objects, start=number + 1)]
        if may_hold_nul(block):
            for at, row in enumerate(rows, start=number + 1):
                _refuse_nul(row, at, name=name)
        yield rows
        number += len(block)


def _object(line: JsonLine, number: int, settings: InputSettings, *, name: str) -> dict[str, Any]:
    try:
        return object_of(line, encoding=settings.encoding or DEFAULT_ENCODING)
    except BadLineError as error:
        raise _bad_row(name, number, error.message) from None


def _refuse_nul(row: ParsedDeadLetter, number: int, *, name: str) -> None:
    """Refuse a record with a NUL character; the raw text of an unreadable row may have one."""
    if row.record is not None and holds_encoded_nul(encode_json(row.record)):
        raise _bad_row(name, number, f"{NUL_IN_TEXT.message}.")


def _parse_csv(read: Callable[[], RowBlock | None], columns: DeadLetterColumns, *, name: str) -> _ParsedBlocks:
    while block := read():
        for bad in block.unreadable:
            raise _bad_row(name, bad.number, bad.message)
        filled = [(number, row) for number, row in zip(block.numbers, block.rows, strict=True) if any(map(str.strip, row))]
        yield [parse_csv_row(row, columns, number=number, name=name) for number, row in filled]


def _bad_row(name: str, number: int, problem: str) -> BulkZohoError:
    return RefusedError(f"{name}, rejected row {number}: {problem}", hint="Fix that line.", code="NO_LETTER")
