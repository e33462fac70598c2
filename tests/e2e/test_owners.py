"""Owners by id, e-mail address or full name."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from .harness import Ended, Program, SandboxProcess, wait_until, write_csv

FAST = ("--calls-per-minute", "6000", "--json")
FIRST_USER = 5725767000000411001
ANA, BO, CY, EVA = (str(FIRST_USER + number) for number in range(4))


def reads_of_users(sandbox: SandboxProcess) -> int:
    """Give how often the users were read: all calls for users but the one in which each process asks who it is."""
    called = Counter(call["operation"] for call in sandbox.calls())
    return called["users"] - called["org"]


def owners(sandbox: SandboxProcess) -> dict[str, str]:
    """Return the owner's id by the last name of the lead; without an owner, the user who created the record."""
    return {record["Last_Name"]: record.get("Owner", {"id": ANA})["id"] for record in sandbox.records()}


def imported(program: Program, rows: Sequence[Sequence[object]], *words: str) -> Ended:
    write_csv(program.folder / "leads.csv", ["Last_Name", "Owner"], rows)
    return program.run("import", "leads.csv", "--module", "Leads", *words, *FAST)


def letters(program: Program, ended: Ended) -> list[Mapping[str, Any]]:
    return list(program.lines(ended.summary["dead_letter"]))


def test_owners_are_taken_by_id_e_mail_or_name_for_one_read(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    cells = [BO, "bo@sandbox.example.com", "BO@Sandbox.example.com", "Bo Ek", "bo  EK ", f"zcrm_{BO}"]
    rows = [[f"Lead {n}", cells[n % len(cells)]] for n in range(600)]

    # bulkzoho import leads.csv --module Leads
    summary = imported(bulkzoho, [*rows, ["Unowned", ""]]).expect(0).summary

    assert summary["rows"]["accepted"] == 601
    found = owners(sandbox)
    assert found.pop("Unowned") == ANA
    assert set(found.values()) == {BO}
    assert reads_of_users(sandbox) == 1


def test_a_column_of_ids_costs_no_read(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    # bulkzoho import leads.csv --module Leads --set ...
    imported(bulkzoho, [["A", BO], ["B", ""], ["C", f"zcrm_{EVA}"]]).expect(0)
    imported(bulkzoho, [["D", ""]], "--set", f"Owner={BO}").expect(0)

    assert owners(sandbox) == {"A": BO, "B": ANA, "C": EVA, "D": BO}
    assert reads_of_users(sandbox) == 0


def test_rows_with_unknown_users_are_rejected_without_repeating_the_cell(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    unknown = ["dan@sandbox.example.com", "Eva Holm", "Cy Gone", "cy@sandbox.example.com"]

    # bulkzoho import leads.csv --module Leads
    ended = imported(bulkzoho, [["Good", "Bo Ek"], *([name, name] for name in unknown)]).expect(3)

    found = letters(bulkzoho, ended)
    assert [(one["code"], one["field"], one["stage"]) for one in found] == [("INVALID_DATA", "Owner", "check")] * 4
    assert [one["record"]["Owner"] for one in found] == unknown
    assert all(name not in one["message"] for one in found for name in unknown)
    assert owners(sandbox) == {"Good": BO}


@pytest.mark.parametrize("who", [EVA, "EVA@sandbox.example.com"])
def test_the_fallback_owns_rows_without_a_known_owner(bulkzoho: Program, sandbox: SandboxProcess, who: str) -> None:
    rows = [["A", "dan@sandbox.example.com"], ["B", "Eva Holm"], ["C", CY], ["D", "123"], ["E", "Bo Ek"], ["F", BO]]

    # bulkzoho import leads.csv --module Leads --owner-fallback eva@...
    ended = imported(bulkzoho, rows, "--owner-fallback", who).expect(0)

    assert ended.summary["rows"]["accepted"] == 6
    assert owners(sandbox) == {"A": EVA, "B": EVA, "C": EVA, "D": EVA, "E": BO, "F": BO}
    assert reads_of_users(sandbox) == 1
    assert "replaced by Eva Holm" in ended.err


def test_an_unknown_fallback_is_refused_before_anything_is_sent(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    # bulkzoho import leads.csv --module Leads --owner-fallback "Eva Holm"
    ended = imported(bulkzoho, [["A", "Bo Ek"]], "--owner-fallback", "Eva Holm").expect(4)

    assert ended.summary["error"]["code"] == "UNKNOWN_USER"
    assert sandbox.writes() == []


def test_an_unused_fallback_is_reported(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("plain.csv", 1)

    # bulkzoho import plain.csv --module Leads --owner-fallback bo@...
    ended = bulkzoho.run("import", "plain.csv", "--module", "Leads", "--owner-fallback", "bo@sandbox.example.com", *FAST)

    assert "no column is mapped to a user field" in ended.expect(0).err
    assert sandbox.count() == 1


def test_one_owner_for_every_row_may_be_named_by_address(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    # bulkzoho import leads.csv --module Leads --set Owner=bo@...
    imported(bulkzoho, [["A", "missing"], ["B", ""]], "--set", "Owner=bo@sandbox.example.com").expect(0)

    assert owners(sandbox) == {"A": BO, "B": BO}


def test_json_lines_may_name_owners_as_the_api_does_and_late(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    lines: list[dict[str, object]] = [{"Last_Name": f"Lead {n}"} for n in range(3000)]
    lines += [
        {"Last_Name": "A", "Owner": {"id": BO}},
        {"Last_Name": "B", "Owner": {"name": "Eva Holm", "email": "eva@sandbox.example.com"}},
        {"Last_Name": "C", "Owner": int(BO)},
        {"Last_Name": "D", "Owner": ["Bo Ek"]},
    ]
    bulkzoho.file("leads.jsonl", "\n".join(map(json.dumps, lines)))

    # bulkzoho import leads.jsonl --module Leads
    ended = bulkzoho.run("import", "leads.jsonl", "--module", "Leads", *FAST).expect(3)

    found = owners(sandbox)
    assert (found["A"], found["B"], found["C"], "D" in found) == (BO, EVA, BO, False)
    assert [one["message"] for one in letters(bulkzoho, ended)] == [
        "the value is not a user; use an id, an e-mail address or a full name"
    ]
    assert reads_of_users(sandbox) == 1


def test_rejected_rows_are_replayed_with_a_fallback(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    ended = imported(bulkzoho, [["A", "dan@sandbox.example.com"], ["B", "Bo Ek"]]).expect(3)

    # bulkzoho replay dead-letter.jsonl --owner-fallback "Ana Lund"
    path = ended.summary["dead_letter"]
    replayed = bulkzoho.run("replay", path, "--owner-fallback", "Ana Lund", *FAST).expect(0).summary

    assert replayed["rows"]["accepted"] == 1
    assert owners(sandbox) == {"A": ANA, "B": BO}


def test_a_resume_means_the_users_that_the_run_meant(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name", "Owner"], [[f"Lead {n}", "Bo Ek"] for n in range(1000)])
    sandbox.change(latency_s=0.2)
    running = bulkzoho.start("import", "leads.csv", "--module", "Leads", "--in-flight", "1", *FAST)
    wait_until(lambda: sandbox.count() >= 100)
    running.signal(signal.SIGKILL)
    running.wait()
    sandbox.change(latency_s=0.0)

    # bulkzoho resume
    summary = bulkzoho.run("resume", "--json").expect(0).summary

    assert (summary["rows"]["accepted"], sandbox.count()) == (1000, 1000)
    assert set(owners(sandbox).values()) == {BO}
    assert reads_of_users(sandbox) == 1
    (kept,) = bulkzoho.home.glob("runs/*/users.json")
    assert kept.stat().st_mode & 0o077 == 0


def test_users_that_may_not_be_read_end_the_run_and_ids_need_them_not(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "scope_mismatch", "path_contains": "/users", "times": 99})

    # bulkzoho import leads.csv --module Leads
    by_name = imported(bulkzoho, [["A", "Bo Ek"]]).expect(6)
    by_id = imported(bulkzoho, [["B", BO]]).expect(0)

    assert "users" in by_name.summary["error"]["message"]
    assert by_name.summary["rows"]["unsent"] == 1
    assert by_id.summary["rows"]["accepted"] == 1
    assert owners(sandbox) == {"B": BO}


def test_a_run_that_is_stopped_while_it_asks_for_users_can_be_resumed(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name", "Owner"], [["A", "Bo Ek"]])
    sandbox.change(latency_s=0.3)

    # bulkzoho import leads.csv --module Leads, then Ctrl-C
    running = bulkzoho.start("import", "leads.csv", "--module", "Leads", *FAST)
    wait_until(lambda: any(call["operation"] == "users" for call in sandbox.calls()))  # it knows who it is
    sandbox.script({"kind": "502_page", "path_contains": "/users", "times": 99})
    wait_until(lambda: sum(call["operation"] == "users" for call in sandbox.calls()) >= 3)
    running.signal(signal.SIGINT)
    stopped = running.wait().expect(5).summary
    sandbox.script()
    sandbox.change(latency_s=0.0)
    resumed = bulkzoho.run("resume", "--json").expect(0).summary

    assert (stopped["rows"]["read"], stopped["rows"]["unsent"], stopped["input_complete"]) == (1, 1, False)
    assert (resumed["rows"]["accepted"], owners(sandbox)) == (1, {"A": BO})
