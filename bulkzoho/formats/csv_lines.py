"""Cut text into physical lines, and keep those from the reading position on.

A line that is too long to be part of a row is kept as its first characters only, so that memory stays bounded whatever the
input holds.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import chain
from typing import Final, NamedTuple, overload

from bulkzoho.errors import RunFailedError

__all__ = ["MAX_ROW_CHARS", "LazyCsvRows", "LineBuffer", "RowTooLongError"]

MAX_ROW_CHARS: Final = 1024 * 1024  # line ends included; the CRM's longest fields take some 50,000


class RowTooLongError(Exception):
    """``csv.reader`` took far more than :data:`MAX_ROW_CHARS` without completing a row."""


class LazyCsvRows(Sequence[Sequence[str]]):
    """Lines without quotes as rows, split on access: one object per row in memory."""

    __slots__ = ("_delimiter", "_lines")

    def __init__(self, lines: Sequence[str], delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> Sequence[str]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[str]]: ...

    def __getitem__(self, index: int | slice) -> Sequence[str] | Sequence[Sequence[str]]:
        if isinstance(index, slice):
            return [line.split(self._delimiter) for line in self._lines[index]]
        return self._lines[index].split(self._delimiter)


class LineList(NamedTuple):
    """Consecutive lines."""

    first: int  #: index of the first one
    lines: list[str]
    chars: int
    end: str | None  #: LF or CRLF, removed from each line; None if the lines keep their ends or some have quotes


class LineBuffer:
    """Physical lines, read forward from a position.  They end with LF, CR or CRLF and keep their end.

    Args:
        text: The content.

    Attributes:
        position: Index of the next line to be read.
        max_row_chars: Maximum characters of a row.  A longer line is truncated to one character more.
        failure: The error that the text raised, after all lines before it were read.
    """

    def __init__(self, text: Iterable[str]) -> None:
        self.position = 0
        self.max_row_chars = MAX_ROW_CHARS
        self.failure: RunFailedError | None = None
        self._kept: list[LineList] = []
        self._count = 0  # lines read from the text
        self._pieces = self._whole_lines(text)

    def line(self, index: int) -> str | None:
        """Return the line at *index*, which was not forgotten; None after the last one that can be read."""
        while index >= self._count:
            if not self._next_list():
                return None
        some = self._kept[-1]
        if index < some.first:
            some = self._kept[bisect_right(self._kept, index, key=_first_of) - 1]
        line = some.lines[index - some.first]
        return line if some.end is None else line + some.end

    def onward(self, rows: Sized) -> Iterator[str]:
        """Return the lines from the position on, for a reader that appends to *rows* and moves the position itself.

        Raises:
            RowTooLongError: No row was completed for too long.
            RunFailedError: The text raises it; an incomplete line before it is not returned.
        """
        return chain.from_iterable(self._onward(rows))

    def plain(self, count: int) -> list[str] | None:
        """Return the next *count* lines without their ends; None if some are missing, blank or have quotes."""
        end = self.position + count
        if end > self._count:
            self._next_list()  # only one: a row must not wait for many
        rows: list[str] = []
        for some in self._kept:
            if some.first < end and some.first + len(some.lines) > self.position:
                if some.end is None:
                    return None
                rows += some.lines[max(self.position - some.first, 0) : end - some.first]
        return rows if len(rows) == count and "" not in rows else None

    def forget(self) -> None:
        """Drop the lines before the position."""
        passed = 0
        while passed < len(self._kept) and self._kept[passed].first + len(self._kept[passed].lines) <= self.position:
            passed += 1
        del self._kept[:passed]

    def between(self, first: int, end: int) -> list[str]:
        """Return the lines of these indexes, *end* excluded; none of them was forgotten."""
        found: list[str] = []
        for some in self._kept[max(bisect_right(self._kept, first, key=_first_of) - 1, 0) :]:
            if some.first >= end:
                break
            lines = some.lines[max(first - some.first, 0) : end - some.first]
            found += lines if some.end is None else [line + some.end for line in lines]
        return found

    def _onward(self, rows: Sized) -> Iterator[list[str]]:
        first, end = self.position, self._count
        yield self.between(first, end)
        waiting_chars, done = 0, len(rows)
        while self._next_list():
            if len(rows) != done:
                waiting_chars, done = 0, len(rows)
            if waiting_chars > self.max_row_chars:
                raise RowTooLongError
            waiting_chars += self._kept[-1].chars
            first, end = end, self._count
            yield self.between(first, end)
        if self.failure is not None:
            raise self.failure

    def _next_list(self) -> bool:
        """Take more lines from the text; return whether there were any."""
        if self.failure is not None:
            return False
        try:
            text = next(self._pieces, None)
        except RunFailedError as error:
            self.failure = error
            return False
        if text is None:
            return False
        some = _lines_of(text, self._count, self.max_row_chars)
        self._kept.append(some)
        self._count += len(some.lines)
        return True

    def _whole_lines(self, text: Iterable[str]) -> Iterator[str]:
        """Return the text in pieces that end where a line ends, or where a line becomes too long."""
        limit = self.max_row_chars + 1
        carry: list[str] = []  # the beginning of a line
        size = 0  # of it
        is_skipping = False  # the rest of a line that is too long
        held = ""  # a CR at the end of a piece may be half of a CRLF
        for chunk in text:
            piece = held + chunk
            held = "\r" if piece.endswith("\r") else ""
            piece = piece.removesuffix(held)
            if is_skipping:
                piece, is_skipping = _after_line_end(piece)
            whole = max(piece.rfind("\n"), piece.rfind("\r")) + 1
            if whole:
                yield "".join([*carry, piece[:whole]])
                carry, size = [], 0
            if whole < len(piece):
                carry.append(piece[whole:])
                size += len(piece) - whole
            if size >= limit:
                yield "".join(carry)[:limit]
                carry, size, is_skipping = [], 0, True
        if not is_skipping and (carry or held):
            yield "".join([*carry, held])


def _first_of(some: LineList) -> int:
    return some.first


def _after_line_end(piece: str) -> tuple[str, bool]:
    """Return what follows the first line end of *piece*, and whether there is no line end in it."""
    found = [at for at in (piece.find("\n"), piece.find("\r")) if at >= 0]
    if not found:
        return "", True
    at = min(found)
    return piece[at + (2 if piece.startswith("\r\n", at) else 1) :], False


def _lines_of(text: str, first: int, max_chars: int) -> LineList:
    """Cut *text*, which ends where a line ends."""
    end = "\r\n" if "\r" in text else "\n"
    is_short = len(text) <= max_chars
    if is_short and text.endswith(end) and '"' not in text and (end == "\n" or _has_only_crlf(text)):
        lines = text.split(end)
        lines.pop()
        return LineList(first=first, lines=lines, chars=len(text), end=end)
    # str.splitlines would split at form feeds and the like
    lines = io.StringIO(text, newline="").readlines()
    if not is_short:
        lines = [line[: max_chars + 1] for line in lines]
    return LineList(first=first, lines=lines, chars=len(text), end=None)


def _has_only_crlf(text: str) -> bool:
    return text.count("\r") == text.count("\n") == text.count("\r\n")
