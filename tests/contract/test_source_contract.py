"""The contract of Source, run on each implementation."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from bulkzoho.domain.model.dead_letter import DeadLetter
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Operation, RowBlock, Stage
from bulkzoho.domain.model.settings import InputSettings
from bulkzoho.formats.dead_letter.reader import open_dead_letters
from bulkzoho.formats.dead_letter.writer import CsvDeadLetterWriter, JsonDeadLetterWriter
from bulkzoho.formats.detect import open_source
from bulkzoho.formats.input_fingerprint import verify_prefix
from bulkzoho.interfaces import Source

ROWS = 25
BLOCK_ROWS = 10
CSV_TEXT = "Last_Name,Email\r\n" + "".join(f"Name {n},n{n}@example.com\r\n" for n in range(1, ROWS + 1))
JSON_TEXT = "".join(f'{{"Last_Name":"Name {n}","Email":"n{n}@example.com"}}\n' for n in range(1, ROWS + 1))

Opened = tuple[Source, Path]  #: with the file that its fingerprint describes


def _dead_letters() -> list[DeadLetter]:
    header = ("Last_Name", "Email")
    return [
        DeadLetter(
            run="earlier",
            source="leads.csv",
            row=n,
            crm_module="Leads",
            operation=Operation.INSERT,
            rejection=Rejection(code="INVALID_DATA", message="invalid data", stage=Stage.CRM),
            attempts=1,
            at="2026-11-24T10:15:03Z",
            record={"Last_Name": f"Name {n}", "Email": f"n{n}@example.com"},
            header=header,
            cells=(f"Name {n}", f"n{n}@example.com"),
        )
        for n in range(1, ROWS + 1)
    ]


def _open_csv(folder: Path) -> Opened:
    path = folder / "leads.csv"
    path.write_bytes(CSV_TEXT.encode())
    return open_source(str(path), InputSettings(), block_rows=BLOCK_ROWS), path


def _open_compressed_csv(folder: Path) -> Opened:
    path = folder / "leads.csv.gz"
    path.write_bytes(gzip.compress(CSV_TEXT.encode()))
    return open_source(str(path), InputSettings(), block_rows=BLOCK_ROWS), path


def _open_json_lines(folder: Path) -> Opened:
    path = folder / "leads.jsonl"
    path.write_bytes(JSON_TEXT.encode())
    return open_source(str(path), InputSettings(), block_rows=BLOCK_ROWS), path


def _open_parquet(folder: Path) -> Opened:
    path = folder / "leads.parquet"
    names = [f"Name {n}" for n in range(1, ROWS + 1)]
    parquet.write_table(pa.table({"Last_Name": names, "Email": [f"n{n}@example.com" for n in range(1, ROWS + 1)]}), path)
    return open_source(str(path), InputSettings(), block_rows=BLOCK_ROWS), path


def _open_standard_input(folder: Path) -> Opened:
    given = folder / "given.csv"
    given.write_bytes(CSV_TEXT.encode())
    spool = folder / "stdin-0"
    descriptor, kept = os.open(given, os.O_RDONLY), os.dup(0)
    os.dup2(descriptor, 0)
    os.close(descriptor)
    _RESTORE.append(kept)
    return open_source("-", InputSettings(), block_rows=BLOCK_ROWS, spool=str(spool)), spool


def _open_spool(folder: Path) -> Opened:
    source, spool = _open_standard_input(folder)
    _drain(source)
    source.close()
    return open_source(str(spool), InputSettings(), block_rows=BLOCK_ROWS), spool


def _open_json_dead_letters(folder: Path) -> Opened:
    path = folder / "dead-letter.jsonl"
    path.write_bytes(JsonDeadLetterWriter().encode(_dead_letters()))
    return open_dead_letters(str(path), InputSettings(), block_rows=BLOCK_ROWS), path


def _open_csv_dead_letters(folder: Path) -> Opened:
    path = folder / "dead-letter.csv"
    writer = CsvDeadLetterWriter()
    path.write_bytes(writer.head(("Last_Name", "Email")) + writer.encode(_dead_letters()))
    return open_dead_letters(str(path), InputSettings(), block_rows=BLOCK_ROWS), path


_RESTORE: list[int] = []  # descriptors of the real standard input


def _drain(source: Source) -> list[RowBlock]:
    blocks = []
    while (block := source.read()) is not None:
        blocks.append(block)
    return blocks


@pytest.fixture(
    params=[
        _open_csv,
        _open_compressed_csv,
        _open_json_lines,
        _open_parquet,
        _open_standard_input,
        _open_spool,
        _open_json_dead_letters,
        _open_csv_dead_letters,
    ]
)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    make: Callable[[Path], Opened] = request.param
    source, path = make(tmp_path)
    yield source, path
    source.close()
    while _RESTORE:
        kept = _RESTORE.pop()
        os.dup2(kept, 0)
        os.close(kept)


def test_a_source_gives_every_row_once_and_in_order(opened: Opened) -> None:
    source, _ = opened

    blocks = _drain(source)

    assert [number for block in blocks for number in block.numbers] == [*range(1, ROWS + 1)]
    assert [list(row) for block in blocks for row in block.rows] == [
        [f"Name {n}", f"n{n}@example.com"] for n in range(1, ROWS + 1)
    ]


def test_no_block_exceeds_the_block_size_and_its_sequences_are_parallel(opened: Opened) -> None:
    source, _ = opened

    for block in _drain(source):
        assert 0 < len(block.rows) <= BLOCK_ROWS
        assert len(block.rows) == len(block.numbers)
        assert block.header == ("Last_Name", "Email")
        assert block.origins is None or len(block.origins) == len(block.rows)


def test_a_source_stays_at_its_end(opened: Opened) -> None:
    source, _ = opened
    _drain(source)

    assert source.read() is None
    assert source.read() is None


def test_the_fingerprint_matches_the_bytes_read(opened: Opened) -> None:
    source, path = opened
    assert source.fingerprint().read_bytes == 0

    _drain(source)

    seen = source.fingerprint()
    assert seen.size == seen.read_bytes == path.stat().st_size
    assert verify_prefix(str(path), seen.read_bytes, seen.digest)


def test_a_closed_source_gives_no_rows_and_can_be_closed_again(opened: Opened) -> None:
    source, _ = opened
    source.read()

    source.close()
    source.close()

    assert source.read() is None
    assert source.fingerprint().read_bytes > 0
