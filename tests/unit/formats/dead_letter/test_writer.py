from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.dead_letter import DeadLetter
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import ABSENT, Action, Operation, Stage
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.formats.dead_letter.reader import columns_of
from bulkzoho.formats.dead_letter.writer import CsvDeadLetterWriter, CsvResultWriter, JsonDeadLetterWriter, JsonResultWriter

REFUSAL = Rejection(code="INVALID_DATA", message="invalid data", stage=Stage.CRM, field="Email", details={"api_name": "Email"})


def letter(**given_facts: Any) -> DeadLetter:
    facts: dict[str, Any] = {
        "run": "20261124-101500-leads-7f3a",
        "source": "leads.csv",
        "row": 42,
        "crm_module": "Leads",
        "operation": Operation.UPSERT,
        "rejection": REFUSAL,
        "attempts": 1,
        "at": "2026-11-24T10:15:03Z",
        "record": {"Last_Name": "Smith", "Amount": ExactNumber("12.50")},
        "match_on": ("Email",),
        "trigger": "none",
        "org": "123",
        "header": ("Name", "Amount"),
        "cells": ("Smith", "12.50"),
    }
    return DeadLetter(**{**facts, **given_facts})


# -- letters ------------------------------------------------------------------------------------------------------------


def test_a_json_letter_has_the_promised_keys_in_order() -> None:
    line = JsonDeadLetterWriter().encode([letter()])

    assert line.endswith(b"}\n")
    assert b'"Amount":12.50' in line
    assert list(json.loads(line).items()) == [
        ("v", 1),
        ("run", "20261124-101500-leads-7f3a"),
        ("source", "leads.csv"),
        ("row", 42),
        ("crm_module", "Leads"),
        ("operation", "upsert"),
        ("code", "INVALID_DATA"),
        ("field", "Email"),
        ("message", "invalid data"),
        ("details", {"api_name": "Email"}),
        ("stage", "crm"),
        ("attempts", 1),
        ("at", "2026-11-24T10:15:03Z"),
        ("record", {"Last_Name": "Smith", "Amount": 12.5}),
        ("match_on", ["Email"]),
        ("trigger", "none"),
        ("org", "123"),
    ]


def test_an_unreadable_row_carries_its_line_and_no_record() -> None:
    line = JsonDeadLetterWriter().encode([letter(record=None, raw=r'Jos\xe9,"x"', cells=())])

    written = json.loads(line)
    assert written["record"] is None
    assert written["raw"] == r'Jos\xe9,"x"'


def test_json_files_have_no_head() -> None:
    assert JsonDeadLetterWriter().head(("a",)) == JsonResultWriter().head(("a",)) == b""


def test_csv_letters_keep_the_inputs_columns_in_front_and_untouched() -> None:
    writer = CsvDeadLetterWriter()

    written = writer.head(("Name", "Amount")) + writer.encode([letter(cells=(" =1+1, \n", "-12.50"))])

    [head, row] = csv.reader(io.StringIO(written.decode(), newline=""))
    assert head == [
        "Name",
        "Amount",
        "bulkzoho_run",
        "bulkzoho_source",
        "bulkzoho_row",
        "bulkzoho_code",
        "bulkzoho_field",
        "bulkzoho_message",
        "bulkzoho_stage",
        "bulkzoho_attempts",
        "bulkzoho_at",
        "bulkzoho_raw",
    ]
    assert row[:2] == [" =1+1, \n", "-12.50"]
    assert row[2:] == [
        "20261124-101500-leads-7f3a",
        "leads.csv",
        "42",
        "INVALID_DATA",
        "Email",
        "invalid data",
        "crm",
        "1",
        "2026-11-24T10:15:03Z",
        "",
    ]


def test_csv_letters_of_another_source_stand_under_their_own_columns() -> None:
    writer = CsvDeadLetterWriter()
    writer.head(("Name", "Amount"))

    written = writer.encode([letter(header=("Amount", "Zip", "Name"), cells=("1", "2", "Ann"))])

    assert written.startswith(b"Ann,1,2026")


def test_csv_letters_of_unreadable_rows_leave_the_inputs_columns_blank() -> None:
    writer = CsvDeadLetterWriter(("Name", "Amount"))

    written = writer.encode([letter(record=None, raw="a,b,c", cells=())])

    assert written.startswith(b",,2026")
    assert written.endswith(b',"a,b,c"\r\n')


def test_json_values_become_text_in_a_csv() -> None:
    writer = CsvDeadLetterWriter(("a", "b", "c", "d", "e", "f"))
    cells = (None, ABSENT, True, ExactNumber("1.50"), ["x", 1], 7)

    written = writer.encode([letter(header=("a", "b", "c", "d", "e", "f"), cells=cells)])

    assert next(csv.reader([written.decode()]))[:6] == ["", "", "true", "1.50", '["x",1]', "7"]


def test_the_columns_of_a_file_to_be_continued_are_found_in_it(tmp_path: Path) -> None:
    path = tmp_path / "dead-letter.csv"
    path.write_bytes(CsvDeadLetterWriter().head(("Name", "E, Mail")))

    assert columns_of(path) == ("Name", "E, Mail")
    assert columns_of(tmp_path / "missing.csv") == ()


# -- results ------------------------------------------------------------------------------------------------------------


def test_results_are_one_json_object_a_row() -> None:
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
def test_results_are_json_whatever_is_in_them(results: list[tuple[int, str, Action, str]]) -> None:
    written = JsonResultWriter().encode(
        rows=[row for row, _, _, _ in results],
        ids=[one for _, one, _, _ in results],
        actions=[action for _, _, action, _ in results],
        sources=[source for _, _, _, source in results],
        cells=[()] * len(results),
    )

    lines = [json.loads(line) for line in written.splitlines()]
    assert [tuple(line) for line in lines] == [("row", "id", "action", "source")] * len(results)
    assert [tuple(line.values()) for line in lines] == results


@pytest.mark.parametrize("one", ['5"7', "5\\7", "5\n7", "é"])
def test_an_odd_id_is_escaped(one: str) -> None:
    written = JsonResultWriter().encode(rows=[1], ids=[one], actions="insert", sources="x", cells=[])

    assert json.loads(written)["id"] == one


def test_csv_results_keep_the_inputs_columns_in_front() -> None:
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
