"""Read rows from CSV text, block by block, at the speed of ``csv.reader``.

A row is a line after the header; a quoted cell with line breaks makes several physical lines one row.  A line with nothing
in it, or with nothing but blanks where the header has several columns, is skipped and has no number; a line of delimiters
alone is a row whose cells are empty.  A line on which a contradictory quote opens is a rejected row: see
:mod:`bulkzoho.formats.csv_scanner`.  Numbers depend on the content only, never on how it was cut into chunks or blocks.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from bulkzoho.domain.model.rows import MalformedRow, RowBlock
from bulkzoho.errors import BulkZohoError, RefusedError, RunFailedError
from bulkzoho.formats.csv_dialect import check_delimiter, check_header, delimiter_of
from bulkzoho.formats.csv_lines import LazyCsvRows, LineBuffer, RowTooLongError
from bulkzoho.formats.csv_scanner import RowScanner, ScannedRow
from bulkzoho.formats.encoding import TextDecoder, encoding_remedy, has_undecodable, printable
from bulkzoho.formats.raw_input import Chunks
from bulkzoho.interfaces import PassthroughCheck

__all__ = ["CsvReader"]

_HEADER_HINT: Final = "Use a CSV whose first line names the columns."


class CsvReader:
    """The rows of one CSV; the constructor reads the header.

    Args:
        chunks: The decompressed content.
        name: Name in messages.
        encoding: None: by byte order mark, else UTF-8.
        delimiter: None: auto-detected from the header line.
        block_rows: Maximum rows per block.

    Raises:
        RefusedError: The encoding or delimiter is invalid, or there is no usable header.
        RunFailedError: The input is damaged before its first row.
    """

    def __init__(
        self, chunks: Chunks, *, name: str, encoding: str | None = None, delimiter: str | None = None, block_rows: int = 100
    ) -> None:
        self._name = name
        self._block_rows = block_rows
        self._text = TextDecoder(chunks, encoding=encoding, name=name)
        self._lines = LineBuffer(self._text)
        self._number = 0  # of the last row read
        self._failure: BulkZohoError | None = None
        self._is_over = False
        self._scan_until = 0  # index of the line where csv.reader found a contradiction
        first_line = self._first_line()
        self._delimiter = delimiter_of(first_line) if delimiter is None else check_delimiter(delimiter)
        self.header: tuple[str, ...] = self._read_header()
        self._width = len(self.header)
        self._scanner = RowScanner(self._lines, self._delimiter, width=self._width)

    @property
    def expanding(self) -> bool:
        """Whether later rows may have new columns: never."""
        return False

    def read(self, passthrough: PassthroughCheck | None = None) -> RowBlock | None:
        """Return the next block, None at the end.

        Raises:
            RunFailedError: The input is damaged after the rows read so far.
        """
        del passthrough
        while not self._is_over:
            self._lines.forget()
            block = self._next_block()
            if block.rows or block.unreadable:
                return block
        if self._failure:
            raise self._failure
        return None

    # -- the header -----------------------------------------------------------------------------------------------------

    def _first_line(self) -> str:
        index = 0
        while (line := self._lines.line(index)) is not None:
            if len(line) > self._lines.max_row_chars:
                raise self._no_header(f"line {index + 1} is longer than 1 MB: this is not a CSV", _HEADER_HINT)
            if line.strip():
                return line
            index += 1
        raise self._lines.failure or self._empty()

    def _read_header(self) -> tuple[str, ...]:
        scanner = RowScanner(self._lines, self._delimiter)
        while (row := scanner.next_row()) is not None:
            if row.cells is None:
                raise self._no_header(f"the header cannot be read: {row.problem}", row.remedy)
            if len(row.cells) > 1 or "".join(row.cells).strip():
                return check_header(row.cells, name=self._name, encoding=self._text.encoding)
        raise self._lines.failure or self._empty()

    def _empty(self) -> RefusedError:
        return RefusedError(f"{self._name}: is empty.", hint="Use a file whose first line names the columns.", code="EMPTY_FILE")

    def _no_header(self, problem: str, hint: str) -> RefusedError:
        return RefusedError(f"{self._name}: {problem}.", hint=hint, code="NO_HEADER")

    # -- the rows -------------------------------------------------------------------------------------------------------

    def _next_block(self) -> RowBlock:
        """Return the next rows, read by the fastest of three ways that can read them."""
        plain = self._lines.plain(self._block_rows)
        if plain is not None:  # a third of csv.reader's time, and the same rows
            self._lines.position += len(plain)
            rows = [line.split(self._delimiter) for line in plain]
            return self._whole_block(rows, LazyCsvRows(plain, self._delimiter)) or self._mixed_block(map(_parsed, rows, plain))
        if self._lines.position >= self._scan_until:
            block = self._parsed_block()
            if block is not None:
                return block
        return self._scanned_block()

    def _parsed_block(self) -> RowBlock | None:
        """Return the rows that ``csv.reader`` reads; None when the scanner must read them."""
        start = self._lines.position
        rows: list[list[str]] = []
        reader = csv.reader(self._lines.onward(rows), delimiter=self._delimiter, strict=True)
        try:
            for row in islice(reader, self._block_rows):
                rows.append(row)  # noqa: PERF402  onward() checks len(rows) between two rows
        except (csv.Error, RowTooLongError, RunFailedError):  # csv.Error: also a cell beyond the process's field limit
            self._scan_until = start + reader.line_num
            return None
        end = start + reader.line_num
        lines = self._lines.between(start, end)
        if self._is_contradiction(rows, lines):
            self._scan_until = end
            return None
        self._lines.position = end
        self._is_over = not rows
        return self._whole_block(rows) or self._mixed_block(map(_parsed, rows, map("".join, self._by_row(lines))))

    def _is_contradiction(self, rows: Sequence[list[str]], lines: Sequence[str]) -> bool:
        """Return whether a row is too long, or has several lines and a wrong number of columns."""
        limit = self._lines.max_row_chars
        if max(map(len, lines), default=0) > limit:
            return True
        if len(lines) == len(rows):
            return False
        if {self._width}.issuperset(map(len, rows)) and sum(map(len, lines)) <= limit:
            return False
        return any(
            len(parts) > 1 and (len(row) != self._width or sum(map(len, parts)) > limit)
            for row, parts in zip(rows, self._by_row(lines), strict=True)
        )

    def _by_row(self, lines: Sequence[str]) -> Iterator[Sequence[str]]:
        """Return the lines of each row."""
        again = csv.reader(lines, delimiter=self._delimiter, strict=True)
        start = 0
        for _ in again:
            yield lines[start : again.line_num]
            start = again.line_num

    def _scanned_block(self) -> RowBlock:
        """Return the rows that the scanner reads: fewer than a block has, where they are long."""
        rows: list[ScannedRow] = []
        chars = 0
        while len(rows) < self._block_rows and chars <= self._lines.max_row_chars:
            row = self._scanner.next_row()
            if row is None:
                self._failure, self._is_over = self._lines.failure, True
                break
            rows.append(row)
            chars += len(row.raw)
        return self._mixed_block(rows)

    def _whole_block(self, rows: Sequence[list[str]], lazy_rows: LazyCsvRows | None = None) -> RowBlock | None:
        """Return the block of *rows* if all of them have the right number of columns and can be decoded; else None."""
        if self._text.is_damaged or not {self._width}.issuperset(map(len, rows)):
            return None
        first = self._number + 1
        self._number += len(rows)
        return RowBlock(header=self.header, rows=rows, numbers=range(first, self._number + 1), lazy_rows=lazy_rows)

    def _mixed_block(self, rows: Iterable[ScannedRow]) -> RowBlock:
        """Return the block of *rows*, the unreadable ones separated."""
        good: list[list[str]] = []
        numbers: list[int] = []
        unreadable: list[MalformedRow] = []
        for row in rows:
            if row.cells is not None and self._is_blank(row.cells):
                continue
            self._number += 1
            if problem := self._problem(row):
                code, message = problem
                raw = printable(row.raw.rstrip("\r\n"))
                unreadable.append(MalformedRow(number=self._number, code=code, message=message, raw=raw))
            elif row.cells is not None:
                good.append(row.cells)
                numbers.append(self._number)
        return RowBlock(header=self.header, rows=good, numbers=numbers, unreadable=tuple(unreadable))

    def _is_blank(self, cells: Sequence[str]) -> bool:
        return not cells or (len(cells) == 1 and self._width > 1 and not cells[0].strip())

    def _problem(self, row: ScannedRow) -> tuple[str, str] | None:
        """Return code and message of the problem of *row*."""
        if row.cells is None:
            return row.code, f"{row.problem}. {row.remedy}"
        if self._text.is_damaged and has_undecodable(row.raw):
            if "\0" in row.raw:
                return "BAD_ENCODING", "the row contains a NUL character, which is not text. Remove it."
            encoding = self._text.encoding
            return "BAD_ENCODING", f"the row is not valid {encoding}. {encoding_remedy(encoding)}"
        if len(row.cells) != self._width:
            return "RAGGED_ROW", f"the row has {len(row.cells)} cells where the header has {self._width}."
        return None


def _parsed(cells: list[str], raw: str) -> ScannedRow:
    return ScannedRow(raw=raw, cells=cells)
