"""Cut text into lines for ``csv.reader``, keeping those of late at hand and stopping a row that never ends."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple, overload

from bulkzoho.errors import RunFailedError

__all__ = ["END_IN_QUOTES", "END_OF_INPUT", "MAX_ROW_CHARS", "EndlessRowError", "Lines", "UncutRows"]

MAX_ROW_CHARS: Final = 1024 * 1024  # a row beyond that has an unclosed quote; the CRM's longest fields take some 50,000
# a last line that is read as a row of its own, unless a quote is open: then two quotes are one
END_OF_INPUT: Final = '\0the end of the ""input""\0'
END_IN_QUOTES: Final = END_OF_INPUT.replace('""', '"')


class EndlessRowError(Exception):
    """A row went on for more than :data:`MAX_ROW_CHARS`."""


class UncutRows(Sequence[Sequence[str]]):
    """Plain lines as rows: one object a row, cut again for the few that are asked for."""

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


class _Lines(NamedTuple):
    """Consecutive lines."""

    first: int  #: index of the first one
    lines: list[str]
    end: str | None  #: LF or CRLF that was taken off each, where all have the same and none holds a quote or a CR


class Lines:
    """Lines, read forward from a position.  They end with LF, CR or CRLF and keep their end; the last one is END_OF_INPUT.

    Args:
        text: The content.
        rows_done: How many rows the reader of these lines has completed.

    Attributes:
        position: Index of the next line to be read.
    """

    def __init__(self, text: Iterable[str], rows_done: Callable[[], int]) -> None:
        self.position = 0
        self._rows_done = rows_done
        self._kept: deque[_Lines] = deque()
        self._count = 0  # lines that came
        self._coming = self._whole_lines(text)
        self._failure: Exception | None = None  # why no more come; told when what came before was read

    def peek(self) -> str | None:
        """Give the first line that is not blank, and leave it there; None when there is none.

        Raises:
            EndlessRowError, RunFailedError: As :meth:`onward` does.
        """
        for line in self.onward():
            if line.strip():
                return None if line == END_OF_INPUT else line
        return None

    def onward(self) -> Iterator[str]:
        """Give the lines from the position on; whoever took some says so by moving it.

        Raises:
            EndlessRowError: No row was completed for too long.
            RunFailedError: What the text raises; a line it cut short is not given.
        """
        return chain.from_iterable(self._onward())

    def plain(self, count: int) -> list[str] | None:
        """Give the next *count* lines without their ends, if they are there and every one is a row without quotes."""
        end = self.position + count
        if end > self._count:
            self._next_list()  # one, not more: a row may not be kept waiting for many
        rows: list[str] = []
        for some in self._kept:
            if some.first < end and some.first + len(some.lines) > self.position:
                if some.end is None:
                    return None
                rows += some.lines[max(self.position - some.first, 0) : end - some.first]
        return rows if len(rows) == count and "" not in rows else None

    def forget(self) -> None:
        """Keep no lines that stand before the position."""
        while self._kept and self._kept[0].first + len(self._kept[0].lines) <= self.position:
            self._kept.popleft()

    def between(self, first: int, end: int) -> list[str]:
        """Give the lines of these indexes, *end* excluded; none of them was forgotten."""
        found: list[str] = []
        for some in self._kept:
            if some.first >= end:
                break
            lines = some.lines[max(first - some.first, 0) : end - some.first]
            found += lines if some.end is None else [line + some.end for line in lines]
        return found

    def _onward(self) -> Iterator[list[str]]:
        first, end = self.position, self._count
        yield self.between(first, end)
        while self._next_list():
            first, end = end, self._count
            yield self.between(first, end)
        if self._failure is not None:
            raise self._failure

    def _next_list(self) -> bool:
        """Have more lines come; False when there are no more, or none can be read."""
        if self._failure is not None:
            return False
        try:
            text = next(self._coming, None)
        except (EndlessRowError, RunFailedError) as error:
            self._failure = error
            return False
        if text is None:
            return False
        some = _lines_of(text, self._count)
        self._kept.append(some)
        self._count += len(some.lines)
        return True

    def _whole_lines(self, text: Iterable[str]) -> Iterator[str]:
        carry = ""
        waiting_chars, rows_done = 0, 0
        for piece in text:
            if self._rows_done() != rows_done:
                waiting_chars, rows_done = 0, self._rows_done()
            waiting_chars += len(piece)
            if waiting_chars > MAX_ROW_CHARS + len(piece):
                raise EndlessRowError
            carry += piece
            # a CR at the very end may be half of a CRLF
            whole = max(carry.rfind("\n"), carry.rfind("\r", 0, -1)) + 1
            if whole:
                yield carry[:whole]
                carry = carry[whole:]
        if carry:
            yield carry
        yield END_OF_INPUT


def _lines_of(text: str, first: int) -> _Lines:
    """Cut *text*, which ends where a line ends."""
    end = "\r\n" if "\r" in text else "\n"
    if text.endswith(end) and '"' not in text and (end == "\n" or text.count("\r") == text.count("\n") == text.count(end)):
        lines = text.split(end)
        lines.pop()
        return _Lines(first=first, lines=lines, end=end)
    # str.splitlines would split at form feeds and the like
    return _Lines(first=first, lines=io.StringIO(text, newline="").readlines(), end=None)
