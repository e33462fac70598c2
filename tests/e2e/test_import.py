"""``bulkzoho import``, operation by operation."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import pytest

from .harness import Program, SandboxProcess, write_csv

FAST = ("--calls-per-minute", "6000", "--json")


def test_each_operation_does_what_it_says(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    def file(name: str, header: list[str], rows: list[list[object]]) -> str:
        return str(write_csv(bulkzoho.folder / name, header, rows))

    fresh = file("new.csv", ["Last_Name", "Email"], [[f"Lead {n}", f"lead{n}@example.com"] for n in range(250)])

    # bulkzoho import new.csv --module Leads
    inserted = bulkzoho.run("import", fresh, "--module", "Leads", *FAST).expect(0).summary
    ids = {record["Email"]: record["id"] for record in sandbox.records()}
    assert (inserted["rows"]["created"], inserted["rows"]["accepted"], len(ids)) == (250, 250, 250)

    # bulkzoho import some.csv --module Leads --operation upsert --match-on Email
    some = file("some.csv", ["Last_Name", "Email"], [[f"Upserted {n}", f"lead{n}@example.com"] for n in range(200, 300)])
    upserted = (
        bulkzoho.run("import", some, "--module", "Leads", "--operation", "upsert", "--match-on", "Email", *FAST).expect(0).summary
    )
    assert (upserted["rows"]["updated"], upserted["rows"]["created"], upserted["rows"]["accepted"]) == (50, 50, 100)

    # bulkzoho import changes.csv --module Leads --operation update
    changes = file("changes.csv", ["id", "City"], [[ids[f"lead{n}@example.com"], "Rome"] for n in range(150)])
    updated = bulkzoho.run("import", changes, "--module", "Leads", "--operation", "update", *FAST).expect(0).summary
    assert (updated["rows"]["updated"], updated["rows"]["accepted"]) == (150, 150)

    # bulkzoho import gone.csv --module Leads --operation delete
    gone = file("gone.csv", ["id"], [[ids[f"lead{n}@example.com"]] for n in range(120)])
    deleted = bulkzoho.run("import", gone, "--module", "Leads", "--operation", "delete", *FAST).expect(0).summary
    assert (deleted["rows"]["deleted"], deleted["rows"]["accepted"]) == (120, 120)

    left = {record["Email"]: record for record in sandbox.records()}
    assert len(left) == 180
    assert {left[f"lead{n}@example.com"].get("City") for n in range(120, 150)} == {"Rome"}
    assert left["lead299@example.com"]["Last_Name"] == "Upserted 299"


def test_columns_are_mapped_set_and_cleared_as_configured(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.file(
        "mapping.toml",
        '[columns]\nSurname = "Last_Name"\nTown = "Street"\n[formats]\nBorn = "%d.%m.%Y"\n'
        '[set]\nRating = "Active"\nCountry = "Italy"\n',
    )
    write_csv(
        bulkzoho.folder / "odd.csv",
        ["Key", "Surname", "Town", "Born", "Seen", "Nonsense", "Rating"],
        [
            ["1", "Rossi", "Rome", "24.12.1980", "2026-01-05T10:00:00", "x", "Acquired"],
            ["2", "Bianchi", "", "", "", "", ""],
            ["3", "Verdi", "NULL", "NULL", "NULL", "y", ""],
            ["4", "too many", "", "", "", "", ""],
        ],
    )
    sandbox.put(
        "Leads", [{"Last_Name": "old", "External_Id": str(n), "City": "Milan", "Birthday": "1970-01-01"} for n in range(1, 4)]
    )

    # bulkzoho import odd.csv --module leads --operation upsert --match-on External_Id --mapping mapping.toml ...
    ended = bulkzoho.run(
        *("import", "odd.csv", "--module", "leads", "--operation", "upsert", "--match-on", "External_Id"),
        *("--mapping", "mapping.toml", "--map", "Key=External_Id", "--map", "Town=City", "--map", "Born=Birthday"),
        *("--map", "Seen=Last_Contacted", "--time-zone", "UTC", "--set", "Country=France", "--null", "NULL"),
        *("--ignore-unknown", "--limit", "3", *FAST),
    )

    summary = ended.expect(0).summary
    assert (summary["crm_module"], summary["rows"]["read"], summary["rows"]["updated"]) == ("Leads", 3, 3)
    rossi, bianchi, verdi = sandbox.records()
    assert (rossi["Last_Name"], rossi["City"], rossi["Birthday"]) == ("Rossi", "Rome", "1980-12-24")
    assert (rossi["Rating"], rossi["Country"]) == ("Active", "France")
    assert rossi["Last_Contacted"].startswith(("2026-01-05T10:00:00", "2026-01-05T11:00:00"))
    assert (bianchi["Last_Name"], bianchi["City"], bianchi["Birthday"]) == ("Bianchi", "Milan", "1970-01-01")
    assert (verdi.get("City"), verdi.get("Birthday")) == (None, None)


def test_each_rejected_row_is_in_the_dead_letter_file_with_its_values(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    header = ["Last_Name", "Email", "No_of_Employees", "External_Id"]
    rows = [[f"Lead {n}", f"lead{n}@example.com", str(n), f"X-{n}"] for n in range(1, 501)]
    rows[9][0] = ""
    rows[99][2] = "about 50"
    rows[199][0] = "x" * 81
    rows[299][1] = "not an address"
    rows[399][3] = "X-1"
    write_csv(bulkzoho.folder / "leads.csv", header, rows)

    # bulkzoho import leads.csv --module Leads --dead-letter bad.csv --results good.csv
    ended = bulkzoho.run("import", "leads.csv", "--module", "Leads", "--dead-letter", "bad.csv", "--results", "good.csv", *FAST)

    summary = ended.expect(3).summary
    assert (summary["rows"]["accepted"], summary["rows"]["dead_lettered"], sandbox.count()) == (495, 5, 495)
    letters = {letter["row"]: letter for letter in bulkzoho.lines(_in_folder(bulkzoho, summary["run"], "dead-letter.jsonl"))}
    assert {row: (letter["code"], letter["field"], letter["stage"]) for row, letter in letters.items()} == {
        10: ("MANDATORY_NOT_FOUND", "Last_Name", "check"),
        100: ("INVALID_DATA", "No_of_Employees", "check"),
        200: ("INVALID_DATA", "Last_Name", "check"),
        300: ("INVALID_DATA", "Email", "crm"),
        400: ("DUPLICATE_DATA", "External_Id", "crm"),
    }
    assert letters[300]["record"]["Email"] == "not an address"
    assert summary["next"].startswith("bulkzoho replay ")
    heading = (bulkzoho.folder / "bad.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert heading.startswith(
        "Last_Name,Email,No_of_Employees,External_Id,bulkzoho_run,bulkzoho_source,bulkzoho_row,bulkzoho_code"
    )
    assert len((bulkzoho.folder / "good.csv").read_text(encoding="utf-8-sig").splitlines()) == 496


def test_the_results_have_each_accepted_row_with_its_record_id(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 350)

    # bulkzoho import leads.csv --module Leads
    summary = bulkzoho.run("import", "leads.csv", "--module", "Leads", *FAST).expect(0).summary

    stored = {record["External_Id"]: record["id"] for record in sandbox.records()}
    results = bulkzoho.lines(summary["results"])
    assert {(f"X-{line['row']}", line["id"], line["action"]) for line in results} == {
        (key, id_, "insert") for key, id_ in stored.items()
    }


def test_no_automation_fires_unless_requested(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("a.csv", 1)
    bulkzoho.leads("b.csv", 1, start=2)

    # bulkzoho import a.csv --module Leads; bulkzoho import b.csv --module Leads --trigger workflow
    bulkzoho.run("import", "a.csv", "--module", "Leads", *FAST).expect(0)
    bulkzoho.run("import", "b.csv", "--module", "Leads", "--trigger", "workflow", *FAST).expect(0)

    assert [call["trigger"] for call in sandbox.writes()] == [[], ["workflow"]]


def test_a_file_that_was_imported_is_refused_without_again(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 3)
    first = bulkzoho.run("import", "leads.csv", "--module", "Leads", *FAST).expect(0).summary

    # bulkzoho import leads.csv --module Leads, once more, and with --again
    second = bulkzoho.run("import", "leads.csv", "--module", "Leads", *FAST)
    third = bulkzoho.run("import", "leads.csv", "--module", "Leads", "--again", *FAST)

    assert first["run"] in second.expect(4).summary["error"]["message"]
    assert third.expect(3).summary["rows"]["dead_lettered"] == 3  # External_Id is unique
    assert sandbox.count() == 3


def test_files_of_a_run_are_for_their_owner_only(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 3)

    # bulkzoho import leads.csv --module Leads
    summary = bulkzoho.run("import", "leads.csv", "--module", "Leads", *FAST).expect(0).summary

    folder = bulkzoho.home / "runs" / summary["run"]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    assert modes.pop(folder.name) == 0o700
    assert {"journal.db", "report.json", "results.jsonl"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    assert sandbox.state()["violations"]["total"] == 0


def test_too_many_rejections_stop_the_run_and_it_can_be_resumed(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    rows = [[f"Lead {n}" if n % 10 else "", f"lead{n}@example.com"] for n in range(1, 2_001)]
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name", "Email"], rows)

    # bulkzoho import leads.csv --module Leads --max-errors 20; bulkzoho resume --max-errors 100%
    stopped = bulkzoho.run("import", "leads.csv", "--module", "Leads", "--max-errors", "20", *FAST).expect(9).summary
    resumed = bulkzoho.run("resume", "--max-errors", "100%", "--json").expect(3).summary

    assert stopped["status"] == "stopped"
    assert stopped["next"].startswith("bulkzoho resume")
    assert resumed["rows"]["read"] == 2_000
    assert (resumed["rows"]["dead_lettered"], resumed["rows"]["accepted"], sandbox.count()) == (200, 1_800, 1_800)


def test_a_limit_takes_the_first_rows_and_a_resume_continues(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 500)

    # bulkzoho import leads.csv --module Leads --limit 150; bulkzoho resume --limit none
    told = ("--module", "Leads", "--limit", "150", "--results", "results.csv")
    first = bulkzoho.run("import", "leads.csv", *told, *FAST).expect(0).summary
    second = bulkzoho.run("resume", first["run"], "--limit", "none", "--json").expect(0).summary

    assert first["rows"]["accepted"] == 150
    assert second["rows"]["accepted"] == sandbox.count() == 500
    with (bulkzoho.folder / "leads.csv").open(newline="") as given, (bulkzoho.folder / "results.csv").open(newline="") as made:
        rows = list(csv.reader(given))[1:]
        results = sorted(csv.DictReader(made), key=lambda line: int(line["bulkzoho_row"]))
    assert [list(line.values())[: len(rows[0])] for line in results] == rows


def _in_folder(bulkzoho: Program, run: str, name: str) -> Path:
    return bulkzoho.home / "runs" / run / name


@pytest.mark.parametrize(
    ("told", "said"),
    [("all", "Automations that fire: workflow, approval, blueprint, "), ("workflow,approval", "fire: workflow, approval.")],
)
def test_the_automations_that_will_fire_are_named(bulkzoho: Program, told: str, said: str) -> None:
    bulkzoho.leads("leads.csv", 3)

    # bulkzoho import leads.csv --module Leads --trigger workflow,approval
    ended = bulkzoho.run("import", "leads.csv", "--module", "Leads", "--trigger", told).expect(0)

    assert said in ended.err
