"""``--import-key``: equal rows, found exactly after a lost response."""

from __future__ import annotations

import json

from .harness import Program, SandboxProcess, write_csv

FAST = ("--calls-per-minute", "6000", "--json")
KEYED = ("import", "leads.csv", "--module", "Leads", "--import-key", "County", *FAST)


def test_identical_rows_are_found_exactly_after_lost_responses(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script(
        {"kind": "reset_after_commit", "on_call": 2},
        {"kind": "reset_before_commit", "on_call": 4},
        {"kind": "partial_commit_then_reset", "on_call": 6, "records": 37},
    )
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name"], [["Smith"]] * 1_000)

    # bulkzoho import leads.csv --module Leads --import-key County
    summary = bulkzoho.run(*KEYED).expect(0).summary

    assert summary["rows"]["accepted"] == sandbox.count() == 1_000
    stored = {record["County"]: record["id"] for record in sandbox.records()}
    assert {f"{summary['run']}:{line['row']}": line["id"] for line in bulkzoho.lines(summary["results"])} == stored


def test_with_several_files_the_key_names_the_file_too(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 2)
    bulkzoho.leads("more.csv", 1, start=3)

    # bulkzoho import leads.csv more.csv --module Leads --import-key County
    summary = bulkzoho.run("import", "leads.csv", "more.csv", *KEYED[2:]).expect(0).summary

    stamps = sorted(record["County"] for record in sandbox.records())
    assert stamps == [f"{summary['run']}:{place}" for place in ("1:1", "1:2", "2:1")]


def test_a_replay_finds_its_rows_by_their_import_key(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(
        bulkzoho.folder / "leads.csv", ["Last_Name", "No_of_Employees"], [["Smith", "1"], ["Smith", "many"], ["Smith", "?"]]
    )
    run = bulkzoho.run(*KEYED).expect(3).summary
    letters = bulkzoho.lines(run["dead_letter"])
    fixed = [{**letter, "record": {**letter["record"], "No_of_Employees": 1}} for letter in letters]
    bulkzoho.file("fixed.jsonl", "".join(json.dumps(letter) + "\n" for letter in fixed))
    sandbox.script({"kind": "reset_after_commit", "on_call": 1})

    # bulkzoho replay fixed.jsonl
    summary = bulkzoho.run("replay", "fixed.jsonl", *FAST).expect(0).summary

    assert (summary["rows"]["accepted"], sandbox.count()) == (2, 3)
    assert sorted(record["County"] for record in sandbox.records()) == [f"{run['run']}:{row}" for row in (1, 2, 3)]


def test_an_unchanged_csv_row_is_not_replayed_again_for_its_new_import_key(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name", "Email"], [["Smith", "nonsense"]])
    bulkzoho.run(*KEYED, "--dead-letter", "bad.csv").expect(3)
    bulkzoho.run("replay", "bad.csv", *FAST).expect(3)
    calls = len(sandbox.writes())

    # bulkzoho replay bad.csv
    summary = bulkzoho.run("replay", "bad.csv", *FAST).expect(0).summary

    assert (summary["rows"]["already_settled"], len(sandbox.writes())) == (1, calls)
