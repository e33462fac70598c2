"""The demo's file and its comparison."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from bulkzoho.cli.demo_data import customers, differences, mend_letters, write_messy_file


def _stored(count: int) -> list[dict[str, Any]]:
    return [{"id": str(number), **row.record} for number, row in enumerate(customers(count))]


def test_the_file_has_a_row_a_customer_and_some_rows_are_ragged(tmp_path: Path) -> None:
    write_messy_file(tmp_path / "c.csv", customers(800))

    with (tmp_path / "c.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file, delimiter=";")
    assert len(rows) == 800
    assert sum(len(row) != len(header) for row in rows) == 4


def test_the_same_seed_gives_the_same_customers() -> None:
    assert list(customers(50)) == list(customers(50))


def test_what_agrees_has_no_differences() -> None:
    assert differences(list(customers(500)), iter(_stored(500))) == []


def test_a_value_that_differs_a_record_too_many_and_one_too_few_are_found() -> None:
    rows, stored = list(customers(3)), _stored(3)
    stored[0]["City"] = "Elsewhere"
    stored[1]["External_Id"] = "K-999999"

    found = differences(rows, iter(stored))

    assert found == ["record 0: City differs", "record 1: not in the file, or there twice", "customer K-000002: not in the CRM"]


def test_letters_are_mended_with_what_their_row_should_have_been(tmp_path: Path) -> None:
    rows = list(customers(40))
    (tmp_path / "d.jsonl").write_text(json.dumps({"row": 31, "code": "MANDATORY_NOT_FOUND", "record": {}}) + "\n")

    count = mend_letters(tmp_path / "d.jsonl", tmp_path / "m.jsonl", rows)

    mended = json.loads((tmp_path / "m.jsonl").read_text())
    assert (count, mended["record"], mended["row"]) == (1, rows[30].record, 31)
