"""Rows out of CSV text, block by block, at the speed of ``csv.reader``.

What counts as a row: every line but the header, a quoted line break joining two lines into one.  A line with nothing in it,
or with nothing but blanks where the header has several columns, is skipped and has no number; a line of delimiters alone is
a row whose cells are empty.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from bulkzoho.errors import BulkZohoError, RefusedError, RunFailedError
from bulkzoho.files.csv_dialect import check_delimiter, check_header, delimiter_of
from bulkzoho.files.csv_lines import END_IN_QUOTES, END_OF_INPUT, MAX_ROW_CHARS, EndlessRowError, Lines, UncutRows
from bulkzoho.files.raw import Chunks
from bulkzoho.files.text import TextChunks, encoding_remedy, holds_damage, readable
from bulkzoho.model.rows import Block, UnreadableRow
from bulkzoho.ports import Gate

__all__ = ["CsvRows"]

_FIELD_LIMIT: Final = 4 * MAX_ROW_CHARS  # of csv.reader; beyond our own bound, which knows better what to say


class CsvRows:
    """The rows of one CSV; making it reads the header.

    Args:
        chunks: The content, expanded.
        name: What messages call it.
        encoding: None: by byte order mark, else UTF-8.
        delimiter: None: found out from the header line.
        block_rows: Rows a block at most.

    Raises:
        RefusedError: No such encoding or delimiter; no header, or none that can be used.
        RunFailedError: The input is damaged before its first row.
    """

    def __init__(
        self, chunks: Chunks, *, name: str, encoding: str | None = None, delimiter: str | None = None, block_rows: int = 100
    ) -> None:
        if csv.field_size_limit() < _FIELD_LIMIT:  # one for the whole process: raised, never lowered
            csv.field_size_limit(_FIELD_LIMIT)
        self._name = name
        self._block_rows = block_rows
        self._text = TextChunks(chunks, encoding=encoding, name=name)
        self._lines = Lines(self._text, self._rows_done)
        self._rows: list[list[str]] = []  # of the block under way, blank lines included
        self._uncut: UncutRows | None = None  # the same, when they are plain
        self._rows_before = 0  # it
        self._number = 0  # of the last data row given
        self._failure: BulkZohoError | None = None
        self._is_endless = False  # the row after the last one taken never ends
        self._is_over = False
        first_line = self._first_line()
        self._delimiter = delimiter_of(first_line) if delimiter is None else check_delimiter(delimiter)
        self.header: tuple[str, ...] = self._read_header()
        self._width = len(self.header)

    @property
    def growing(self) -> bool:
        """Whether later rows may bring new columns: never."""
        return False

    def read(self, gate: Gate | None = None) -> Block | None:
        """Give the next block, None at the end.

        Raises:
            RunFailedError: The input is damaged from here on.
        """
        del gate
        while not self._is_over:
            lines_before = self._lines.position
            self._lines.forget()
            self._take(self._block_rows)
            block = self._block(self._rows, lines_before)
            if block.rows or block.unreadable:
                return block
        if self._failure:
            raise self._failure
        if self._is_endless:
            raise self._endless()
        return None

    def _rows_done(self) -> int:
        return self._rows_before + len(self._rows)

    def _first_line(self) -> str:
        try:
            first = self._lines.peek()
        except EndlessRowError:
            raise self._no_header("is longer than 1 MB: this is no CSV, or its quotes are never closed") from None
        if first is None:
            raise self._empty()
        return first

    def _read_header(self) -> tuple[str, ...]:
        while not self._is_over:
            self._take(1)
            row = self._rows[0] if self._rows else []
            if len(row) > 1 or "".join(row).strip():
                return check_header(row, name=self._name, encoding=self._text.encoding)
        if self._failure:
            raise self._failure
        if self._is_endless:
            raise self._no_header("has a quote that is never closed")
        raise self._empty()

    def _take(self, count: int) -> None:
        """Put the next rows, as csv.reader gives them, into ``_rows``; note why there are no more."""
        self._rows_before += len(self._rows)
        self._rows = []
        self._uncut = None
        plain = self._lines.plain(count)
        if plain is None:
            self._read_rows(count)
        else:  # a third of csv.reader's time, and the same rows
            self._rows = [line.split(self._delimiter) for line in plain]
            self._uncut = UncutRows(plain, self._delimiter)
            self._lines.position += count

    def _read_rows(self, count: int) -> None:
        rows, reader = self._rows, csv.reader(self._lines.onward(), delimiter=self._delimiter)
        try:
            for row in islice(reader, count):
                rows.append(row)
        except RunFailedError as error:
            self._failure, self._is_over = error, True
        except (EndlessRowError, csv.Error):  # csv.Error: the program around us lowered the field limit again
            self._is_endless = self._is_over = True
        else:
            if not rows:  # the input was closed under us
                self._is_over = True
            elif rows[-1] == [END_OF_INPUT]:
                self._is_over = True
                rows.pop()
            elif rows[-1] and rows[-1][-1].endswith(END_IN_QUOTES):  # the last row swallowed it: its quote is open
                self._is_over = self._is_endless = True
                rows.pop()
        self._lines.position += reader.line_num

    def _block(self, rows: Sequence[list[str]], lines_before: int) -> Block:
        number = self._number
        if not self._text.is_damaged and {self._width}.issuperset(map(len, rows)):
            self._number += len(rows)
            numbers = range(number + 1, self._number + 1)
            return Block(header=self.header, rows=rows, numbers=numbers, texts=True, kept=self._uncut)
        good: list[list[str]] = []
        given: list[int] = []
        unreadable: list[UnreadableRow] = []
        raws = self._raw_rows(lines_before)
        for row, raw in zip(rows, raws, strict=False):  # the lines may end in a row that was not completed
            if self._is_blank(row):
                continue
            self._number += 1
            if problem := self._problem(row, raw):
                unreadable.append(problem)
            else:
                good.append(row)
                given.append(self._number)
        return Block(header=self.header, rows=good, numbers=given, unreadable=tuple(unreadable), texts=True)

    def _is_blank(self, row: list[str]) -> bool:
        return not row or (len(row) == 1 and self._width > 1 and not row[0].strip())

    def _problem(self, row: list[str], raw: str) -> UnreadableRow | None:
        if self._text.is_damaged and holds_damage(raw):
            if "\0" in raw:
                code, message = "BAD_ENCODING", "the row holds a NUL character, which is no text. Take it out."
            else:
                encoding = self._text.encoding
                code, message = "BAD_ENCODING", f"the row is not valid {encoding}. {encoding_remedy(encoding)}"
        elif len(row) != self._width:
            code, message = "RAGGED_ROW", f"the row has {len(row)} cells where the header has {self._width}."
        else:
            return None
        return UnreadableRow(number=self._number, code=code, message=message, raw=readable(raw.rstrip("\r\n")))

    def _raw_rows(self, lines_before: int) -> Iterator[str]:
        """Give the lines of each row of the block as they stand in the input."""
        lines = self._lines.between(lines_before, self._lines.position)
        again = csv.reader(lines, delimiter=self._delimiter)
        start = 0
        for _ in again:
            yield "".join(lines[start : again.line_num])
            start = again.line_num

    def _empty(self) -> RefusedError:
        return RefusedError(f"{self._name}: is empty.", hint="Give a file whose first line names the columns.", code="EMPTY_FILE")

    def _no_header(self, problem: str) -> RefusedError:
        return RefusedError(
            f"{self._name}: its first line {problem}.", hint="Give a CSV whose first line names the columns.", code="NO_HEADER"
        )

    def _endless(self) -> RunFailedError:
        return RunFailedError(
            f"{self._name}, row {self._number + 1}: a quote opens and is never closed; the rows before were read.",
            hint="Close it, then import that row and those behind it as a file of their own.",
            code="UNCLOSED_QUOTE",
        )
