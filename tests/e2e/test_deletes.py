"""Deletes without a response, distinguished from ids that never existed."""

from __future__ import annotations

import signal
import time

from .harness import Program, SandboxProcess, wait_until, write_csv

FAST = ("--calls-per-minute", "6000", "--json")
DELETE = ("import", "ids.csv", "--module", "Leads", "--operation", "delete", *FAST)
NEVER_THERE = "5725767000009999999"


def _records(sandbox: SandboxProcess, count: int) -> list[str]:
    results = sandbox.put("Leads", [{"Last_Name": f"Lead {number}"} for number in range(count)])
    return [result["details"]["id"] for result in results]


def test_records_that_a_delete_without_response_deleted_are_accepted_and_unknown_ids_are_rejected(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    ids = _records(sandbox, 250)
    ids[107] = NEVER_THERE
    sandbox.script(
        {"kind": "reset_after_commit", "on_call": 2}, {"kind": "partial_commit_then_reset", "on_call": 3, "records": 20}
    )
    write_csv(bulkzoho.folder / "ids.csv", ["id"], [[one] for one in ids])

    # bulkzoho import ids.csv --module Leads --operation delete
    summary = bulkzoho.run(*DELETE, "--in-flight", "1").expect(3).summary

    assert (summary["rows"]["deleted"], summary["rows"]["dead_lettered"], sandbox.count()) == (249, 1, 1)
    (letter,) = bulkzoho.lines(summary["dead_letter"])
    assert (letter["row"], letter["code"], letter["message"]) == (108, "INVALID_DATA", "record not deleted")
    results = bulkzoho.lines(summary["results"])
    assert {line["row"]: line["id"] for line in results} == {row: one for row, one in enumerate(ids, 1) if one != NEVER_THERE}


def test_a_record_that_was_deleted_before_the_call_is_rejected_though_the_response_was_lost(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    ids = _records(sandbox, 3)
    write_csv(bulkzoho.folder / "one.csv", ["id"], [[ids[0]]])
    bulkzoho.run("import", "one.csv", *DELETE[2:]).expect(0)
    time.sleep(2.1)  # deleted_time has whole seconds
    sandbox.script({"kind": "reset_after_commit", "on_call": 1})
    write_csv(bulkzoho.folder / "ids.csv", ["id"], [[one] for one in ids])

    # bulkzoho import ids.csv --module Leads --operation delete
    summary = bulkzoho.run(*DELETE).expect(3).summary

    assert (summary["rows"]["deleted"], summary["rows"]["dead_lettered"]) == (2, 1)
    assert [letter["row"] for letter in bulkzoho.lines(summary["dead_letter"])] == [1]


def test_without_access_to_deleted_records_the_rows_are_rejected_with_a_message(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    ids = _records(sandbox, 5)
    sandbox.script(
        {"kind": "reset_after_commit", "on_call": 1}, {"kind": "scope_mismatch", "path_contains": "/deleted", "times": 9}
    )
    write_csv(bulkzoho.folder / "ids.csv", ["id"], [[one] for one in ids])

    # bulkzoho import ids.csv --module Leads --operation delete
    ended = bulkzoho.run(*DELETE).expect(3)

    assert ended.summary["rows"]["dead_lettered"] == 5
    assert ended.err.count("The deleted Leads cannot be read (OAUTH_SCOPE_MISMATCH") == 1


def test_a_resume_finishes_a_delete_that_was_stopped_before_its_second_response(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    ids = _records(sandbox, 5)
    sandbox.script({"kind": "reset_after_commit", "on_call": 1})
    write_csv(bulkzoho.folder / "ids.csv", ["id"], [[one] for one in ids])
    run = bulkzoho.start(*DELETE, "--settle-wait", "60")
    wait_until(sandbox.writes, what="the delete")
    run.signal(signal.SIGINT)
    assert run.wait().expect(5).summary["rows"]["in_doubt"] == 5

    # bulkzoho resume
    summary = bulkzoho.run("resume", "--settle-wait", "0", "--json").expect(0).summary

    assert (summary["rows"]["deleted"], sandbox.count()) == (5, 0)
