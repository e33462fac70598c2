"""A CSV ends after its last row, or inside a quote that is never closed."""

from __future__ import annotations

import pytest

from bulkzoho.formats.csv_reader import CsvReader


@pytest.mark.parametrize("block_rows", [1, 2, 100])
@pytest.mark.parametrize("head", ["A\n1\n", "A,B\n1,2\n"])
@pytest.mark.parametrize("tail", ['"', '"\n', '"""', '"x""', '"x\n'])
def test_a_last_line_that_opens_a_quote_is_a_rejected_row(head: str, tail: str, block_rows: int) -> None:
    source = CsvReader(iter([(head + tail).encode()]), name="leads.csv", block_rows=block_rows)

    blocks = []
    while (block := source.read()) is not None:
        blocks.append(block)

    assert sum(len(block.rows) for block in blocks) == 1
    [bad] = [row for block in blocks for row in block.unreadable]
    assert (bad.number, bad.code, bad.raw) == (2, "BAD_QUOTE", tail.rstrip("\n"))
    assert "line 3, character 1: a quote opens a cell here, and no quote closes it" in bad.message


def test_a_last_line_that_closes_a_quote_ends_its_row() -> None:
    source = CsvReader(iter([b'A\n"1\n"']), name="leads.csv")

    block = source.read()

    assert block is not None
    assert list(block.rows) == [["1\n"]]
    assert source.read() is None
