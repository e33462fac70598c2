"""Read rows of a CSV line by line, and reject the line on which a contradictory quote opens a cell.

``csv.reader`` is faster but does not report where a quoted cell began, so it reads well-formed text, and this module reads the
parts with a contradiction:

- text between the quote that closes a cell and the next delimiter or line end,
- the end of the file inside a quoted cell,
- a quoted cell that makes its row longer than a row may be,
- a row with a wrong number of columns that has a quoted cell over several lines.  It is found as soon as the row has too
  many columns, so that one stray quote rejects as few lines as possible.

A rejected row ends with the physical line on which the bad cell began; the next row is the next physical line.  Where a
well-formed cell over several lines precedes the bad cell in its row, the row begins on an earlier line: the rejected row then
has all lines from there on, so that every line of the file is in exactly one row.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from enum import Enum, auto
from typing import Final, NamedTuple

from bulkzoho.formats.csv_lines import LineBuffer

__all__ = ["RowScanner", "ScannedRow"]

SHOWN_CHARS: Final = 1000  # of a line that is too long; it is never held whole
_TRIM: Final = 4096  # lines before the position that are kept at most

_REMEDY: Final = "Remove the quote, or double each quote inside the cell and close it."


class ScannedRow(NamedTuple):
    """A row: its cells, or why it is rejected."""

    raw: str  #: its physical lines as they stand
    end: int = 0  #: index of the physical line after it
    cells: list[str] | None = None
    code: str = ""
    problem: str = ""  #: where and what, of a rejected row
    remedy: str = ""


class _End(Enum):
    """The state at the end of a line, or before it."""

    ROW_END = auto()
    IN_QUOTES = auto()
    TEXT_AFTER_QUOTE = auto()


class _LineScan(NamedTuple):
    end: _End
    cells: int  #: completed by a delimiter
    opened: int  #: index of the quote that opened the last quoted cell of the line; -1 when none opened on it


class _QuotedLines:
    """Consecutive lines that all end inside a quoted cell, from the end of the first line on.

    All rows that reach the end of one of these lines inside a quoted cell continue in the same way.  The scanner therefore reads
    each line after an open quote once, however many rows are rejected on the way.  Without this, a file whose every line opens
    a quote would take time quadratic in the length of a row.
    """

    def __init__(self, first: int, chars: int) -> None:
        self.first = first
        self.cells = array("q", [0])  # completed since the first line's end, at the end of each line
        self.chars = array("q", [chars])  # of all lines through each one
        self.opened_line = array("q", [first])  # where the cell opened that is open at the end of each line
        self.opened_at = array("q", [-1])
        self.last: _LineScan | None = None  # the line after them, which ends outside
        self.last_chars = 0  # of all lines through that one

    @property
    def end(self) -> int:
        """Index of the line after the last one."""
        return self.first + len(self.cells)

    def add(self, scan: _LineScan, chars: int) -> None:
        """Take the next line."""
        if scan.end is not _End.IN_QUOTES:
            self.last, self.last_chars = scan, self.chars[-1] + chars
            return
        self.opened_line.append(self.end if scan.opened >= 0 else self.opened_line[-1])
        self.opened_at.append(scan.opened if scan.opened >= 0 else self.opened_at[-1])
        self.chars.append(self.chars[-1] + chars)
        self.cells.append(self.cells[-1] + scan.cells)

    def open_cell(self, at: int, start: int, opened: int) -> tuple[int, int]:
        """Return line and index of the quote that is open at the end of line *at* of these.

        *opened* is the quote on the line *start*, where the row begins; the quotes of earlier lines are not part of the row.
        """
        return (self.opened_line[at], self.opened_at[at]) if self.opened_line[at] > start else (start, opened)

    def forget(self, before: int) -> None:
        """Drop the lines before the index *before*."""
        count = before - self.first
        if count > _TRIM and 2 * count > len(self.cells):
            for values in (self.cells, self.chars, self.opened_line, self.opened_at):
                del values[:count]
            self.first = before


class RowScanner:
    """Reads rows from the position of *lines* on.

    Args:
        lines: The physical lines.
        delimiter: One character.
        width: Columns of the header; None while the header itself is read.

    Attributes:
        scanned_chars: Number of characters scanned, for tests that limit the work.
    """

    def __init__(self, lines: LineBuffer, delimiter: str, *, width: int | None = None) -> None:
        self.scanned_chars = 0
        self._lines = lines
        self._delimiter = delimiter
        self._width = width
        self._quoted: _QuotedLines | None = None

    def next_row(self) -> ScannedRow | None:
        """Return the row at the position and move past it; None if no whole row is left."""
        start = self._lines.position
        line = self._lines.line(start)
        if line is None:
            return None
        scan = self._scan(line, in_quotes=False)
        if len(line) > self._lines.max_row_chars:
            row: ScannedRow | None = self._too_long(start, line, scan)
        elif scan.end is _End.ROW_END:
            row = ScannedRow(end=start + 1, raw=line, cells=_cells_of(line, self._delimiter))
        elif scan.end is _End.TEXT_AFTER_QUOTE:
            row = self._bad_quote(start, start, scan.opened, "but text follows the quote that closes it")
        else:
            row = self._over_lines(start, line, scan)
        if row is not None:
            self._lines.position = row.end
        return row

    def _scan(self, line: str, *, in_quotes: bool) -> _LineScan:
        self.scanned_chars += len(line)
        return _scan_line(line, self._delimiter, in_quotes=in_quotes)

    def _over_lines(self, start: int, line: str, scan: _LineScan) -> ScannedRow | None:
        """Return the row that begins at *start* and is inside a quoted cell at the end of that line."""
        if self._quoted is None or start >= self._quoted.end:
            more = self._lines.line(start + 1)
            last = None if more is None else self._scan(more, in_quotes=True)
            is_short = more is not None and len(line) + len(more) <= self._lines.max_row_chars
            if last is not None and last.end is not _End.IN_QUOTES and is_short:  # most rows, and most stray quotes
                max_cells = None if self._width is None else self._width - 1 - scan.cells
                return self._ended(
                    start,
                    start + 1,
                    last,
                    cells=last.cells,
                    max_cells=max_cells,
                    open_cell=(start, scan.opened),
                    opened=scan.opened,
                )
            self._quoted = _QuotedLines(start, len(line))
            if more is not None and last is not None:
                self._quoted.add(last, len(more))
        return self._over_many_lines(start, line, scan, self._quoted)

    def _over_many_lines(self, start: int, line: str, scan: _LineScan, quoted: _QuotedLines) -> ScannedRow | None:
        """Return the row that begins at *start*, on a line of *quoted*."""
        quoted.forget(start)
        at = start - quoted.first
        max_cells = None if self._width is None else quoted.cells[at] + self._width - 1 - scan.cells
        max_chars = quoted.chars[at] + self._lines.max_row_chars - len(line)
        while True:
            wide = len(quoted.cells) if max_cells is None else bisect_right(quoted.cells, max_cells, lo=at)
            long = bisect_right(quoted.chars, max_chars, lo=at)  # index of the first line that makes the row too long
            if wide < min(long, len(quoted.cells)):
                return self._bad_quote(start, start, scan.opened, self._too_wide())
            is_over = quoted.last is not None and quoted.last_chars > max_chars
            if long < len(quoted.cells) or is_over:
                why = "and the cell makes the row longer than 1 MB"
                return self._bad_quote(start, *quoted.open_cell(long - 1, start, scan.opened), why)
            open_cell = quoted.open_cell(len(quoted.cells) - 1, start, scan.opened)
            if quoted.last is not None:
                cells = quoted.cells[-1] + quoted.last.cells
                return self._ended(
                    start, quoted.end, quoted.last, cells=cells, max_cells=max_cells, open_cell=open_cell, opened=scan.opened
                )
            more = self._lines.line(quoted.end)
            if more is None:
                if self._lines.failure is not None:
                    return None
                return self._bad_quote(start, *open_cell, "and no quote closes it before the end of the file")
            quoted.add(self._scan(more, in_quotes=True), len(more))

    def _ended(
        self,
        start: int,
        end: int,
        last: _LineScan,
        *,
        cells: int,
        max_cells: int | None,
        open_cell: tuple[int, int],
        opened: int,
    ) -> ScannedRow:
        """Return the row whose last line is *end*, which ends it or has a contradiction.

        Args:
            start: Index of the first line of the row.
            end: Index of its last line.
            last: The scan of that line.
            cells: Cells that were completed through that line.
            max_cells: The number of them that the header allows; None: any.
            open_cell: Line and index of the quote that is open at the beginning of the last line.
            opened: Index of the last quote that opened a cell on the first line.
        """
        if last.end is _End.TEXT_AFTER_QUOTE:
            if max_cells is not None and cells > max_cells:
                return self._bad_quote(start, start, opened, self._too_wide())
            why = f"but text follows the quote that closes it on line {end + 1}"
            return self._bad_quote(start, *((end, last.opened) if last.opened >= 0 else open_cell), why)
        if max_cells is not None and self._width is not None and cells != max_cells:
            count = cells - max_cells + self._width
            why = f"and the row, read on to line {end + 1}, has {count} columns where the header has {self._width}"
            return self._bad_quote(start, start, opened, why)
        raw = "".join(self._lines.between(start, end + 1))
        return ScannedRow(end=end + 1, raw=raw, cells=_cells_of(raw, self._delimiter))

    def _bad_quote(self, start: int, line: int, at: int, why: str) -> ScannedRow:
        problem = f"line {line + 1}, character {at + 1}: a quote opens a cell here, {why}"
        raw = "".join(self._lines.between(start, line + 1)) if line > start else self._lines.line(start) or ""
        return ScannedRow(end=line + 1, raw=raw, code="BAD_QUOTE", problem=problem, remedy=_REMEDY)

    def _too_long(self, start: int, line: str, scan: _LineScan) -> ScannedRow:
        where, end, raw = f"line {start + 1}", start + 1, f"{line[:SHOWN_CHARS]}…"
        if scan.end is _End.ROW_END:
            problem = f"{where}: the line is longer than 1 MB; only its beginning is kept here"
            remedy = "Split it into rows, or shorten its cells."
            return ScannedRow(end=end, raw=raw, code="ROW_TOO_LONG", problem=problem, remedy=remedy)
        why = "but text follows the quote that closes it"
        if scan.end is _End.IN_QUOTES:
            why = "and the cell makes the row longer than 1 MB; only the beginning of the line is kept here"
        problem = f"{where}, character {scan.opened + 1}: a quote opens a cell here, {why}"
        return ScannedRow(end=end, raw=raw, code="BAD_QUOTE", problem=problem, remedy=_REMEDY)

    def _too_wide(self) -> str:
        return f"and the row, read on over the next lines, has more columns than the {self._width} of the header"


def _scan_line(line: str, delimiter: str, *, in_quotes: bool) -> _LineScan:
    end = len(line.rstrip("\r\n"))
    at, cells, opened = 0, 0, -1
    while True:
        if in_quotes:
            at = _closing_quote(line, at) + 1
            if at == 0:
                return _LineScan(_End.IN_QUOTES, cells, opened)
            if at == end:
                return _LineScan(_End.ROW_END, cells, opened)
            if line[at] != delimiter:
                return _LineScan(_End.TEXT_AFTER_QUOTE, cells, opened)
            in_quotes = False
        elif line.startswith('"', at):
            in_quotes, opened = True, at
            at += 1
            continue
        else:
            at = line.find(delimiter, at)
            if at < 0:
                return _LineScan(_End.ROW_END, cells, opened)
        at += 1
        cells += 1


def _closing_quote(text: str, at: int) -> int:
    """Return the index of the quote that closes the cell whose content goes on at *at*; -1 when none does."""
    while (at := text.find('"', at)) >= 0:
        if not text.startswith('"', at + 1):
            return at
        at += 2
    return -1


def _cells_of(row: str, delimiter: str) -> list[str]:
    """Return the cells of a well-formed row; none for an empty line, as ``csv.reader`` does."""
    row = row.removesuffix("\n").removesuffix("\r")
    if not row:
        return []
    if '"' not in row:
        return row.split(delimiter)
    cells: list[str] = []
    at = 0
    while at <= len(row):
        if row.startswith('"', at):
            end = _closing_quote(row, at + 1)
            cells.append(row[at + 1 : end].replace('""', '"'))
            at = end + 2
        else:
            end = row.find(delimiter, at)
            end = end if end >= 0 else len(row)
            cells.append(row[at:end])
            at = end + 1
    return cells
