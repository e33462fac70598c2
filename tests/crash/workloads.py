"""The inputs of the crash tests, and the exact CRM, results and dead-letter file that each must end with."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .invariants import AuditedRun

__all__ = ["LOADS", "Crm", "Load", "Record", "check_end", "fix_rows", "insert_spoilt"]

Record = Mapping[str, Any]
GOOD_FIRST = 10  # rows
BLANK_EVERY = 20  # rows: one without a key in so many
BAD_EVERY = 25  # rows: one of each kind of bad row in so many


class Crm(Protocol):
    """A sandbox, in this process or in its own."""

    def add(self, crm_module: str, records: Iterable[Record]) -> list[str]:
        """Add records; return their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One file, the operation, and the expected result."""

    name: str
    words: tuple[str, ...]  #: options of the import
    text: str
    good: Mapping[int, Record]  #: by row: the values of its record if the row was the last to write it
    bad: Mapping[int, str]  #: by row: the code of its rejection
    marks: Mapping[int, str] = field(default_factory=dict)  #: by bad row: a text that its rejected row must contain
    key: str | None = None  #: rows with one value of this field are one record
    before: frozenset[str] = frozenset()  #: ids of earlier records
    creates: int = 0  #: records that are new in the end
    deletes: bool = False

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return len(self.good) + len(self.bad)


def check_end(load: Load, audited: AuditedRun, records: Sequence[Record]) -> None:
    """Check that a finished run is exact, and that the CRM has exactly these records.

    Raises:
        AssertionError: Something differs; says what.
    """
    assert audited.done, f"not done: {audited.status}, {len(audited.in_doubt)} in doubt, {audited.unsent} unsent"
    assert audited.complete
    assert audited.read == load.rows, f"{audited.read} rows read of {load.rows}"
    assert audited.beyond == dict.fromkeys(audited.beyond, 0), f"lines that the journal does not know: {audited.beyond}"
    _check_letters(load, audited)
    ids = {line["row"]: line["id"] for line in audited.results}
    wrong = sorted(ids.keys() ^ load.good.keys())
    assert not wrong, f"accepted, but should not be, or the other way round: rows {wrong[:10]}"
    held = {record["id"]: record for record in records}
    assert len(held) == len(records)
    if load.deletes:
        assert held.keys() == load.before - set(ids.values()), "deleted records and accepted rows differ"
        return
    _check_records(load, ids, held)
    new = held.keys() - load.before
    assert len(new) == load.creates, f"{len(new)} new records, {load.creates} expected: lost or doubled"
    assert new <= set(ids.values()), "records that no accepted row has"
    assert audited.tally["created"] == load.creates, f"{audited.tally}: {load.creates} were created"


def _check_letters(load: Load, audited: AuditedRun) -> None:
    codes = {line["row"]: line["code"] for line in audited.letters}
    wrong = {row: (codes.get(row), load.bad.get(row)) for row in codes.keys() | load.bad.keys()}
    wrong = {row: pair for row, pair in wrong.items() if pair[0] != pair[1]}
    assert not wrong, f"rejected rows (code, expected code): {dict(sorted(wrong.items())[:10])}"
    for line in audited.letters:
        mark = load.marks.get(line["row"], "")
        assert mark in json.dumps([line["record"], line.get("raw")]), (
            f"rejected row {line['row']} holds the values of another row"
        )


def _check_records(load: Load, ids: Mapping[int, str], held: Mapping[str, Record]) -> None:
    last = {_record_of(load, row): row for row in sorted(load.good)}
    owners: dict[object, str] = {}
    for row in sorted(load.good):
        owner = _record_of(load, row)
        assert owners.setdefault(owner, ids[row]) == ids[row], f"row {row}: its record has two ids"
        record = held.get(ids[row])
        assert record is not None, f"row {row}: the CRM has no record {ids[row]}"
        if last[owner] == row:
            other = {name: (record.get(name), value) for name, value in load.good[row].items() if record.get(name) != value}
            assert not other, f"row {row}: held and expected differ: {other}"
    assert len(set(owners.values())) == len(owners), "two rows were given one record"


def _record_of(load: Load, row: int) -> object:
    key = None if load.key is None else load.good[row].get(load.key)
    return ("row", row) if key is None else ("key", str(key).casefold())


# -- the loads --------------------------------------------------------------------------------------------------------------


def insert_with_unique_field(count: int, crm: Crm) -> Load:
    """Insert rows with a unique field; five kinds of bad rows, two of them rejected by the CRM for keys that are taken."""
    taken = [n for n in range(1, count + 1) if n % BAD_EVERY == 17]
    before = crm.add("Leads", [{"Last_Name": f"Old {n}", "External_Id": f"OLD-{n}"} for n in taken])
    rows, bad = [], {}
    for n in range(1, count + 1):
        row: list[Any] = [f"Lead {n}", f"lead{n}@example.com", f"X-{n}", f"row-{n}", n]
        match n % BAD_EVERY:
            case 7:
                row, bad[n] = [*row, "too", "many"], "RAGGED_ROW"
            case 11:
                row[4], bad[n] = "about 50", "INVALID_DATA"
            case 13:
                row[1], bad[n] = "no address", "INVALID_DATA"
            case 17:
                row[2], bad[n] = f"OLD-{n}", "DUPLICATE_DATA"
            case 19:
                row[2], bad[n] = f"x-{n - 9}", "DUPLICATE_DATA"  # an earlier row of this file, in another case
        rows.append(row)
    header = ["Last_Name", "Email", "External_Id", "Designation", "No_of_Employees"]
    return _inserts("insert", header, rows, bad, before)


def insert_without_key(count: int, crm: Crm) -> Load:
    """Insert rows that differ only in their values; some are equal, and differ only in number."""
    del crm
    rows, bad = [], {}
    for n in range(1, count + 1):
        row: list[Any] = [f"Lead {n}", f"row-{n}", n]
        if n % BAD_EVERY == 11:
            row[2], bad[n] = "about 50", "INVALID_DATA"
        elif n % 5 == 3:
            row = ["Twin", "twin", 2]
        rows.append(row)
    return _inserts("insert-keyless", ["Last_Name", "Designation", "No_of_Employees"], rows, bad, [])


def upsert(count: int, crm: Crm) -> Load:
    """Upsert by a unique field: existing records, new ones, blank keys, keys repeated in another case."""
    old = [n for n in range(1, count + 1) if n % 4 == 0]
    before = crm.add("Leads", [{"Last_Name": f"Old {n}", "External_Id": f"X-{n}"} for n in old])
    rows, bad, good = [], {}, {}
    for n in range(1, count + 1):
        again = n % 10 == 9 and n > 20
        key = "" if n % BLANK_EVERY == 5 else f"x-{n - 7}" if again else f"X-{n}"
        row: list[Any] = [f"Lead {n}", key, f"row-{n}", n]
        if n % BAD_EVERY == 11:
            row[3], bad[n] = "about 50", "INVALID_DATA"
        else:
            good[n] = {"Last_Name": f"Lead {n}", "External_Id": key or None, "Designation": f"row-{n}", "No_of_Employees": n}
        rows.append(row)
    keys = {str(values["External_Id"]).casefold() for values in good.values() if values["External_Id"]}
    blank = sum(values["External_Id"] is None for values in good.values())
    return Load(
        name="upsert",
        words=("--operation", "upsert", "--match-on", "External_Id"),
        text=_csv(["Last_Name", "External_Id", "Designation", "No_of_Employees"], rows),
        good=good,
        bad=bad,
        marks={n: f"row-{n}" for n in bad},
        key="External_Id",
        before=frozenset(before),
        creates=len(keys - {f"x-{n}" for n in old}) + blank,
    )


def update(count: int, crm: Crm) -> Load:
    """Update by id: repeated ids, of which the last wins, and ids without a record."""
    ids = crm.add("Leads", [{"Last_Name": f"Old {n}"} for n in range(1, count + 1)])
    rows, bad, good = [], {}, {}
    for n in range(1, count + 1):
        row: list[Any] = [ids[n - 1 if n % 10 != 9 or n < 20 else n - 8], f"Lead {n}", f"row-{n}"]
        if n % BAD_EVERY == 11:
            row[0], bad[n] = str(int(ids[-1]) + 1_000_000 + n), "INVALID_DATA"
        else:
            good[n] = {"id": row[0], "Last_Name": f"Lead {n}", "Designation": f"row-{n}"}
        rows.append(row)
    return Load(
        name="update",
        words=("--operation", "update"),
        text=_csv(["id", "Last_Name", "Designation"], rows),
        good=good,
        bad=bad,
        marks={n: f"row-{n}" for n in bad},
        key="id",
        before=frozenset(ids),
    )


def delete(count: int, crm: Crm) -> Load:
    """Delete by id; some ids have no record."""
    ids = crm.add("Leads", [{"Last_Name": f"Old {n}"} for n in range(1, count + 1)])
    bad = {n: "INVALID_DATA" for n in range(1, count + 1) if n % BAD_EVERY == 11}
    named = {n: str(int(ids[-1]) + 1_000_000 + n) if n in bad else ids[n - 1] for n in range(1, count + 1)}
    return Load(
        name="delete",
        words=("--operation", "delete"),
        text=_csv(["id"], [[named[n]] for n in named]),
        good={n: {"id": one} for n, one in named.items() if n not in bad},
        bad=bad,
        marks={n: named[n] for n in bad},
        before=frozenset(ids),
        deletes=True,
    )


def insert_spoilt(count: int) -> str:
    """Return a file of which all rows but the first ten are rejected, with a unique field."""
    rows = [[f"Lead {n}", f"X-{n}", f"row-{n}", n if n <= GOOD_FIRST else f"about {n}"] for n in range(1, count + 1)]
    return _csv(["Last_Name", "External_Id", "Designation", "No_of_Employees"], rows)


def fix_rows(letters: str, *, before: Iterable[str]) -> tuple[Load, str]:
    """Fix nine of ten rejected rows; return the expected result of a replay, and the rows."""
    good, bad, lines = {}, {}, []
    for line in letters.splitlines():
        letter = json.loads(line)
        row = letter["row"]
        if row % 10:
            letter["record"] = good[row] = {**letter["record"], "No_of_Employees": row}
        else:
            bad[row] = "INVALID_DATA"
        lines.append(json.dumps(letter))
    marks = {row: f"row-{row}" for row in bad}
    load = Load(name="replay", words=(), text="", good=good, bad=bad, marks=marks, before=frozenset(before), creates=len(good))
    return load, "".join(line + "\n" for line in lines)


LOADS: Mapping[str, Callable[[int, Crm], Load]] = {
    "insert": insert_with_unique_field,
    "insert-keyless": insert_without_key,
    "upsert": upsert,
    "update": update,
    "delete": delete,
}


def _inserts(name: str, header: Sequence[str], rows: Sequence[Sequence[Any]], bad: Mapping[int, str], before: list[str]) -> Load:
    good = {n: dict(zip(header, row, strict=True)) for n, row in enumerate(rows, 1) if n not in bad}
    return Load(
        name=name,
        words=("--operation", "insert"),
        text=_csv(header, rows),
        good=good,
        bad=bad,
        marks={n: f"row-{n}" for n in bad},
        before=frozenset(before),
        creates=len(good),
    )


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    written = io.StringIO(newline="")
    csv.writer(written).writerows([header, *rows])
    return written.getvalue()
