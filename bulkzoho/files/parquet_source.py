"""Rows out of a Parquet file, block by block, values as typed: what is null there clears a field, as null in JSON Lines does.

The format is read from its end, so that it takes a file that can be sought in; the bytes are read along with the rows all the
same, for the digest by which the input is known again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bulkzoho.core.digits import Digits
from bulkzoho.errors import BulkZohoError, RefusedError, RunFailedError
from bulkzoho.files.parquet_writer import refuse_missing_pyarrow
from bulkzoho.files.raw import Chunks
from bulkzoho.model.rows import Block, Cell
from bulkzoho.ports import Gate

if TYPE_CHECKING:  # an optional extra, loaded only for a file that needs it
    import pyarrow as pa

__all__ = ["MAGIC", "ParquetRows"]

MAGIC: Final = b"PAR1"  # the first and the last bytes of a file; parquet.apache.org, "File Format"
BATCH_ROWS: Final = 1_000  # rows made into values at a time


class ParquetRows:
    """The rows of one Parquet file; making it reads the schema.

    Args:
        chunks: The raw content.
        path: The file that it comes from.
        name: What messages call it.
        block_rows: Rows a block at most.

    Raises:
        RefusedError: pyarrow is not installed, the file is compressed by another tool, is no Parquet, or a column's type has no
            place in a record.
    """

    def __init__(self, chunks: Chunks, *, path: str, name: str, block_rows: int = 100) -> None:
        refuse_missing_pyarrow()
        first = next(chunks, b"")
        self._chunks = chain([first], chunks)
        self._begins_well = first.startswith(MAGIC)
        self._path = path
        self._name = name
        self._block_rows = block_rows
        self._number = 0  # of the last row given
        self._failure: RunFailedError | None = None
        self.header: tuple[str, ...] = ()
        self._rows = self._read()
        next(self._rows)  # the header; what is wrong with the file is met here

    @property
    def growing(self) -> bool:
        """Whether later rows may bring new columns: never."""
        return False

    def read(self, gate: Gate | None = None) -> Block | None:
        """Give the next block, None at the end.

        Raises:
            RunFailedError: The file is damaged from here on.
        """
        del gate
        rows = self._take()
        if not rows:
            if self._failure:
                raise self._failure
            return None
        first, self._number = self._number + 1, self._number + len(rows)
        return Block(header=self.header, rows=rows, numbers=range(first, self._number + 1))

    def _take(self) -> list[Sequence[Cell]]:
        rows: list[Sequence[Cell]] = []
        try:
            for row in islice(self._rows, self._block_rows):
                rows.append(row)  # noqa: PERF402  what was read before a failure must stay
        except RunFailedError as error:
            self._failure = error
        return rows

    def _read(self) -> Iterator[Sequence[Cell]]:
        """Give the header first, and then the rows."""
        import pyarrow as pa  # noqa: PLC0415  see above
        from pyarrow import parquet  # noqa: PLC0415  likewise

        with Path(self._path).open("rb") as file:
            if self._begins_well and file.read(len(MAGIC)) != MAGIC:
                raise RefusedError(
                    f"{self._name}: is Parquet inside another compression, which cannot be read.",
                    hint="Unpack it first.",
                    code="NOT_A_FILE",
                )
            try:
                with parquet.ParquetFile(file, buffer_size=1 << 20) as opened:
                    self.header = _header(opened.schema_arrow, self._name)
                    yield self.header
                    converters = [_converter(one.type, one.name, self._name) for one in opened.schema_arrow]
                    total, given, read = max(1, opened.metadata.num_rows), 0, 0
                    size = file.seek(0, 2)
                    for batch in opened.iter_batches(BATCH_ROWS, use_threads=False):
                        yield from zip(*(read_(one) for read_, one in zip(converters, batch.columns, strict=True)), strict=True)
                        given += len(batch)
                        while read < size * given // total and (chunk := next(self._chunks, b"")):
                            read += len(chunk)
            except (pa.ArrowException, OSError) as error:
                raise self._damaged(error) from error
        for _ in self._chunks:
            pass  # to the end, so that all of it is digested

    def _damaged(self, error: Exception) -> BulkZohoError:
        why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        if not self.header:
            return RefusedError(
                f"{self._name}: is no Parquet that can be read ({why}).", hint="Make it anew.", code="INPUT_DAMAGED"
            )
        return RunFailedError(
            f"{self._name}: its data are damaged ({why}); the rows before the damage were read.",
            hint="Get the file again.",
            code="INPUT_DAMAGED",
        )


def _header(schema: pa.Schema, name: str) -> tuple[str, ...]:
    names = tuple(schema.names)
    if not names or len({*names}) < len(names):
        raise RefusedError(f"{name}: has no columns, or two of one name.", hint="Name each column once.", code="DUPLICATE_COLUMN")
    return names


def _converter(kind: pa.DataType, column: str, name: str) -> Callable[[pa.Array], Sequence[Cell]]:
    """Give what makes the cells of a column: JSON values, numbers with their own digits.

    Raises:
        RefusedError: Such values have no place in a record.
    """
    import pyarrow as pa  # noqa: PLC0415  see above

    types = pa.types
    if types.is_dictionary(kind):
        plain = _converter(kind.value_type, column, name)
        return lambda cells: plain(cells.dictionary_decode())
    if (
        types.is_boolean(kind)
        or types.is_integer(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_null(kind)
    ):
        return lambda cells: cells.to_pylist()
    if types.is_timestamp(kind):  # to the microsecond: what is finer has no place in the CRM, nor in Python
        micro = pa.timestamp("us", tz=kind.tz)
        return lambda cells: [_plain(one) for one in cells.cast(micro, safe=False).to_pylist()]
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind) or types.is_duration(kind):
        raise RefusedError(
            f"{name}: column {column!r} holds {kind}, which no field takes.",
            hint="Leave it out, or make it text.",
            code="BAD_COLUMN",
        )
    return lambda cells: [_plain(one) for one in cells.to_pylist()]


def _plain(value: Any) -> Cell:
    """Give *value* as JSON holds it; what is not known in a struct is left out, as the API leaves it out."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)  # refused as no number, in its own row
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            return _digits(value)
        case datetime() | date() | time():
            return value.isoformat()
        case list():
            return [_plain(one) for one in value]
    return {key: _plain(one) for key, one in value.items() if one is not None} if isinstance(value, dict) else str(value)


def _digits(value: Decimal) -> Cell:
    """Give a decimal without the zeros that only its type put there."""
    text = f"{value:f}"
    return Digits(text.rstrip("0").rstrip(".") if "." in text else text)
