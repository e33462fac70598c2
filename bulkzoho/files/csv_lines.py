"""Cut text into lines for ``csv.reader``, keeping those of late at hand and stopping a row that never ends."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

__all__ = ["END_OF_INPUT", "MAX_ROW_CHARS", "EndlessRowError", "Lines"]

MAX_ROW_CHARS: Final = 1024 * 1024  # a row beyond that has an unclosed quote; the CRM's longest fields take some 50,000
END_OF_INPUT: Final = "\0the end of the input\0"  # a last line that is read as a row of its own, unless a quote is open


class EndlessRowError(Exception):
    """A row went on for more than :data:`MAX_ROW_CHARS`."""


class Lines:
    """Lines, in lists as they come.  Lines end with LF, CR or CRLF and keep their end; the last one is END_OF_INPUT.

    Args:
        text: The content.
        rows_done: How many rows the reader of these lines has completed.
    """

    def __init__(self, text: Iterable[str], rows_done: Callable[[], int]) -> None:
        self._text = text
        self._rows_done = rows_done
        self._kept: deque[tuple[int, list[str]]] = deque()  # with the index of the first line of each
        self._count = 0

    def __iter__(self) -> Iterator[list[str]]:
        """Give the lines.

        Raises:
            EndlessRowError: No row was completed for too long.
            RunFailedError: What the text raises; a line it cut short is not given.
        """
        carry = ""
        waiting_chars, rows_done = 0, 0
        for piece in self._text:
            if self._rows_done() != rows_done:
                waiting_chars, rows_done = 0, self._rows_done()
            waiting_chars += len(piece)
            if waiting_chars > MAX_ROW_CHARS + len(piece):
                raise EndlessRowError
            carry += piece
            # a CR at the very end may be half of a CRLF
            whole = max(carry.rfind("\n"), carry.rfind("\r", 0, -1)) + 1
            if whole:
                yield self._keep(_split(carry[:whole]))
                carry = carry[whole:]
        if carry:
            yield self._keep(_split(carry))
        yield self._keep([END_OF_INPUT])

    def forget(self, before: int) -> None:
        """Keep no lines whose index is below *before*."""
        while self._kept and self._kept[0][0] + len(self._kept[0][1]) <= before:
            self._kept.popleft()

    def between(self, first: int, end: int) -> list[str]:
        """Give the lines of these indexes, *end* excluded; none of them was forgotten."""
        found: list[str] = []
        for start, lines in self._kept:
            found += lines[max(first - start, 0) : max(end - start, 0)]
        return found

    def _keep(self, lines: list[str]) -> list[str]:
        self._kept.append((self._count, lines))
        self._count += len(lines)
        return lines


def _split(text: str) -> list[str]:
    return io.StringIO(text, newline="").readlines()  # str.splitlines would split at form feeds and the like
