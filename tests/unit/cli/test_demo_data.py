"""The demo's file and its comparison."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from bulkzoho.cli.demo_data import customers, differences, fix_rejected_rows, write_messy_file


def _stored(count: int) -> list[dict[str, Any]]:
    return [{"id": str(number), **row.record} for number, row in enumerate(customers(count))]


def test_the_file_has_one_row_per_customer_and_some_rows_with_a_wrong_number_of_cells(tmp_path: Path) -> None:
    write_messy_file(tmp_path / "c.csv", customers(800))

    with (tmp_path / "c.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file, delimiter=";")
    assert len(rows) == 800
    assert sum(len(row) != len(header) for row in rows) == 4


def test_the_same_seed_generates_the_same_customers() -> None:
    assert list(customers(50)) == list(customers(50))


def test_equal_records_have_no_differences() -> None:
    assert differences(list(customers(500)), iter(_stored(500))) == []


def test_different_extra_and_missing_records_are_found() -> None:
    rows, stored = list(customers(3)), _stored(3)
    stored[0]["City"] = "Elsewhere"
    stored[1]["External_Id"] = "K-999999"

    found = differences(rows, iter(stored))

    assert found == ["record 0: City differs", "record 1: not in the file, or a duplicate", "customer K-000002: not in the CRM"]


def test_rejected_rows_are_fixed_with_the_correct_record(tmp_path: Path) -> None:
    rows = list(customers(40))
    (tmp_path / "d.jsonl").write_text(json.dumps({"row": 31, "code": "MANDATORY_NOT_FOUND", "record": {}}) + "\n")

    count = fix_rejected_rows(tmp_path / "d.jsonl", tmp_path / "f.jsonl", rows)

    fixed = json.loads((tmp_path / "f.jsonl").read_text())
    assert (count, fixed["record"], fixed["row"]) == (1, rows[30].record, 31)
