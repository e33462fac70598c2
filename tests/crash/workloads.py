"""Workloads of the crash tests: files to import and the exact expected records, results and rejected rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .invariants import RunState

__all__ = ["WORKLOADS", "Crm", "Record", "Workload", "check_end", "fix_rejected_rows", "mostly_invalid_rows"]

Record = Mapping[str, Any]
VALID_ROWS = 10  # valid rows at the start
BLANK_EVERY = 20  # one row in so many has no key
INVALID_EVERY = 25  # one row in so many is invalid, for each kind of error


class Crm(Protocol):
    """A sandbox in this or another process."""

    def add(self, crm_module: str, records: Iterable[Record]) -> list[str]:
        """Insert records and return their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One file, the operation and the expected result."""

    name: str
    options: tuple[str, ...]  #: options of the import command
    text: str
    expected_records: Mapping[int, Record]  #: row -> values of its record if this row wrote it last
    expected_codes: Mapping[int, str]  #: row -> expected rejection code
    expected_texts: Mapping[int, str] = field(
        default_factory=dict
    )  #: rejected row -> text that its line in the dead-letter file must contain
    key: str | None = None  #: rows with equal values of this field are one record
    existing_ids: frozenset[str] = frozenset()  #: ids of existing records
    new_records: int = 0  #: number of new records
    deletes: bool = False

    @property
    def rows(self) -> int:
        """Number of rows in the file."""
        return len(self.expected_records) + len(self.expected_codes)


def check_end(workload: Workload, state: RunState, records: Sequence[Record]) -> None:
    """Check that a completed run and the CRM match the expected result.

    Raises:
        AssertionError: They differ.
    """
    assert state.done, f"not done: {state.status}, {len(state.in_doubt)} in doubt, {state.unsent} unsent"
    assert state.complete
    assert state.read == workload.rows, f"{state.read} rows read of {workload.rows}"
    assert state.beyond == dict.fromkeys(state.beyond, 0), f"lines that the journal does not record: {state.beyond}"
    _check_dead_letters(workload, state)
    ids = {line["row"]: line["id"] for line in state.results}
    wrong = sorted(ids.keys() ^ workload.expected_records.keys())
    assert not wrong, f"accepted rows differ from the expected ones: rows {wrong[:10]}"
    records_by_id = {record["id"]: record for record in records}
    assert len(records_by_id) == len(records)
    if workload.deletes:
        assert records_by_id.keys() == workload.existing_ids - set(ids.values()), "deleted records and accepted rows differ"
        return
    _check_records(workload, ids, records_by_id)
    new = records_by_id.keys() - workload.existing_ids
    assert len(new) == workload.new_records, f"{len(new)} new records, {workload.new_records} expected: lost or duplicated"
    assert new <= set(ids.values()), "records without an accepted row"
    assert state.tally["created"] == workload.new_records, f"{state.tally}: expected {workload.new_records} created"


def _check_dead_letters(workload: Workload, state: RunState) -> None:
    codes = {line["row"]: line["code"] for line in state.dead_letters}
    wrong = {row: (codes.get(row), workload.expected_codes.get(row)) for row in codes.keys() | workload.expected_codes.keys()}
    wrong = {row: pair for row, pair in wrong.items() if pair[0] != pair[1]}
    assert not wrong, f"rejected rows (code, expected code): {dict(sorted(wrong.items())[:10])}"
    for line in state.dead_letters:
        mark = workload.expected_texts.get(line["row"], "")
        assert mark in json.dumps([line["record"], line.get("raw")]), f"the line of rejected row {line['row']} has another row"


def _check_records(workload: Workload, ids: Mapping[int, str], records_by_id: Mapping[str, Record]) -> None:
    last = {_record_key(workload, row): row for row in sorted(workload.expected_records)}
    owners: dict[object, str] = {}
    for row in sorted(workload.expected_records):
        owner = _record_key(workload, row)
        assert owners.setdefault(owner, ids[row]) == ids[row], f"row {row}: its record has two ids"
        record = records_by_id.get(ids[row])
        assert record is not None, f"row {row}: the CRM has no record {ids[row]}"
        if last[owner] == row:
            other = {
                name: (record.get(name), value)
                for name, value in workload.expected_records[row].items()
                if record.get(name) != value
            }
            assert not other, f"row {row}: record and expectation differ: {other}"
    assert len(set(owners.values())) == len(owners), "two rows have the same record"


def _record_key(workload: Workload, row: int) -> object:
    key = None if workload.key is None else workload.expected_records[row].get(workload.key)
    return ("row", row) if key is None else ("key", str(key).casefold())


# -- workloads --------------------------------------------------------------------------------------------------------------


def insert_with_unique_field(count: int, crm: Crm) -> Workload:
    """Insert rows with a unique field; five kinds of invalid rows, two of them duplicates rejected by the CRM."""
    taken = [n for n in range(1, count + 1) if n % INVALID_EVERY == 17]
    existing_ids = crm.add("Leads", [{"Last_Name": f"Old {n}", "External_Id": f"OLD-{n}"} for n in taken])
    rows, expected_codes = [], {}
    for n in range(1, count + 1):
        row: list[Any] = [f"Lead {n}", f"lead{n}@example.com", f"X-{n}", f"row-{n}", n]
        match n % INVALID_EVERY:
            case 7:
                row, expected_codes[n] = [*row, "too", "many"], "RAGGED_ROW"
            case 11:
                row[4], expected_codes[n] = "about 50", "INVALID_DATA"
            case 13:
                row[1], expected_codes[n] = "no-at-sign", "INVALID_DATA"
            case 17:
                row[2], expected_codes[n] = f"OLD-{n}", "DUPLICATE_DATA"
            case 19:
                row[2], expected_codes[n] = f"x-{n - 9}", "DUPLICATE_DATA"  # key of an earlier row, in another case
        rows.append(row)
    header = ["Last_Name", "Email", "External_Id", "Designation", "No_of_Employees"]
    return _inserts("insert", header, rows, expected_codes, existing_ids)


def insert_without_key(count: int, crm: Crm) -> Workload:
    """Insert rows without a key; some rows are identical."""
    del crm
    rows, expected_codes = [], {}
    for n in range(1, count + 1):
        row: list[Any] = [f"Lead {n}", f"row-{n}", n]
        if n % INVALID_EVERY == 11:
            row[2], expected_codes[n] = "about 50", "INVALID_DATA"
        elif n % 5 == 3:
            row = ["Twin", "twin", 2]
        rows.append(row)
    return _inserts("insert-keyless", ["Last_Name", "Designation", "No_of_Employees"], rows, expected_codes, [])


def upsert(count: int, crm: Crm) -> Workload:
    """Upsert by a unique field: existing records, new ones, blank keys, keys repeated in another case."""
    old = [n for n in range(1, count + 1) if n % 4 == 0]
    existing_ids = crm.add("Leads", [{"Last_Name": f"Old {n}", "External_Id": f"X-{n}"} for n in old])
    rows, expected_codes, expected_records = [], {}, {}
    for n in range(1, count + 1):
        again = n % 10 == 9 and n > 20
        key = "" if n % BLANK_EVERY == 5 else f"x-{n - 7}" if again else f"X-{n}"
        row: list[Any] = [f"Lead {n}", key, f"row-{n}", n]
        if n % INVALID_EVERY == 11:
            row[3], expected_codes[n] = "about 50", "INVALID_DATA"
        else:
            expected_records[n] = {
                "Last_Name": f"Lead {n}",
                "External_Id": key or None,
                "Designation": f"row-{n}",
                "No_of_Employees": n,
            }
        rows.append(row)
    keys = {str(values["External_Id"]).casefold() for values in expected_records.values() if values["External_Id"]}
    blank = sum(values["External_Id"] is None for values in expected_records.values())
    return Workload(
        name="upsert",
        options=("--operation", "upsert", "--match-on", "External_Id"),
        text=_csv(["Last_Name", "External_Id", "Designation", "No_of_Employees"], rows),
        expected_records=expected_records,
        expected_codes=expected_codes,
        expected_texts={n: f"row-{n}" for n in expected_codes},
        key="External_Id",
        existing_ids=frozenset(existing_ids),
        new_records=len(keys - {f"x-{n}" for n in old}) + blank,
    )


def update(count: int, crm: Crm) -> Workload:
    """Update by id: repeated ids, where the last row wins, and unknown ids."""
    ids = crm.add("Leads", [{"Last_Name": f"Old {n}"} for n in range(1, count + 1)])
    rows, expected_codes, expected_records = [], {}, {}
    for n in range(1, count + 1):
        row: list[Any] = [ids[n - 1 if n % 10 != 9 or n < 20 else n - 8], f"Lead {n}", f"row-{n}"]
        if n % INVALID_EVERY == 11:
            row[0], expected_codes[n] = str(int(ids[-1]) + 1_000_000 + n), "INVALID_DATA"
        else:
            expected_records[n] = {"id": row[0], "Last_Name": f"Lead {n}", "Designation": f"row-{n}"}
        rows.append(row)
    return Workload(
        name="update",
        options=("--operation", "update"),
        text=_csv(["id", "Last_Name", "Designation"], rows),
        expected_records=expected_records,
        expected_codes=expected_codes,
        expected_texts={n: f"row-{n}" for n in expected_codes},
        key="id",
        existing_ids=frozenset(ids),
    )


def delete(count: int, crm: Crm) -> Workload:
    """Delete by id; some ids are unknown."""
    ids = crm.add("Leads", [{"Last_Name": f"Old {n}"} for n in range(1, count + 1)])
    expected_codes = {n: "INVALID_DATA" for n in range(1, count + 1) if n % INVALID_EVERY == 11}
    named = {n: str(int(ids[-1]) + 1_000_000 + n) if n in expected_codes else ids[n - 1] for n in range(1, count + 1)}
    return Workload(
        name="delete",
        options=("--operation", "delete"),
        text=_csv(["id"], [[named[n]] for n in named]),
        expected_records={n: {"id": record_id} for n, record_id in named.items() if n not in expected_codes},
        expected_codes=expected_codes,
        expected_texts={n: named[n] for n in expected_codes},
        existing_ids=frozenset(ids),
        deletes=True,
    )


def mostly_invalid_rows(count: int) -> str:
    """Return a file in which all rows except the first ten are rejected, with a unique field."""
    rows = [[f"Lead {n}", f"X-{n}", f"row-{n}", n if n <= VALID_ROWS else f"about {n}"] for n in range(1, count + 1)]
    return _csv(["Last_Name", "External_Id", "Designation", "No_of_Employees"], rows)


def fix_rejected_rows(dead_letters: str, *, existing_ids: Iterable[str]) -> tuple[Workload, str]:
    """Fix nine of ten rejected rows; return the expected result of a replay and the fixed file."""
    expected_records, expected_codes, lines = {}, {}, []
    for text in dead_letters.splitlines():
        line = json.loads(text)
        row = line["row"]
        if row % 10:
            line["record"] = expected_records[row] = {**line["record"], "No_of_Employees": row}
        else:
            expected_codes[row] = "INVALID_DATA"
        lines.append(json.dumps(line))
    expected_texts = {row: f"row-{row}" for row in expected_codes}
    workload = Workload(
        name="replay",
        options=(),
        text="",
        expected_records=expected_records,
        expected_codes=expected_codes,
        expected_texts=expected_texts,
        existing_ids=frozenset(existing_ids),
        new_records=len(expected_records),
    )
    return workload, "".join(line + "\n" for line in lines)


WORKLOADS: Mapping[str, Callable[[int, Crm], Workload]] = {
    "insert": insert_with_unique_field,
    "insert-keyless": insert_without_key,
    "upsert": upsert,
    "update": update,
    "delete": delete,
}


def _inserts(
    name: str, header: Sequence[str], rows: Sequence[Sequence[Any]], expected_codes: Mapping[int, str], existing_ids: list[str]
) -> Workload:
    expected_records = {n: dict(zip(header, row, strict=True)) for n, row in enumerate(rows, 1) if n not in expected_codes}
    return Workload(
        name=name,
        options=("--operation", "insert"),
        text=_csv(header, rows),
        expected_records=expected_records,
        expected_codes=expected_codes,
        expected_texts={n: f"row-{n}" for n in expected_codes},
        existing_ids=frozenset(existing_ids),
        new_records=len(expected_records),
    )


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    written = io.StringIO(newline="")
    csv.writer(written).writerows([header, *rows])
    return written.getvalue()
