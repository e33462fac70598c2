"""Read rows from a Parquet file, block by block, with typed values: null clears a field, as null in JSON Lines does.

The format is read from its end, so it needs a seekable file.  The bytes are also read in order, together with the rows, for the
digest that identifies the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bulkzoho.domain.model.rows import Cell, MalformedRow, RowBlock
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.domain.transform.value_faults import Fault
from bulkzoho.errors import BulkZohoError, RefusedError, RunFailedError
from bulkzoho.formats.parquet_values import column_decoder
from bulkzoho.formats.parquet_writer import refuse_missing_pyarrow
from bulkzoho.formats.raw_input import Chunks
from bulkzoho.interfaces import PassthroughCheck

if TYPE_CHECKING:  # an optional extra, loaded only for a file that needs it
    import pyarrow as pa

__all__ = ["MAGIC", "ParquetReader"]

MAGIC: Final = b"PAR1"  # the first and the last bytes of a file; parquet.apache.org, "File Format"
BATCH_ROWS: Final = 1_000  # rows decoded at a time


@dataclass(frozen=True, slots=True)
class _BadRow:
    """A row with an invalid value."""

    cells: Sequence[Cell]
    column: str
    fault: Fault


class ParquetReader:
    """The rows of one Parquet file; the constructor reads the schema.

    Args:
        chunks: The raw content.
        path: The file with this content.
        name: Name in messages.
        block_rows: Maximum rows per block.

    Raises:
        RefusedError: pyarrow is not installed, the file is compressed by another tool or is not Parquet, or no field takes the
            type of a column.
    """

    def __init__(self, chunks: Chunks, *, path: str, name: str, block_rows: int = 100) -> None:
        refuse_missing_pyarrow()
        first = next(chunks, b"")
        self._chunks = chain([first], chunks)
        self._begins_with_magic = first.startswith(MAGIC)
        self._path = path
        self._name = name
        self._block_rows = block_rows
        self._number = 0  # of the last row read
        self._failure: RunFailedError | None = None
        self.header: tuple[str, ...] = ()
        self._rows = self._read()
        next(self._rows)  # the header; an unreadable file raises here

    @property
    def expanding(self) -> bool:
        """Whether later rows may have new columns: never."""
        return False

    def read(self, passthrough: PassthroughCheck | None = None) -> RowBlock | None:
        """Return the next block, None at the end.

        Raises:
            RunFailedError: The file is damaged after the rows read so far.
        """
        del passthrough
        rows = self._take()
        if not rows:
            if self._failure:
                raise self._failure
            return None
        first, self._number = self._number + 1, self._number + len(rows)
        numbers: Sequence[int] = range(first, self._number + 1)
        good = [row for row in rows if not isinstance(row, _BadRow)]
        if len(good) == len(rows):
            return RowBlock(header=self.header, rows=good, numbers=numbers)
        unreadable = [self._unreadable(at, row) for at, row in zip(numbers, rows, strict=True) if isinstance(row, _BadRow)]
        numbers = [at for at, row in zip(numbers, rows, strict=True) if not isinstance(row, _BadRow)]
        return RowBlock(header=self.header, rows=good, numbers=numbers, unreadable=tuple(unreadable))

    def _unreadable(self, number: int, row: _BadRow) -> MalformedRow:
        fault = row.fault
        remedy = "Write null to clear the field, or leave the column out." if fault.is_missing else "Correct it in the file."
        return MalformedRow(
            number=number,
            code=fault.code,
            message=f'column "{row.column}": {fault.message}. {remedy}',
            raw=encode_json(dict(zip(self.header, row.cells, strict=True))).decode(),
        )

    def _take(self) -> list[Sequence[Cell] | _BadRow]:
        rows: list[Sequence[Cell] | _BadRow] = []
        try:
            for row in islice(self._rows, self._block_rows):
                rows.append(row)  # noqa: PERF402  rows read before a failure must stay
        except RunFailedError as error:
            self._failure = error
        return rows

    def _read(self) -> Iterator[Sequence[Cell] | _BadRow]:
        """Return the header first, and then the rows."""
        import pyarrow as pa  # noqa: PLC0415  see above
        from pyarrow import parquet  # noqa: PLC0415  likewise

        with Path(self._path).open("rb") as file:
            if self._begins_with_magic and file.read(len(MAGIC)) != MAGIC:
                raise RefusedError(
                    f"{self._name}: is Parquet inside another compression, which cannot be read.",
                    hint="Unpack it first.",
                    code="NOT_A_FILE",
                )
            try:
                with parquet.ParquetFile(file, buffer_size=1 << 20) as opened:
                    self.header = _header(opened.schema_arrow, self._name)
                    yield self.header
                    decoders = [column_decoder(field.type, field.name, self._name) for field in opened.schema_arrow]
                    total, given, read = max(1, opened.metadata.num_rows), 0, 0
                    size = file.seek(0, 2)
                    for batch in opened.iter_batches(BATCH_ROWS, use_threads=False):
                        columns = [decode(cells) for decode, cells in zip(decoders, batch.columns, strict=True)]
                        rows = zip(*(cells for cells, _ in columns), strict=True)
                        yield from _marked(rows, self.header, [faults for _, faults in columns])
                        given += len(batch)
                        while read < size * given // total and (chunk := next(self._chunks, b"")):
                            read += len(chunk)
            except (pa.ArrowException, OSError) as error:
                raise self._damaged(error) from error
        for _ in self._chunks:
            pass  # to the end, so that the whole content is digested

    def _damaged(self, error: Exception) -> BulkZohoError:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        if not self.header:
            return RefusedError(
                f"{self._name}: is not a readable Parquet file ({reason}).", hint="Write the file again.", code="INPUT_DAMAGED"
            )
        return RunFailedError(
            f"{self._name}: its data are damaged ({reason}); the rows before the damage were read.",
            hint="Get an undamaged copy of the file.",
            code="INPUT_DAMAGED",
        )


def _marked(
    rows: Iterator[Sequence[Cell]], header: Sequence[str], faults: Sequence[Mapping[int, Fault]]
) -> Iterator[Sequence[Cell] | _BadRow]:
    """Return *rows*; those with an invalid value as :class:`_BadRow`, for the first column with one."""
    if not any(faults):
        return rows
    first: dict[int, tuple[str, Fault]] = {}
    for column, of_column in zip(header, faults, strict=True):
        for index, fault in of_column.items():
            first.setdefault(index, (column, fault))
    return (_BadRow(row, *first[index]) if index in first else row for index, row in enumerate(rows))


def _header(schema: pa.Schema, name: str) -> tuple[str, ...]:
    names = tuple(schema.names)
    if not names or len({*names}) < len(names):
        raise RefusedError(
            f"{name}: has no columns, or two with the same name.", hint="Use each column name once.", code="DUPLICATE_COLUMN"
        )
    return names
