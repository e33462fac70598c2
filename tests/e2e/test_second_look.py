"""Several calls without a response and without keys: each sees the other's records, so they are looked up again."""

from __future__ import annotations

from .harness import Program, SandboxProcess, write_csv


def test_rows_kept_in_doubt_by_records_of_another_call_are_resolved_after_it(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script(
        {"kind": "partial_commit_then_reset", "on_call": 2, "records": 37}, {"kind": "reset_after_commit", "on_call": 3}
    )
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name"], [[f"Lead {number}"] for number in range(500)])

    # bulkzoho import leads.csv --module Leads
    words = ("import", "leads.csv", "--module", "Leads", "--in-flight", "1", "--calls-per-minute", "6000", "--json")
    summary = bulkzoho.run(*words).expect(0).summary

    assert summary["rows"]["accepted"] == sandbox.count() == 500
    assert len({record["Last_Name"] for record in sandbox.records()}) == 500
