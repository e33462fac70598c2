"""Dead-letter files are read back, edited or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.dead_letter import DeadLetter
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import ABSENT, Operation, RowBlock, RowOrigin, Stage
from bulkzoho.domain.model.settings import InputSettings
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.errors import RefusedError
from bulkzoho.formats.dead_letter.header import DeadLetterFileInfo, read_file_info
from bulkzoho.formats.dead_letter.reader import open_dead_letters
from bulkzoho.formats.dead_letter.writer import CsvDeadLetterWriter, JsonDeadLetterWriter

HEADER = ("Name", "City")


def letter(row: int, code: str = "INVALID_DATA", **given_facts: Any) -> DeadLetter:
    facts: dict[str, Any] = {
        "run": "r1",
        "source": "leads.csv",
        "row": row,
        "crm_module": "Leads",
        "operation": Operation.UPSERT,
        "rejection": Rejection(code=code, message="invalid data", stage=Stage.CRM),
        "attempts": 2,
        "at": "2026-11-24T10:15:03Z",
        "record": {"Last_Name": f"Name {row}"},
        "match_on": ("Email", "Phone"),
        "trigger": "workflow",
        "org": "123",
        "header": HEADER,
        "cells": (f"Name {row}", ""),
    }
    return DeadLetter(**{**facts, **given_facts})


def unreadable(row: int) -> DeadLetter:
    rejection = Rejection(code="RAGGED_ROW", message="has 1 cell", stage=Stage.READ)
    return letter(row, rejection=rejection, record=None, raw="only one", cells=(), org="")


def write_json(folder: Path, *letters: DeadLetter) -> Path:
    path = folder / "dead-letter.jsonl"
    path.write_bytes(JsonDeadLetterWriter().encode(letters))
    return path


def write_csv(folder: Path, *letters: DeadLetter) -> Path:
    path = folder / "dead-letter.csv"
    writer = CsvDeadLetterWriter()
    path.write_bytes(writer.head(HEADER) + writer.encode(letters))
    return path


def blocks_of(path: Path, *only_codes: str, block_rows: int = 100) -> list[RowBlock]:
    source = open_dead_letters(str(path), InputSettings(), only_codes=only_codes, block_rows=block_rows)
    blocks = []
    try:
        while (block := source.read()) is not None:
            blocks.append(block)
    finally:
        source.close()
    return blocks


def edit(path: Path, change: Any) -> None:
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    for line in lines:
        change(line)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def refused(path: Path) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        read_file_info(str(path))
    with pytest.raises(RefusedError):
        blocks_of(path)
    return caught.value


# -- rows ---------------------------------------------------------------------------------------------------------------


def test_rejected_rows_in_json_have_their_records_and_origins(tmp_path: Path) -> None:
    path = write_json(tmp_path, letter(7), letter(9, record={"Last_Name": "X", "Amount": ExactNumber("1.50")}))

    [block] = blocks_of(path)

    assert block.header == ("Last_Name", "Amount")
    assert [list(row) for row in block.rows] == [["Name 7", ABSENT], ["X", "1.50"]]
    assert isinstance(block.rows[1][1], ExactNumber)
    assert list(block.numbers) == [1, 2]
    assert block.origins == [
        RowOrigin(run="r1", source="leads.csv", row=7, attempts=2),
        RowOrigin(run="r1", source="leads.csv", row=9, attempts=2),
    ]


def test_rejected_rows_in_csv_have_the_columns_of_the_input(tmp_path: Path) -> None:
    path = write_csv(tmp_path, letter(7, cells=("Ann", "=1+1\n")), letter(9))

    [block] = blocks_of(path)

    assert block.header == HEADER
    assert block.rows == [["Ann", "=1+1\n"], ["Name 9", ""]]
    assert block.origins is not None
    assert [origin.row for origin in block.origins] == [7, 9]


def test_a_csv_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fixed.csv"
    text = (
        "bulkzoho_row;Name;BULKZOHO_RUN;City;bulkzoho_source;bulkzoho_attempts\r\n"
        "7;Ann;r1;Rome;leads.csv;\r\n;;;;;\r\n9;Bob;r1;;leads.csv;3\r\n"
    )
    path.write_bytes(text.encode("utf-8-sig"))

    [block] = blocks_of(path)

    assert block.header == HEADER
    assert block.rows == [["Ann", "Rome"], ["Bob", ""]]
    assert list(block.numbers) == [1, 2]
    assert block.origins is not None
    assert [(origin.row, origin.attempts) for origin in block.origins] == [(7, 0), (9, 3)]


@pytest.mark.parametrize("write", [write_json, write_csv])
@pytest.mark.parametrize("block_rows", [1, 2, 100])
def test_rows_with_selected_codes_are_numbered_without_gaps(tmp_path: Path, write: Any, block_rows: int) -> None:
    path = write(tmp_path, letter(1), letter(2, "DUPLICATE_DATA"), letter(3, "X"), letter(4, "DUPLICATE_DATA"))

    blocks = blocks_of(path, "DUPLICATE_DATA", "X", block_rows=block_rows)

    assert [number for block in blocks for number in block.numbers] == [1, 2, 3]
    assert [origin.row for block in blocks for origin in block.origins or ()] == [2, 3, 4]


@pytest.mark.parametrize("write", [write_json, write_csv])
def test_an_unreadable_row_that_was_not_fixed_is_unreadable_again(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path, letter(1), unreadable(2), letter(3))

    [block] = blocks_of(path)

    assert list(block.numbers) == [1, 3]
    [bad] = block.unreadable
    assert (bad.number, bad.code, bad.message, bad.raw) == (2, "RAGGED_ROW", "has 1 cell", "only one")
    assert bad.origin == RowOrigin(run="r1", source="leads.csv", row=2, attempts=2)


def test_an_unreadable_row_that_was_fixed_is_a_row(tmp_path: Path) -> None:
    json_path = write_json(tmp_path, unreadable(2))
    edit(json_path, lambda line: line.update(record={"Last_Name": "Fixed"}))
    csv_path = write_csv(tmp_path, unreadable(2))
    csv_path.write_bytes(csv_path.read_bytes().replace(b"\r\n,,r1", b"\r\nFixed,,r1"))

    assert list(blocks_of(json_path)[0].rows[0]) == ["Fixed"]
    assert blocks_of(csv_path)[0].rows == [["Fixed", ""]]


@pytest.mark.parametrize("write", [write_json, write_csv])
def test_an_empty_file_has_no_rows(tmp_path: Path, write: Any) -> None:
    assert blocks_of(write(tmp_path)) == []


@given(
    cells=st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=6),
            st.text('=+-@,;\r\n" ', max_size=6),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_rejected_rows_in_csv_are_read_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    path = write_csv(tmp_path_factory.mktemp("letters"), *(letter(n, cells=own) for n, own in enumerate(cells, start=1)))

    [block] = blocks_of(path)

    assert [tuple(row) for row in block.rows] == cells


# -- facts --------------------------------------------------------------------------------------------------------------


def test_a_json_file_has_the_settings_that_a_replay_inherits(tmp_path: Path) -> None:
    path = write_json(tmp_path, unreadable(1), letter(2), letter(3, run="r2"))

    assert read_file_info(str(path)) == DeadLetterFileInfo(
        run="r1",
        runs=("r1", "r2"),
        rows=3,
        crm_module="Leads",
        operation=Operation.UPSERT,
        match_on=("Email", "Phone"),
        trigger="workflow",
        org="123",
    )


def test_a_csv_file_names_only_its_runs(tmp_path: Path) -> None:
    path = write_csv(tmp_path, letter(1), letter(2, run="r2"))

    assert read_file_info(str(path)) == DeadLetterFileInfo(run="r1", runs=("r1", "r2"), rows=2)


@pytest.mark.parametrize("write", [write_json, write_csv])
def test_an_empty_file_has_no_runs(tmp_path: Path, write: Any) -> None:
    info = read_file_info(str(write(tmp_path)))

    assert (info.run, info.rows) == ("", 0)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"crm_module": "Contacts"}, "modules: Leads, Contacts"),
        ({"operation": Operation.INSERT}, "operations: upsert, insert"),
        ({"match_on": ()}, "--match-on fields: Email,Phone, none"),
        ({"trigger": "none"}, "automations"),
        ({"org": "9"}, "organizations"),
    ],
)
def test_rows_with_different_settings_are_refused(tmp_path: Path, other: dict[str, Any], what: str) -> None:
    path = write_json(tmp_path, letter(1), letter(2, **other))

    with pytest.raises(RefusedError, match=what) as caught:
        read_file_info(str(path))

    assert "Split the file" in caught.value.hint


# -- files that are none ------------------------------------------------------------------------------------------------


def test_rows_in_doubt_are_refused_with_the_command_to_resume(tmp_path: Path) -> None:
    path = tmp_path / "in-doubt.jsonl"
    path.write_text('{"v":1,"in_doubt":true,"run":"r1","source":"leads.csv","row":1}\n')

    assert "bulkzoho resume r1" in refused(path).hint


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda line: line.pop("run"), "has no run"),
        (lambda line: line.update(source=""), "has no source"),
        (lambda line: line.update(row="seven"), "row is not a number"),
        (lambda line: line.update(row=True), "row is not a number"),
        (lambda line: line.update(record=[1]), "record is not a JSON object"),
        (lambda line: line.update(match_on="Email"), "match_on is not a list"),
    ],
)
def test_a_line_that_is_not_a_rejected_row_is_refused_with_its_number(tmp_path: Path, change: Any, what: str) -> None:
    path = write_json(tmp_path, letter(1))
    edit(path, change)

    assert what in refused(path).message
    assert "rejected row 1" in refused(path).message


def test_a_line_that_is_no_longer_json_is_refused_with_its_number(tmp_path: Path) -> None:
    path = write_json(tmp_path, letter(1), letter(2))
    path.write_bytes(path.read_bytes() + b'{"run":\n')

    assert "dead-letter.jsonl, rejected row 3: the line is not JSON" in refused(path).message


@pytest.mark.parametrize("record", ['{"Last_Name":"a\\u0000"}', '{"Last_Name":["\\u0000"]}'])
def test_a_record_with_a_nul_character_is_refused_with_its_number(tmp_path: Path, record: str) -> None:
    path = write_json(tmp_path, letter(1), unreadable(2), letter(3))
    path.write_text(path.read_text().replace('"only one"', '"a\\u0000"'))

    assert read_file_info(str(path)).rows == 3  # the text of an unreadable row is not sent
    path.write_text(path.read_text().replace('{"Last_Name":"Name 3"}', record))
    assert "rejected row 3: the text contains a NUL character" in refused(path).message


def test_a_record_with_a_key_twice_is_refused_with_its_number(tmp_path: Path) -> None:
    path = write_json(tmp_path, letter(1), letter(2))
    path.write_text(path.read_text().replace('{"Last_Name":"Name 2"}', '{"Last_Name":"X","Last_Name":"Name 2"}'))

    assert 'rejected row 2: the key "Last_Name" appears twice' in refused(path).message


def test_a_csv_without_the_bulkzoho_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Name,City\nAnn,Rome\n")

    assert "it has no column bulkzoho_run" in refused(path).message


def test_a_ragged_line_is_refused_with_its_number(tmp_path: Path) -> None:
    path = write_csv(tmp_path, letter(1))
    path.write_bytes(path.read_bytes() + b"x,y\r\n")

    assert "rejected row 2: the row has 2 cells" in refused(path).message


def test_an_unknown_operation_is_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path, letter(1))
    edit(path, lambda line: line.update(operation="merge"))

    with pytest.raises(RefusedError, match="unknown operation 'merge'"):
        read_file_info(str(path))
