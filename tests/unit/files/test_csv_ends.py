"""Where a CSV ends: after its last row, or within a quote that nobody closes."""

from __future__ import annotations

import pytest

from bulkzoho.errors import RunFailedError
from bulkzoho.files.csv_source import CsvRows


@pytest.mark.parametrize("block_rows", [1, 2, 100])
@pytest.mark.parametrize("head", ["A\n1\n", "A,B\n1,2\n"])
@pytest.mark.parametrize("tail", ['"', '"\n', '"""', '"x""', '"x\n'])
def test_a_last_line_that_opens_a_quote_does_not_vanish(head: str, tail: str, block_rows: int) -> None:
    source = CsvRows(iter([(head + tail).encode()]), name="leads.csv", block_rows=block_rows)

    block = source.read()
    with pytest.raises(RunFailedError, match="row 2: a quote opens and is never closed") as caught:
        source.read()

    assert block is not None
    assert len(block.rows) == 1
    assert caught.value.code == "UNCLOSED_QUOTE"


def test_a_last_line_that_closes_a_quote_ends_its_row() -> None:
    source = CsvRows(iter([b'A\n"1\n"']), name="leads.csv")

    block = source.read()

    assert block is not None
    assert list(block.rows) == [["1\n"]]
    assert source.read() is None
