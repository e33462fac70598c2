"""``bulkzoho verify``: compares what a run sent with the records in the CRM."""

from __future__ import annotations

import signal
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from .harness import Program, SandboxProcess, wait_until, write_csv

FAST = ("--calls-per-minute", "6000", "--json")
VALUES = ["Last_Name", "Email", "External_Id", "No_of_Employees", "Annual_Revenue", "Birthday", "Last_Contacted", "Languages"]
CHANGED_S = 2.1  # until a change counts as one after the run


def _leads(bulkzoho: Program, count: int) -> None:
    rows = [
        [
            f"Léad & Sons {n}",
            f"lead{n}@example.com",
            f"X-{n}",
            n,
            f"{n}.50",
            "1980-02-29",
            "2026-01-05T10:00:00Z",
            "English;German",
        ]
        for n in range(1, count + 1)
    ]
    write_csv(bulkzoho.folder / "leads.csv", VALUES, rows)


def _imported(bulkzoho: Program, *words: str, status: int = 0) -> dict[str, Any]:
    return bulkzoho.run("import", "leads.csv", "--module", "Leads", *words, *FAST).expect(status).summary


def _change(bulkzoho: Program, name: str, operation: str, header: list[str], rows: list[list[str]]) -> None:
    write_csv(bulkzoho.folder / name, header, rows)
    bulkzoho.run("import", name, "--module", "Leads", "--operation", operation, *FAST).expect(0)


def test_a_complete_run_is_verified_within_its_price(bulkzoho: Program) -> None:
    _leads(bulkzoho, 1_000)
    run = _imported(bulkzoho)

    # bulkzoho verify RUN
    summary = bulkzoho.run("verify", run["run"], *FAST).expect(0).summary

    assert (summary["command"], summary["run"], summary["status"], summary["rows"]) == (
        "verify",
        run["run"],
        "completed",
        run["rows"],
    )
    found = summary["verify"]
    assert (found["compared"], found["same"], found["not_compared"], found["fields"]) == (1_000, 1_000, 0, {})
    assert found["records"] == {"before": 0, "expected": 1_000, "now": 1_000}
    assert found["differences"] is None
    assert summary["credits"] <= 10 + 3 + 8  # 1,000 rows by id, one page of the window, connecting


def test_differences_are_in_a_file_field_by_field(bulkzoho: Program) -> None:
    _leads(bulkzoho, 250)
    run = _imported(bulkzoho)
    ids = {line["row"]: line["id"] for line in bulkzoho.lines(run["results"])}
    time.sleep(CHANGED_S)
    _change(bulkzoho, "edit.csv", "update", ["id", "No_of_Employees"], [[ids[7], "99"], [ids[8], "8"]])
    _change(bulkzoho, "gone.csv", "delete", ["id"], [[ids[9]]])

    # bulkzoho verify RUN -o differences.jsonl
    ended = bulkzoho.run("verify", run["run"], "-o", "differences.jsonl", *FAST).expect(3)

    found = ended.summary["verify"]
    assert (found["compared"], found["same"], found["changed_since"], found["missing"]) == (250, 248, 1, 1)
    assert found["fields"] == {"No_of_Employees": 1}
    assert found["differences"] == str(bulkzoho.folder / "differences.jsonl")
    lines = sorted(bulkzoho.lines(found["differences"]), key=lambda line: int(line["row"]))
    assert [(line["row"], line["id"], line["kind"], line.get("field")) for line in lines] == [
        (7, ids[7], "changed_since", "No_of_Employees"),
        (9, ids[9], "missing", None),
    ]
    assert (lines[0]["sent"], lines[0]["held"]) == (7, 99)
    assert stat.S_IMODE(Path(found["differences"]).stat().st_mode) == 0o600


def test_two_interrupts_stop_immediately(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    _leads(bulkzoho, 1_000)
    run = _imported(bulkzoho)
    sandbox.change(latency_s=8.0)

    # bulkzoho verify RUN, and Ctrl-C twice while calls take long
    running = bulkzoho.start("verify", run["run"], *FAST)
    wait_until(lambda: sandbox.state()["in_flight"]["now"] > 0, what="a call in flight")
    running.signal(signal.SIGINT)
    wait_until(lambda: "Finishing requests" in running.err(), what="the first message")
    running.signal(signal.SIGINT)
    began = time.monotonic()
    ended = running.wait().expect(5)

    assert time.monotonic() - began < 3.0
    assert "Stopping immediately." in ended.err
    assert "in doubt" not in ended.err, "verify only reads"
    assert (ended.summary["status"], ended.summary["verify"]["compared"]) == ("interrupted", 0)
    assert ended.summary["next"] == f"bulkzoho verify {run['run']}"


def test_no_value_is_shown_on_the_terminal(bulkzoho: Program) -> None:
    _leads(bulkzoho, 5)
    run = _imported(bulkzoho)
    ids = [line["id"] for line in bulkzoho.lines(run["results"])]
    _change(bulkzoho, "edit.csv", "update", ["id", "Last_Name"], [[ids[0], "Changed Else"]])

    # bulkzoho verify RUN
    ended = bulkzoho.run("verify", run["run"], "--progress", "plain").expect(3)

    assert ended.out == ""
    assert "Changed" not in ended.err
    assert "ad & Sons" not in ended.err
    assert "Last_Name" in ended.err
    assert "differences.jsonl" in ended.err


def test_a_record_created_twice_during_the_run_is_found(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name", "City"], [[f"Lead {n}", "Oslo"] for n in range(300)])
    sandbox.script({"kind": "slow", "on_call": 3, "seconds": 2})
    run = bulkzoho.start("import", "leads.csv", "--module", "Leads", "--in-flight", "1", *FAST)
    while len(sandbox.writes()) < 2:
        time.sleep(0.01)
    (double, other) = sandbox.put("Leads", [{"Last_Name": "Lead 42", "City": "Oslo"}, {"Last_Name": "Else", "City": "Oslo"}])
    name = run.wait().expect(0).summary["run"]

    # bulkzoho verify RUN
    found = bulkzoho.run("verify", name, *FAST).expect(3).summary["verify"]

    assert (found["doubles"], found["same"], other["code"]) == (1, 300, "SUCCESS")
    (line,) = bulkzoho.lines(found["differences"])
    assert (line["kind"], line["row"], line["id"]) == ("double", 43, double["details"]["id"])


def test_of_several_rows_for_one_record_the_last_to_send_a_field_counts(bulkzoho: Program) -> None:
    rows = [
        ["A", "a@example.com", "Oslo"],
        ["B", "b@example.com", "Oslo"],
        ["A2", "A@example.com", ""],
        ["A3", "a@example.com", ""],
    ]
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name", "Email", "City"], rows)
    run = _imported(bulkzoho, "--operation", "upsert", "--match-on", "Email")
    agreed = bulkzoho.run("verify", run["run"], *FAST).expect(0).summary["verify"]
    ids = {line["row"]: line["id"] for line in bulkzoho.lines(run["results"])}
    time.sleep(CHANGED_S)
    _change(bulkzoho, "edit.csv", "update", ["id", "Last_Name", "City"], [[ids[1], "Z", "Rome"]])

    # bulkzoho verify RUN
    found = bulkzoho.run("verify", run["run"], *FAST).expect(3).summary["verify"]

    assert (agreed["compared"], agreed["same"]) == (4, 4)
    assert (found["compared"], found["same"], found["changed_since"]) == (4, 2, 2)
    assert {(line["row"], line["field"]) for line in bulkzoho.lines(found["differences"])} == {(4, "Last_Name"), (1, "City")}


@pytest.mark.parametrize("sample", [1, 40, 5_000])
def test_a_sample_is_spread_over_the_run(bulkzoho: Program, sample: int) -> None:
    _leads(bulkzoho, 400)
    run = _imported(bulkzoho)

    # bulkzoho verify RUN --sample N
    found = bulkzoho.run("verify", run["run"], "--sample", str(sample), *FAST).expect(0).summary["verify"]

    assert (found["sampled"], found["compared"], found["same"]) == (True, min(sample, 400), min(sample, 400))


def test_updates_deletes_replays_and_rejected_rows_are_verified_too(bulkzoho: Program) -> None:
    _leads(bulkzoho, 20)
    run = _imported(bulkzoho)
    ids = [line["id"] for line in bulkzoho.lines(run["results"])]
    rows = [[one, str(n), "many" if n == 3 else "1"] for n, one in enumerate(ids)]
    write_csv(bulkzoho.folder / "update.csv", ["id", "City", "No_of_Employees"], rows)
    words = ("import", "update.csv", "--module", "Leads", "--operation", "update", *FAST)
    update = bulkzoho.run(*words).expect(3).summary
    bulkzoho.file("fixed.jsonl", Path(update["dead_letter"]).read_text().replace('"many"', "7"))
    replay = bulkzoho.run("replay", "fixed.jsonl", *FAST).expect(0).summary
    found = [bulkzoho.run("verify", one["run"], *FAST).expect(0).summary["verify"] for one in (update, replay)]
    write_csv(bulkzoho.folder / "gone.csv", ["id"], [[one] for one in ids[:5]])
    delete = bulkzoho.run("import", "gone.csv", "--module", "Leads", "--operation", "delete", *FAST).expect(0).summary

    # bulkzoho verify RUN, of the delete and of the first import
    deleted = bulkzoho.run("verify", delete["run"], *FAST).expect(0).summary["verify"]
    first = bulkzoho.run("verify", run["run"], *FAST).expect(3).summary["verify"]

    assert [(one["compared"], one["same"]) for one in (*found, deleted)] == [(19, 19), (1, 1), (5, 5)]
    assert first["missing"] == 5


def test_standard_input_is_verified_from_the_copy_of_the_run(bulkzoho: Program) -> None:
    text = "Last_Name,City\nA,Oslo\nB,Rome\n"
    run = bulkzoho.run("import", "-", "--module", "Leads", *FAST, text=text).expect(0).summary

    # bulkzoho verify RUN
    found = bulkzoho.run("verify", run["run"], *FAST).expect(0).summary["verify"]

    assert (found["compared"], found["same"]) == (2, 2)


def test_a_changed_input_is_not_compared(bulkzoho: Program) -> None:
    _leads(bulkzoho, 3)
    run = _imported(bulkzoho)
    _leads(bulkzoho, 4)

    # bulkzoho verify RUN
    ended = bulkzoho.run("verify", run["run"], *FAST).expect(4)

    assert ended.summary["error"]["code"] == "INPUT_CHANGED"


def test_a_verification_without_differences_removes_the_file_of_an_earlier_one(bulkzoho: Program) -> None:
    _leads(bulkzoho, 3)
    run = _imported(bulkzoho)
    ids = [line["id"] for line in bulkzoho.lines(run["results"])]
    _change(bulkzoho, "edit.csv", "update", ["id", "Email"], [[ids[0], "else@example.com"]])
    first = bulkzoho.run("verify", run["run"], *FAST).expect(3).summary["verify"]["differences"]
    assert Path(first).exists()
    _change(bulkzoho, "back.csv", "update", ["id", "Email"], [[ids[0], "lead1@example.com"]])

    # bulkzoho verify RUN
    bulkzoho.run("verify", run["run"], *FAST).expect(0)

    assert not Path(first).exists()
