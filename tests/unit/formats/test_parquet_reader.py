"""Parquet files are written from partitions and read back."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.settings import InputSettings
from bulkzoho.domain.transform.exact_json import ExactNumber, encode_json
from bulkzoho.errors import RefusedError, RunFailedError
from bulkzoho.formats.detect import open_source
from bulkzoho.formats.parquet_writer import refuse_missing_pyarrow, write_parquet
from bulkzoho.formats.part_joiner import Part

TYPES = {
    "id": "id",
    "Name": "text",
    "Amount": "currency",
    "Count": "integer",
    "Big": "bigint",
    "Open": "boolean",
    "Day": "date",
    "Moment": "datetime",
    "Tags": "multiselectpicklist",
    "Account": "lookup",
    "Files": "fileupload",
}
COLUMNS = [FieldMetadata(api_name=name, label=name, data_type=kind, json_type="string") for name, kind in TYPES.items()]
RECORD = {
    "id": "5725767000003000001",
    "Name": "",
    "Amount": ExactNumber("12.50"),
    "Count": 3,
    "Big": "123456789012345678",
    "Open": False,
    "Day": "2020-02-29",
    "Moment": "2026-02-01T10:00:00+01:00",
    "Tags": ["a;b", "c"],
    "Account": {"id": "42", "name": "Acme"},
    "Files": [{"File_Id__s": "x"}],
}
EMPTY = {**dict.fromkeys(TYPES), "id": "2"}


def _part(folder: Path, *records: Mapping[str, Any]) -> Part:
    path = folder / f"partition-{len([*folder.iterdir()])}"
    path.write_bytes(b"".join(encode_json(record) + b"\n" for record in records))
    return path, path.stat().st_size


def _read(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with closing(open_source(str(path), InputSettings(), block_rows=2)) as source:
        while (block := source.read()) is not None:
            found += [dict(zip(block.header, row, strict=True)) for row in block.rows]
    return found


def test_each_field_has_the_type_that_holds_its_values(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"

    as_text = write_parquet(path, COLUMNS, [_part(tmp_path, RECORD), _part(tmp_path, EMPTY)])

    assert as_text == ()
    assert {field.name: str(field.type).replace("element", "item") for field in parquet.read_schema(path)} == {
        "id": "string",
        "Name": "string",
        "Amount": "decimal128(38, 9)",
        "Count": "int64",
        "Big": "int64",
        "Open": "bool",
        "Day": "date32[day]",
        "Moment": "timestamp[us, tz=UTC]",
        "Tags": "list<item: string>",
        "Account": "struct<id: string, name: string>",
        "Files": "string",
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_written_values_are_read_back_with_null_distinct_from_empty(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    write_parquet(path, COLUMNS, [_part(tmp_path, RECORD, EMPTY, EMPTY)])

    first, *others = _read(path)

    assert first == {
        **RECORD,
        "Amount": "12.5",
        "Big": 123456789012345678,
        "Moment": "2026-02-01T09:00:00+00:00",
        "Files": '[{"File_Id__s":"x"}]',
    }
    assert type(first["Amount"]) is ExactNumber
    assert others == [EMPTY, EMPTY]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Amount", ExactNumber("0.0000000001"), "0.0000000001"),
        ("Count", 2**63, str(2**63)),
        ("Count", ExactNumber("1.5"), "1.5"),
        ("Open", "perhaps", "perhaps"),
        ("Day", "20200229", "20200229"),
        ("Moment", "2026-02-01T10:00:00", "2026-02-01T10:00:00"),
        ("Tags", "a", "a"),
        ("Account", {"id": "42", "number": 1}, '{"id":"42","number":1}'),
    ],
)
def test_a_column_with_a_value_that_does_not_fit_is_text(tmp_path: Path, name: str, value: Any, text: str) -> None:
    path = tmp_path / "out.parquet"

    as_text = write_parquet(path, COLUMNS, [_part(tmp_path, EMPTY, {**RECORD, name: value})])

    assert as_text == (name,)
    assert _read(path)[1][name] == text


def test_the_same_partitions_give_the_same_bytes(tmp_path: Path) -> None:
    parts = [_part(tmp_path, *[RECORD] * 50), _part(tmp_path, EMPTY)]

    write_parquet(tmp_path / "one", COLUMNS, parts)
    write_parquet(tmp_path / "two", COLUMNS, parts)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_parquet_file_of_another_tool_is_read(tmp_path: Path) -> None:
    table = pa.table(
        {
            "Text": pa.array(["a", "b"]).dictionary_encode(),
            "Real": pa.array([0.5, None]),
            "Moment": pa.array([1_000_000_000_000_000_001, None], pa.timestamp("ns")),
        }
    )
    parquet.write_table(table, tmp_path / "other")

    assert _read(tmp_path / "other") == [
        {"Text": "a", "Real": 0.5, "Moment": "2001-09-09T01:46:40"},
        {"Text": "b", "Real": None, "Moment": None},
    ]


def test_numbers_of_single_precision_keep_their_shortest_digits(tmp_path: Path) -> None:
    table = pa.table({"Rate": pa.array([0.1, None, 1e20, 5.0], pa.float32())})
    parquet.write_table(table, tmp_path / "singles")

    assert [row["Rate"] for row in _read(tmp_path / "singles")] == ["0.1", None, "1e+20", "5"]


def _texts_as_bytes(*raws: bytes) -> pa.Array:
    """Return a column of text that holds *raws*, valid UTF-8 or not: a writer of another tool may not look."""
    binary = pa.array(raws, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(raws), binary.buffers())


@pytest.mark.parametrize(
    ("cells", "code", "message"),
    [
        (pa.array([1.0, float("nan"), 2.0]), "BAD_VALUE", "nan is not a value. Write null to clear the field"),
        (pa.array([1.0, float("-inf"), 2.0], pa.float32()), "BAD_VALUE", "-inf is not a value"),
        (pa.array([[1.0], [None, float("inf")], []]), "BAD_VALUE", "inf is not a value"),
        (pa.array([{"a": 1.0}, {"a": float("nan")}, None]), "BAD_VALUE", "nan is not a value"),
        (pa.array([{}, {"a": b"y"}, None], pa.struct({"a": pa.binary()})), "BAD_VALUE", "a value of type bytes cannot be sent"),
        (pa.array(["x", "a\0b", None]), "BAD_ENCODING", "the text contains a NUL character"),
        (pa.array(["x", "\0", "x"]).dictionary_encode(), "BAD_ENCODING", "the text contains a NUL character"),
        (pa.array([["x"], ["\0"], None]), "BAD_ENCODING", "the text contains a NUL character"),
        (_texts_as_bytes(b"x", b"Jos\xe9", b"y"), "BAD_ENCODING", "the text is not valid UTF-8"),
    ],
)
def test_an_invalid_value_rejects_its_row_only_and_never_becomes_null(
    tmp_path: Path, cells: pa.Array, code: str, message: str
) -> None:
    parquet.write_table(pa.table({"Last_Name": ["a", "b", "c"], "Rate": cells}), tmp_path / "bad.parquet")
    source = open_source(str(tmp_path / "bad.parquet"), InputSettings())
    with closing(source):
        block = source.read()

    assert block is not None
    [bad] = block.unreadable
    assert (bad.number, bad.code) == (2, code)
    assert bad.message.startswith(f'column "Rate": {message}')
    assert bad.raw.startswith('{"Last_Name":"b","Rate":')
    assert [(number, row[0]) for number, row in zip(block.numbers, block.rows, strict=True)] == [(1, "a"), (3, "c")]


def test_a_column_that_no_field_takes_is_refused_before_the_first_row(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"Photo": pa.array([b"x"])}), tmp_path / "binary.parquet")
    (tmp_path / "text.parquet").write_bytes(b"Last_Name\nSmith\n")

    with pytest.raises(RefusedError, match="'Photo' holds binary"):
        _read(tmp_path / "binary.parquet")
    with pytest.raises(RefusedError, match="is not a readable Parquet file"):
        _read(tmp_path / "text.parquet")


def test_rows_before_damage_are_read(tmp_path: Path) -> None:
    path = tmp_path / "cut.parquet"
    table = pa.table({"Name": [f"{n:0100}" for n in range(4_000)]})
    parquet.write_table(table, path, row_group_size=2_000, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[300_000:310_000] = b"\xff" * 10_000
    path.write_bytes(content)
    source = open_source(str(path), InputSettings(), block_rows=1_500)

    rows = 0
    with pytest.raises(RunFailedError, match="damaged"):  # noqa: PT012  the rows before it count
        while (block := source.read()) is not None:
            rows += len(block.rows)
    source.close()

    assert rows >= 2_000


def test_parquet_without_the_extra_is_refused_with_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    with pytest.raises(RefusedError) as refused:
        refuse_missing_pyarrow()

    assert refused.value.hint == "Install it: pip install 'bulkzoho[parquet]'"
