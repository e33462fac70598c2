"""A replay does not overwrite the values of later rows."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from .harness import Program, SandboxProcess, write_csv

FAST = ("--calls-per-minute", "6000", "--json")
UPSERT = ("--module", "Leads", "--operation", "upsert", "--match-on", "Email", *FAST)
HEADER = ["Last_Name", "Email", "No_of_Employees"]


def _fixed(bulkzoho: Program, letters: str, name: str = "fixed.jsonl") -> str:
    lines = [json.loads(line) for line in Path(letters).read_text().splitlines()]
    for line in lines:
        line["record"]["No_of_Employees"] = 1
    bulkzoho.file(name, "".join(json.dumps(line) + "\n" for line in lines))
    return name


def _refused(bulkzoho: Program) -> dict[str, Any]:
    """Import five rows: the first is rejected and the last has its key; the second is rejected and no other row has its key."""
    rows = [["Old", "a@example.com", "many"], ["Alone", "b@example.com", "?"], ["New", "A@example.com", "5"]]
    write_csv(bulkzoho.folder / "leads.csv", HEADER, rows)
    return bulkzoho.run("import", "leads.csv", *UPSERT).expect(3).summary


def _names(sandbox: SandboxProcess) -> dict[str, str]:
    return {record["Email"].casefold(): record["Last_Name"] for record in sandbox.records()}


def test_a_row_whose_key_a_later_row_has_is_held_back_unless_forced(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    letters = _fixed(bulkzoho, _refused(bulkzoho)["dead_letter"])

    # bulkzoho replay fixed.jsonl; again; and with --force
    first = bulkzoho.run("replay", letters, *FAST).expect(3).summary
    names = _names(sandbox)
    again = bulkzoho.run("replay", letters, *FAST).expect(3).summary
    forced = bulkzoho.run("replay", letters, "--force", *FAST).expect(0).summary

    assert (first["rows"]["accepted"], first["rows"]["dead_lettered"]) == (1, 1)
    assert names == {"a@example.com": "New", "b@example.com": "Alone"}
    (held,) = bulkzoho.lines(first["dead_letter"])
    assert (held["row"], held["code"], held["stage"], held["details"]["row"]) == (1, "SUPERSEDED", "check", 3)
    assert (again["rows"]["already_settled"], again["rows"]["dead_lettered"]) == (1, 1)
    assert (forced["rows"]["accepted"], forced["rows"]["already_settled"]) == (1, 1)
    assert _names(sandbox)["a@example.com"] == "Old"


def test_a_row_whose_record_a_later_run_changed_is_held_back(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(bulkzoho.folder / "leads.csv", HEADER, [["Old", "a@example.com", "many"]])
    run = bulkzoho.run("import", "leads.csv", *UPSERT).expect(3).summary
    time.sleep(1.1)  # runs are ordered by the second in which they began
    write_csv(bulkzoho.folder / "newer.csv", HEADER, [["New", "a@example.com", "5"]])
    bulkzoho.run("import", "newer.csv", *UPSERT).expect(0)

    # bulkzoho replay fixed.jsonl
    summary = bulkzoho.run("replay", _fixed(bulkzoho, run["dead_letter"]), *FAST).expect(3).summary

    assert [line["code"] for line in bulkzoho.lines(summary["dead_letter"])] == ["SUPERSEDED"]
    assert _names(sandbox) == {"a@example.com": "New"}


def test_a_row_of_an_update_is_held_back_by_the_record_s_id(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    (made,) = sandbox.put("Leads", [{"Last_Name": "First"}])
    record_id = made["details"]["id"]
    rows = [[record_id, "Old", "many"], [record_id, "New", "5"]]
    write_csv(bulkzoho.folder / "update.csv", ["id", "Last_Name", "No_of_Employees"], rows)
    run = bulkzoho.run("import", "update.csv", "--module", "Leads", "--operation", "update", *FAST).expect(3).summary

    # bulkzoho replay fixed.jsonl
    summary = bulkzoho.run("replay", _fixed(bulkzoho, run["dead_letter"]), *FAST).expect(3).summary

    assert [line["code"] for line in bulkzoho.lines(summary["dead_letter"])] == ["SUPERSEDED"]
    assert [record["Last_Name"] for record in sandbox.records()] == ["New"]


def test_a_row_that_a_replay_sent_later_does_not_hold_back_a_row_after_it(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(bulkzoho.folder / "leads.csv", HEADER, [["First", "a@example.com", "?"], ["Second", "a@example.com", "?"]])
    run = bulkzoho.run("import", "leads.csv", *UPSERT).expect(3).summary
    lines = Path(_fixed(bulkzoho, run["dead_letter"])).name
    first, second = (bulkzoho.folder / lines).read_text().splitlines()
    bulkzoho.file("first.jsonl", first + "\n")
    bulkzoho.file("second.jsonl", second + "\n")
    bulkzoho.run("replay", "first.jsonl", *FAST).expect(0)

    # bulkzoho replay second.jsonl
    bulkzoho.run("replay", "second.jsonl", *FAST).expect(0)

    assert _names(sandbox) == {"a@example.com": "Second"}
