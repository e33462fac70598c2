"""Make a Parquet file of the JSON Lines of an export's strands.

The strands are read again rather than written as Parquet, whose end can only be written once: a killed export then goes on like
any other, and the same strands give the same file.
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

GROUP_BYTES: Final = 8 << 20  # of a row group in memory; writing one takes some times as much
GROUP_ROWS: Final = 100_000
PIECE_BYTES: Final = 1 << 18  # of JSON Lines made into objects at a time, which take ten times as much
_TEXTS: Final = frozenset({str, type(None)})
_DECODE: Final = json.JSONDecoder(parse_float=ExactNumber).decode  # numbers keep their digits


class TypeMismatchError(Exception):
    """A column holds a value that its type does not."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


def refuse_missing_pyarrow() -> None:
    """See before anything is done that Parquet can be read and written.

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
    """Write the records of *parts* to *path*; give the columns that are text because a value would not fit their type.

    Memory is bounded by one row group, whatever the number of records.

    Raises:
        OSError: Disk full and the like.
    """
    types = {one.api_name: type_of(one) for one in columns}
    as_text: list[str] = []
    while True:
        try:
            _write(path, types, parts)
        except TypeMismatchError as misfit:  # at any row: begun again, so that a column is of one type
            if misfit.column in as_text:
                raise
            as_text.append(misfit.column)
            types[misfit.column] = TEXT
        else:
            return tuple(as_text)


def _write(path: Path, types: Mapping[str, ParquetType], parts: Sequence[Part]) -> None:
    import pyarrow as pa  # noqa: PLC0415  see above
    from pyarrow import parquet  # noqa: PLC0415  likewise

    schema = pa.schema([(name, one.arrow()) for name, one in types.items()])
    with create_private(path) as file, parquet.ParquetWriter(file, schema) as writer:
        group: list[pa.RecordBatch] = []
        for records in _records(parts):
            group.append(pa.record_batch([_array(name, one, records) for name, one in types.items()], schema=schema))
            full = sum(one.nbytes for one in group) >= GROUP_BYTES
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
        values = [one[name] for one in records]
        if kind is not TEXT or not _TEXTS.issuperset(map(type, values)):
            values = [None if value is None else kind.convert(value) for value in values]
        return pa.array(values, kind.arrow())
    except (ValueError, TypeError, ArithmeticError) as error:  # pyarrow's own are among them
        raise TypeMismatchError(name) from error


def _records(parts: Sequence[Part]) -> Iterator[list[dict[str, Any]]]:
    """Give the records of *parts*, as many at a time as a read holds."""
    rest = b""
    for chunk in chunks_of(parts, PIECE_BYTES):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        if lines:
            yield [_DECODE(line.decode()) for line in lines]
