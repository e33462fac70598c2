"""Read rows from JSON Lines, block by block.

The keys of a line are its columns.  The header holds every key seen so far, in first-seen order, so that a column keeps its
position from block to block.  A key that a line does not have is ABSENT.  Blank lines are skipped and have no number.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice
from typing import Any, Final, cast, overload

from bulkzoho.domain.model.rows import ABSENT, Cell, MalformedRow, RowBlock
from bulkzoho.domain.transform.exact_json import decode_json
from bulkzoho.errors import BulkZohoError, RunFailedError
from bulkzoho.formats.encoding import DEFAULT_ENCODING
from bulkzoho.formats.json_lines import JsonLine, lines_of_json
from bulkzoho.formats.json_values import BadLineError, may_hold_nul, object_of, objects_of, refuse_nul
from bulkzoho.formats.raw_input import Chunks
from bulkzoho.interfaces import PassthroughCheck

__all__ = ["ExpandingHeader", "JsonLinesReader"]

MAX_COLUMNS: Final = 10_000  # different keys in one file; a module has at most some 1,000 fields, so more keys are data


class ExpandingHeader:
    """The keys seen so far, in first-seen order."""

    def __init__(self, name: str) -> None:
        self.columns: tuple[str, ...] = ()
        self._name = name

    def rows_of(self, objects: Sequence[dict[str, Any]]) -> list[Sequence[Cell]]:
        """Return the values of *objects* by column, after adding the columns that are new.

        Raises:
            RunFailedError: There are more different keys than any module has fields.
        """
        if [*map(tuple, objects)].count(self.columns) == len(objects):  # the usual file: the same keys in every line
            return [tuple(values.values()) for values in objects]
        columns = tuple(dict.fromkeys(chain(self.columns, chain.from_iterable(objects))))
        if len(columns) > MAX_COLUMNS:
            raise RunFailedError(
                f"{self._name}: its lines have more than {MAX_COLUMNS:,} different keys.",
                hint="Use field names as keys, and put data into values.",
                code="TOO_MANY_COLUMNS",
            )
        self.columns = columns
        return [[values.get(column, ABSENT) for column in columns] for values in objects]


class LazyJsonRows(Sequence[Sequence[Cell]]):
    """Lines as rows, decoded on access."""

    __slots__ = ("_columns", "_lines")

    def __init__(self, lines: Sequence[bytes], columns: Sequence[str]) -> None:
        self._lines = lines
        self._columns = columns

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> Sequence[Cell]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[Cell]]: ...

    def __getitem__(self, index: int | slice) -> Sequence[Cell] | Sequence[Sequence[Cell]]:
        if isinstance(index, slice):
            return [self._row(line) for line in self._lines[index]]
        return self._row(self._lines[index])

    def _row(self, line: bytes) -> Sequence[Cell]:
        values = decode_json(line)
        return [values[column] for column in self._columns]


class JsonLinesReader:
    """The rows of one JSON Lines file.

    Args:
        chunks: The decompressed content.
        name: Name in messages.
        encoding: None: by byte order mark, else UTF-8.
        block_rows: Maximum rows per block.
    """

    def __init__(self, chunks: Chunks, *, name: str, encoding: str | None = None, block_rows: int = 100) -> None:
        self._lines = chain.from_iterable(lines_of_json(chunks, name=name, encoding=encoding))
        self._encoding = encoding or DEFAULT_ENCODING
        self._block_rows = block_rows
        self._header = ExpandingHeader(name)
        self._number = 0  # of the last row read
        self._failure: BulkZohoError | None = None

    @property
    def expanding(self) -> bool:
        """Whether later rows may have new columns: any line may."""
        return True

    def read(self, passthrough: PassthroughCheck | None = None) -> RowBlock | None:
        """Return the next block, None at the end; a block that passes *passthrough* is not decoded.

        Raises:
            RefusedError: In the first call only: unknown encoding, empty file, or one JSON document over several lines.
            RunFailedError: The input is damaged after the rows read so far.
        """
        lines = [] if self._failure else self._take()
        if lines:
            return self._passthrough_block(lines, passthrough) or self._block(lines)
        if self._failure:
            raise self._failure
        return None

    def _take(self) -> list[JsonLine]:
        lines: list[JsonLine] = []
        try:
            for line in islice(self._lines, self._block_rows):
                lines.append(line)  # noqa: PERF402  lines read before a failure must stay
        except BulkZohoError as error:
            self._failure = error
        return lines

    def _passthrough_block(self, lines: Sequence[JsonLine], passthrough: PassthroughCheck | None) -> RowBlock | None:
        if passthrough is None or passthrough.header != self._header.columns or not {bytes}.issuperset(map(type, lines)):
            return None
        texts = cast("Sequence[bytes]", lines)
        block = passthrough(texts)
        if block is None:
            return None
        first = self._number + 1
        self._number += len(lines)
        rows = LazyJsonRows(texts, self._header.columns)
        return RowBlock(header=self._header.columns, rows=rows, numbers=range(first, first + len(lines)), passthrough=block)

    def _block(self, lines: Sequence[JsonLine]) -> RowBlock:
        first = self._number + 1
        self._number += len(lines)
        objects = None if may_hold_nul(lines) else objects_of(lines)
        numbers: Sequence[int] = range(first, first + len(lines))
        unreadable: list[MalformedRow] = []
        if objects is None:
            objects, numbers, unreadable = self._decode_each(lines, first)
        rows = self._header.rows_of(objects)
        return RowBlock(header=self._header.columns, rows=rows, numbers=numbers, unreadable=tuple(unreadable))

    def _decode_each(self, lines: Sequence[JsonLine], first: int) -> tuple[list[dict[str, Any]], list[int], list[MalformedRow]]:
        objects: list[dict[str, Any]] = []
        numbers: list[int] = []
        unreadable: list[MalformedRow] = []
        for number, line in enumerate(lines, start=first):
            try:
                values = object_of(line, encoding=self._encoding)
                refuse_nul(line)
                objects.append(values)
                numbers.append(number)
            except BadLineError as error:
                unreadable.append(MalformedRow(number=number, code=error.code, message=error.message, raw=error.raw))
        return objects, numbers, unreadable
