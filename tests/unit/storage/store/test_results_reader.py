"""Results read again: by line, and searched for ids."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulkzoho.formats.results_writer import JsonResultWriter
from bulkzoho.storage.store import results_reader as searched
from bulkzoho.storage.store.results_reader import ids_among, result_lines

IDS = st.sampled_from(["1", "12", "5725767000000000042", 'x"y', "é", "a\\b"])
SOURCES = st.sampled_from(["leads.csv", 'a","id":"12', '"id":"1"', "ö\\"])


@given(rows=st.lists(st.tuples(IDS, SOURCES), max_size=20), cut=st.integers(0, 40), piece=st.integers(1, 90))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_search_finds_the_ids_that_lines_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, str]], cut: int, piece: int
) -> None:
    """But for ids that JSON cannot hold as they are, which the CRM does not give."""
    path = tmp_path / "results.jsonl"
    written = [
        JsonResultWriter().encode(rows=[number], sources=source, ids=[one], actions="insert", cells=[])
        for number, (one, source) in enumerate(rows)
    ]
    path.write_bytes(b"".join(written)[: -cut or None])
    monkeypatch.setattr(searched, "PIECE_BYTES", piece)

    held = {line.id for line in result_lines(path)}

    for wanted in (held, held - {"12"}, {"1", "nowhere"}):
        assert ids_among(path, wanted) == {one for one in wanted & held if not {'"', "\\"} & {*one}}


def test_a_file_that_is_not_there_holds_no_ids(tmp_path: Path) -> None:
    assert ids_among(tmp_path / "none.jsonl", ["1"]) == set()
