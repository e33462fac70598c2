"""Decoding of input files."""

from __future__ import annotations

from bulkzoho.formats.csv_reader import CsvReader


def test_half_of_a_surrogate_pair_rejects_its_row() -> None:
    block = CsvReader(iter([b"name\nAda\n+2AA-\nBob\n"]), name="leads.csv", encoding="utf-7").read()

    assert block is not None
    assert [(row.code, row.raw) for row in block.unreadable] == [("BAD_ENCODING", "\\ud800")]
    assert block.rows == [["Ada"], ["Bob"]]
