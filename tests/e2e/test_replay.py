"""``bulkzoho replay``: rejected rows are fixed and replayed, once."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from .harness import Program, SandboxProcess, wait_until, write_csv

FAST = ("--calls-per-minute", "6000", "--json")
BAD = {10: (0, ""), 20: (2, "about 50"), 30: (1, "not an address"), 40: (3, "X-1")}


@pytest.fixture
def refused(bulkzoho: Program) -> dict[str, Any]:
    """Import 50 rows of which four are rejected; return the summary."""
    rows = [[f"Lead {n}", f"lead{n}@example.com", str(n), f"X-{n}"] for n in range(1, 51)]
    for row, (column, text) in BAD.items():
        rows[row - 1][column] = text
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name", "Email", "No_of_Employees", "External_Id"], rows)
    words = ("import", "leads.csv", "--module", "Leads", "--dead-letter", "bad.csv", *FAST)
    return bulkzoho.run(*words).expect(3).summary


def _letters(bulkzoho: Program, summary: dict[str, Any]) -> list[dict[str, Any]]:
    return bulkzoho.lines(bulkzoho.home / "runs" / summary["run"] / "dead-letter.jsonl")


def _fixed(letter: dict[str, Any]) -> dict[str, Any]:
    row = letter["row"]
    record = {"Last_Name": f"Lead {row}", "Email": f"lead{row}@example.com", "No_of_Employees": row, "External_Id": f"X-{row}"}
    return {**letter, "record": record}


def _write(path: Path, letters: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(letter) + "\n" for letter in letters))
    return str(path)


def test_fixed_rows_are_accepted_once_however_often_they_are_replayed(
    bulkzoho: Program, sandbox: SandboxProcess, refused: dict[str, Any]
) -> None:
    fixed = _write(bulkzoho.folder / "fixed.jsonl", [_fixed(letter) for letter in _letters(bulkzoho, refused)])

    # bulkzoho replay fixed.jsonl, twice
    first = bulkzoho.run("replay", fixed, *FAST).expect(0).summary
    calls = len(sandbox.writes())
    second = bulkzoho.run("replay", fixed, *FAST).expect(0).summary

    assert (first["command"], first["crm_module"], first["operation"]) == ("replay", "Leads", "insert")
    assert (first["rows"]["accepted"], sandbox.count()) == (4, 50)
    assert (second["rows"]["accepted"], second["rows"]["already_settled"], second["rows"]["read"]) == (0, 4, 4)
    assert len(sandbox.writes()) == calls


def test_rows_that_fail_again_are_in_the_replay_s_dead_letter_file_under_their_first_name(
    bulkzoho: Program, sandbox: SandboxProcess, refused: dict[str, Any]
) -> None:
    letters = _letters(bulkzoho, refused)
    some = [_fixed(letter) if letter["row"] in (10, 20) else letter for letter in letters]

    # bulkzoho replay some.jsonl
    summary = bulkzoho.run("replay", _write(bulkzoho.folder / "some.jsonl", some), *FAST).expect(3).summary

    again = _letters(bulkzoho, summary)
    assert (summary["rows"]["accepted"], summary["rows"]["dead_lettered"], sandbox.count()) == (2, 2, 48)
    assert sorted((letter["run"], letter["source"], letter["row"]) for letter in again) == [
        (refused["run"], "leads.csv", 30),
        (refused["run"], "leads.csv", 40),
    ]
    assert {letter["attempts"] for letter in again} == {2}


def test_a_row_that_failed_is_sent_again_only_when_it_was_changed(
    bulkzoho: Program, sandbox: SandboxProcess, refused: dict[str, Any]
) -> None:
    letters = [letter for letter in _letters(bulkzoho, refused) if letter["row"] == 30]
    file = _write(bulkzoho.folder / "one.jsonl", letters)
    bulkzoho.run("replay", file, *FAST).expect(3)
    calls = len(sandbox.writes())

    # bulkzoho replay one.jsonl: as it was; and fixed
    same = bulkzoho.run("replay", file, *FAST)
    calls_then = len(sandbox.writes())
    _write(bulkzoho.folder / "one.jsonl", [_fixed(letter) for letter in letters])
    changed = bulkzoho.run("replay", file, *FAST)

    assert calls_then == calls
    assert same.summary["rows"]["already_settled"] == 1
    assert changed.expect(0).summary["rows"]["accepted"] == 1


def test_a_dead_letter_csv_is_fixed_in_a_spreadsheet_and_replayed(
    bulkzoho: Program, sandbox: SandboxProcess, refused: dict[str, Any]
) -> None:
    assert refused["dead_letter"] == str(bulkzoho.folder / "bad.csv")
    with (bulkzoho.folder / "bad.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        number = row["bulkzoho_row"]
        row |= {"Last_Name": f"Lead {number}", "Email": f"lead{number}@example.com"}
        row |= {"No_of_Employees": number, "External_Id": f"X-{number}"}
    write_csv(bulkzoho.folder / "fixed.csv", list(rows[0]), [list(row.values()) for row in rows])

    # bulkzoho replay fixed.csv
    summary = bulkzoho.run("replay", "fixed.csv", *FAST).expect(0).summary

    assert (summary["rows"]["accepted"], sandbox.count()) == (4, 50)


def test_only_rows_with_a_code_are_sent_and_values_can_be_set(
    bulkzoho: Program, sandbox: SandboxProcess, refused: dict[str, Any]
) -> None:
    # bulkzoho replay dead-letter.jsonl --only-code DUPLICATE_DATA --set External_Id=X-new
    letters = str(bulkzoho.home / "runs" / refused["run"] / "dead-letter.jsonl")
    words = ("replay", letters, "--only-code", "DUPLICATE_DATA", "--set", "External_Id=X-new", "--results", "done.jsonl")
    summary = bulkzoho.run(*words, *FAST).expect(0).summary

    assert (summary["rows"]["accepted"], sandbox.count()) == (1, 47)
    assert [record["Last_Name"] for record in sandbox.records() if record["External_Id"] == "X-new"] == ["Lead 40"]
    assert [line["row"] for line in bulkzoho.lines(bulkzoho.folder / "done.jsonl")] == [40]


@pytest.mark.parametrize("name", ["again.csv", "again.jsonl"])
def test_a_dead_letter_file_is_never_overwritten(bulkzoho: Program, refused: dict[str, Any], name: str) -> None:
    del refused
    again = bulkzoho.folder / name
    bulkzoho.run("replay", "bad.csv", "--dead-letter", name, *FAST).expect(3)
    fixed = again.read_text().replace("about 50", "50")
    again.write_text(fixed)

    # bulkzoho replay bad.csv --dead-letter again.csv, once more by mistake
    second = bulkzoho.run("replay", "bad.csv", "--dead-letter", name, *FAST).expect(0)

    kept = again.with_name(f"again.1{again.suffix}")
    assert f"{again} was a dead-letter file: it is now {kept}." in second.err
    assert kept.read_text() == fixed
    bulkzoho.run("replay", kept.name, *FAST).expect(0)


def test_a_dead_letter_file_of_another_organization_is_refused(bulkzoho: Program, refused: dict[str, Any]) -> None:
    letters = [{**letter, "org": "1"} for letter in _letters(bulkzoho, refused)]

    # bulkzoho replay other.jsonl
    ended = bulkzoho.run("replay", _write(bulkzoho.folder / "other.jsonl", letters), *FAST)

    assert ended.expect(4).summary["error"]["message"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_row_that_is_there_twice_is_sent_once_when_the_first_was_in_doubt(
    bulkzoho: Program, sandbox: SandboxProcess, number: signal.Signals
) -> None:
    told = {"v": 1, "run": "r", "source": "a.csv", "crm_module": "Leads", "operation": "insert", "code": "X", "stage": "crm"}
    letters = [{**told, "row": row, "record": {"Last_Name": f"Lead {row}"}} for row in range(1, 1_001)]
    file = _write(bulkzoho.folder / "twice.jsonl", [*letters, letters[0]])
    sandbox.script({"kind": "reset_after_commit", "on_call": 1}, {"kind": "hang", "on_call": 2, "seconds": 1})

    # bulkzoho replay twice.jsonl, ended before it read the last letter; bulkzoho resume
    replay = bulkzoho.start("replay", file, "--in-flight", "1", *FAST, environment={"BULKZOHO_SETTLE_WAIT": "60"})
    wait_until(lambda: len(sandbox.writes()) == 1 and sandbox.state()["in_flight"]["now"], what="the second call")
    replay.signal(number)
    replay.wait()
    wait_until(lambda: sandbox.count() == 200, what="the end of the second call")
    rows = bulkzoho.run("resume", "--settle-wait", "0", *FAST).expect(0).summary["rows"]

    assert (rows["read"], rows["accepted"], rows["already_settled"]) == (1_001, 1_000, 1)
    assert sandbox.count() == 1_000


def test_a_stray_quote_in_a_dead_letter_csv_refuses_the_replay(
    bulkzoho: Program, sandbox: SandboxProcess, refused: dict[str, Any]
) -> None:
    path = bulkzoho.folder / "bad.csv"
    path.write_bytes(path.read_bytes().replace(b"about 50", b"20").replace(b"Lead 20,", b'"Lead" 20,'))
    calls = len(sandbox.writes())

    # bulkzoho replay bad.csv
    ended = bulkzoho.run("replay", "bad.csv", "--json").expect(4)

    assert "bad.csv, rejected row 2: line 3, character 1: a quote opens a cell here" in ended.summary["error"]["message"]
    assert len(sandbox.writes()) == calls
    assert refused["rows"]["dead_lettered"] == 4
