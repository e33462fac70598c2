"""Accepted rows are written one per line."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.rows import Action
from bulkzoho.formats.results_writer import CsvResultWriter, JsonResultWriter


def test_json_lines_have_no_header() -> None:
    assert JsonResultWriter().head(("a",)) == b""


def test_each_accepted_row_is_one_json_object() -> None:
    written = JsonResultWriter().encode(
        rows=range(1, 3), sources='le"ads.csv', ids=["5725", "5726"], actions=Action.INSERT, cells=[]
    )

    assert written == (
        b'{"row":1,"id":"5725","action":"insert","source":"le\\"ads.csv"}\n'
        b'{"row":2,"id":"5726","action":"insert","source":"le\\"ads.csv"}\n'
    )


@given(
    results=st.lists(
        st.tuples(st.integers(1, 10**9), st.text(max_size=4), st.sampled_from([*Action]), st.text(max_size=4)), max_size=5
    )
)
def test_results_are_valid_json_whatever_they_contain(results: list[tuple[int, str, Action, str]]) -> None:
    written = JsonResultWriter().encode(
        rows=[row for row, _, _, _ in results],
        ids=[record_id for _, record_id, _, _ in results],
        actions=[action for _, _, action, _ in results],
        sources=[source for _, _, _, source in results],
        cells=[()] * len(results),
    )

    lines = [json.loads(line) for line in written.splitlines()]
    assert [tuple(line) for line in lines] == [("row", "id", "action", "source")] * len(results)
    assert [tuple(line.values()) for line in lines] == results


@pytest.mark.parametrize("record_id", ['5"7', "5\\7", "5\n7", "é"])
def test_an_unusual_id_is_escaped(record_id: str) -> None:
    written = JsonResultWriter().encode(rows=[1], ids=[record_id], actions="insert", sources="x", cells=[])

    assert json.loads(written)["id"] == record_id


def test_a_result_in_csv_begins_with_the_columns_of_the_input() -> None:
    writer = CsvResultWriter()

    written = writer.head(("Name", "City")) + writer.encode(
        rows=[3, 5],
        sources="leads.csv",
        ids=["57", "58"],
        actions=[Action.INSERT, Action.UPDATE],
        cells=[("Ann", "a\rb"), ("Bob",)],
    )

    assert [*csv.reader(io.StringIO(written.decode(), newline=""))] == [
        ["Name", "City", "bulkzoho_row", "bulkzoho_id", "bulkzoho_action", "bulkzoho_source"],
        ["Ann", "a\rb", "3", "57", "insert", "leads.csv"],
        ["Bob", "", "5", "58", "update", "leads.csv"],
    ]
