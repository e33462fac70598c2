"""Updates without a response do not overwrite later changes by others."""

from __future__ import annotations

import time

from .harness import Program, SandboxProcess, wait_until, write_csv

FAST = ("--calls-per-minute", "6000", "--json")
UPDATE = ("--module", "Leads", "--operation", "update", *FAST)


def _records(sandbox: SandboxProcess, count: int) -> list[str]:
    results = sandbox.put("Leads", [{"Last_Name": f"Lead {number}", "City": "Oslo"} for number in range(count)])
    return [result["details"]["id"] for result in results]


def test_a_row_whose_record_others_changed_is_rejected_and_the_others_are_sent_again(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    ids = _records(sandbox, 50)
    sandbox.script({"kind": "reset_before_commit", "on_call": 1})
    write_csv(bulkzoho.folder / "cities.csv", ["id", "City"], [[one, "Bergen"] for one in ids])
    write_csv(bulkzoho.folder / "edit.csv", ["id", "City"], [[ids[6], "Tromso"], [ids[7], "Bergen"]])

    # bulkzoho import cities.csv --module Leads --operation update
    run = bulkzoho.start("import", "cities.csv", *UPDATE, "--settle-wait", "10")
    wait_until(sandbox.writes, what="the update")
    time.sleep(3.1)  # a change by this user counts only when no earlier row of the file can have made it
    bulkzoho.run("import", "edit.csv", *UPDATE).expect(0)
    summary = run.wait().expect(3).summary

    assert (summary["rows"]["updated"], summary["rows"]["dead_lettered"]) == (49, 1)
    (letter,) = bulkzoho.lines(summary["dead_letter"])
    assert (letter["row"], letter["code"], letter["stage"], letter["field"]) == (7, "CONFLICT", "check", "City")
    assert letter["record"] == {"id": ids[6], "City": "Bergen"}
    cities = {record["id"]: record["City"] for record in sandbox.records()}
    assert cities == {one: "Tromso" if one == ids[6] else "Bergen" for one in ids}


def test_an_update_that_was_done_does_not_conflict_with_itself(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    ids = _records(sandbox, 150)
    sandbox.script({"kind": "reset_after_commit", "on_call": 1}, {"kind": "commit_late", "on_call": 2, "seconds": 3})
    write_csv(bulkzoho.folder / "cities.csv", ["id", "City"], [[one, "Bergen"] for one in ids])

    # bulkzoho import cities.csv --module Leads --operation update
    summary = bulkzoho.run("import", "cities.csv", *UPDATE, "--settle-wait", "5").expect(0).summary

    assert summary["rows"]["updated"] == 150
    assert {record["City"] for record in sandbox.records()} == {"Bergen"}


def test_without_a_lookup_the_rows_stay_in_doubt_and_a_resume_resolves_them(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    ids = _records(sandbox, 5)
    sandbox.script(
        {"kind": "reset_before_commit", "on_call": 1}, {"kind": "413", "operation": "coql", "max_bytes": 1, "times": 9}
    )
    write_csv(bulkzoho.folder / "cities.csv", ["id", "City"], [[one, "Bergen"] for one in ids])
    ended = bulkzoho.run("import", "cities.csv", *UPDATE).expect(8)
    assert ended.summary["rows"]["in_doubt"] == 5
    assert "cannot check whether another user changed their records since" in ended.err
    sandbox.script()

    # bulkzoho resume
    summary = bulkzoho.run("resume", "--json").expect(0).summary

    assert summary["rows"]["updated"] == 5
