"""Rejected rows are written with the promised keys and columns."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from bulkzoho.domain.model.dead_letter import DeadLetter
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import ABSENT, Operation, Stage
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.formats.dead_letter.writer import CsvDeadLetterWriter, JsonDeadLetterWriter

REJECTION = Rejection(code="INVALID_DATA", message="invalid data", stage=Stage.CRM, field="Email", details={"api_name": "Email"})


def letter(**given_facts: Any) -> DeadLetter:
    facts: dict[str, Any] = {
        "run": "20261124-101500-leads-7f3a",
        "source": "leads.csv",
        "row": 42,
        "crm_module": "Leads",
        "operation": Operation.UPSERT,
        "rejection": REJECTION,
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


def test_a_rejected_row_in_json_has_the_promised_keys_in_order() -> None:
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


def test_an_unreadable_row_has_its_line_and_no_record() -> None:
    line = JsonDeadLetterWriter().encode([letter(record=None, raw=r'Jos\xe9,"x"', cells=())])

    written = json.loads(line)
    assert written["record"] is None
    assert written["raw"] == r'Jos\xe9,"x"'


def test_json_lines_have_no_header() -> None:
    assert JsonDeadLetterWriter().head(("a",)) == b""


def test_a_rejected_row_in_csv_begins_with_the_unchanged_columns_of_the_input() -> None:
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


def test_cells_of_another_source_are_under_the_columns_of_their_names() -> None:
    writer = CsvDeadLetterWriter()
    writer.head(("Name", "Amount"))

    written = writer.encode([letter(header=("Amount", "Zip", "Name"), cells=("1", "2", "Ann"))])

    assert written.startswith(b"Ann,1,2026")


def test_an_unreadable_row_in_csv_leaves_the_columns_of_the_input_blank() -> None:
    writer = CsvDeadLetterWriter(("Name", "Amount"))

    written = writer.encode([letter(record=None, raw="a,b,c", cells=())])

    assert written.startswith(b",,2026")
    assert written.endswith(b',"a,b,c"\r\n')


def test_json_values_become_text_in_a_csv() -> None:
    writer = CsvDeadLetterWriter(("a", "b", "c", "d", "e", "f"))
    cells = (None, ABSENT, True, ExactNumber("1.50"), ["x", 1], 7)

    written = writer.encode([letter(header=("a", "b", "c", "d", "e", "f"), cells=cells)])

    assert next(csv.reader([written.decode()]))[:6] == ["", "", "true", "1.50", '["x",1]', "7"]
