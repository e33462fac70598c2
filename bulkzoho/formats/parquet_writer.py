"""Convert the partition files of an export from JSON Lines to a Parquet file.

The partitions are not written as Parquet, because a Parquet file can be finished only once: this way a killed export resumes like
any other, and the same partitions make the same file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.errors import RefusedError
from bulkzoho.formats.parquet_types import TEXT, ParquetType, type_of
from bulkzoho.formats.part_joiner import Part, chunks_of
from bulkzoho.storage.files.atomic_write import create_private

if TYPE_CHECKING:  # an optional extra, loaded only for a file that needs it
    import pyarrow as pa

__all__ = ["refuse_missing_pyarrow", "write_parquet"]

GROUP_BYTES: Final = 8 << 20  # of a row group in memory; writing it takes several times as much
GROUP_ROWS: Final = 100_000
CHUNK_BYTES: Final = 1 << 18  # of JSON Lines parsed at a time; the objects take ten times as much
_TEXTS: Final = frozenset({str, type(None)})
_DECODE: Final = json.JSONDecoder(parse_float=ExactNumber).decode  # numbers keep their digits


class TypeMismatchError(Exception):
    """A column has a value that does not fit its type."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


def refuse_missing_pyarrow() -> None:
    """Check before anything is done that Parquet can be read and written.

    Raises:
        RefusedError: The extra for it is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401, PLC0415  an optional extra
    except ImportError as error:
        raise RefusedError(
            "Parquet needs an extra package.", hint="Install it: pip install 'bulkzoho[parquet]'", code="NO_PARQUET"
        ) from error


def write_parquet(path: Path, columns: Sequence[FieldMetadata], parts: Sequence[Part]) -> tuple[str, ...]:
    """Write the records of *parts* to *path*; return the columns written as text because a value does not fit their type.

    Memory is bounded by one row group, whatever the number of records.

    Raises:
        OSError: The disk is full, for example.
    """
    types = {column.api_name: type_of(column) for column in columns}
    as_text: list[str] = []
    while True:
        try:
            _write(path, types, parts)
        except TypeMismatchError as mismatch:  # start again, so that the whole column has one type
            if mismatch.column in as_text:
                raise
            as_text.append(mismatch.column)
            types[mismatch.column] = TEXT
        else:
            return tuple(as_text)


def _write(path: Path, types: Mapping[str, ParquetType], parts: Sequence[Part]) -> None:
    import pyarrow as pa  # noqa: PLC0415  see above
    from pyarrow import parquet  # noqa: PLC0415  likewise

    schema = pa.schema([(name, kind.arrow()) for name, kind in types.items()])
    with create_private(path) as file, parquet.ParquetWriter(file, schema) as writer:
        group: list[pa.RecordBatch] = []
        for records in _records(parts):
            group.append(pa.record_batch([_array(name, kind, records) for name, kind in types.items()], schema=schema))
            full = sum(batch.nbytes for batch in group) >= GROUP_BYTES
            if full or sum(map(len, group)) >= GROUP_ROWS:
                table = pa.Table.from_batches(group)
                writer.write_table(table, row_group_size=table.num_rows)
                group.clear()
        if group:
            table = pa.Table.from_batches(group)
            writer.write_table(table, row_group_size=table.num_rows)


def _array(name: str, kind: ParquetType, records: Sequence[Mapping[str, Any]]) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415  see above

    try:
        values = [record[name] for record in records]
        if kind is not TEXT or not _TEXTS.issuperset(map(type, values)):
            values = [None if value is None else kind.convert(value) for value in values]
        return pa.array(values, kind.arrow())
    except (ValueError, TypeError, ArithmeticError) as error:  # pyarrow's errors are subclasses
        raise TypeMismatchError(name) from error


def _records(parts: Sequence[Part]) -> Iterator[list[dict[str, Any]]]:
    """Read the records of *parts*, chunk by chunk."""
    rest = b""
    for chunk in chunks_of(parts, CHUNK_BYTES):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        if lines:
            yield [_DECODE(line.decode()) for line in lines]
