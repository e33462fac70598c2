"""Pages written as CSV and JSON Lines."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.export import ExportPage
from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.formats.record_writers import CsvRecordWriter, JsonRecordWriter

TYPES = {
    "id": "id",
    "Name": "text",
    "Amount": "currency",
    "Count": "integer",
    "Open": "boolean",
    "Tags": "multiselectpicklist",
    "Owner": "ownerlookup",
}
COLUMNS = [FieldMetadata(api_name=name, label=name, data_type=kind, json_type="string") for name, kind in TYPES.items()]
TEXTS = ["7", 'a "b", c\nd', "12.50", "3", "TRUE", "x;y", "zcrm_42"]
VALUES = {
    "id": "7",
    "Name": 'a "b", c\nd',
    "Amount": ExactNumber("12.50"),
    "Count": 3,
    "Open": True,
    "Tags": ["x", "y"],
    "Owner": {"id": "42", "name": "Ana"},
}

_CELL = st.text(st.sampled_from('ab,"\r\n;é \u2028'), max_size=4)


def _page(*rows: list[str]) -> ExportPage:
    return ExportPage(position={}, names=[*TYPES], rows=rows, as_text=True)


def _values(*records: dict[str, Any]) -> ExportPage:
    return ExportPage.from_records(records, position={}, done=True)


@given(rows=st.lists(st.tuples(st.sampled_from(["1", "2"]), _CELL, _CELL), min_size=1, max_size=5))
def test_csv_equals_that_of_the_standard_library(rows: list[tuple[str, str, str]]) -> None:
    writer = CsvRecordWriter(
        [FieldMetadata(api_name=name, label="", data_type="text", json_type="string") for name in ("id", "a", "b")]
    )
    expected = io.StringIO(newline="")
    csv.writer(expected).writerows([("id", "a", "b"), *rows])

    written = writer.head() + writer.encode(ExportPage(position={}, names=("id", "a", "b"), rows=rows, as_text=True))

    assert written == expected.getvalue().encode()


def test_bulk_read_texts_and_values_of_other_routes_make_the_same_csv() -> None:
    writer = CsvRecordWriter(COLUMNS)

    texts, values = writer.encode(_page(TEXTS)), writer.encode(_values(VALUES))

    assert texts == values == b'7,"a ""b"", c\nd",12.50,3,true,x;y,42\r\n'


def test_texts_of_a_bulk_read_become_values_in_json_lines() -> None:
    line = JsonRecordWriter(COLUMNS).encode(_page(TEXTS, ["8", "", "", "", "", "", ""]))

    first, second = line.splitlines()
    assert b'"Amount":12.50' in first
    assert json.loads(first) == {**VALUES, "Amount": 12.5, "Owner": {"id": "42"}}
    assert json.loads(second) == {**dict.fromkeys(TYPES), "id": "8"}


def test_an_empty_value_becomes_the_null_text() -> None:
    writer = CsvRecordWriter(COLUMNS[:3], null_text="NULL")

    texts, values = writer.encode(_page(["7", "", "1", "", "", "", ""])), writer.encode(_values({"id": "7", "Amount": 1}))

    assert texts == values == b"7,NULL,1\r\n"


def test_several_values_are_json_if_one_contains_a_semicolon() -> None:
    line = CsvRecordWriter([COLUMNS[0], COLUMNS[5]]).encode(_values({"id": "7", "Tags": ["a;b", "c"]}))

    assert next(csv.reader([line.decode()])) == ["7", '["a;b","c"]']


def test_records_with_different_fields_make_one_page() -> None:
    page = _values({"id": "1", "Name": "a"}, {"id": "2", "Amount": 3})

    assert (page.names, page.rows) == (("id", "Name", "Amount"), [["1", "a", None], ["2", None, 3]])
