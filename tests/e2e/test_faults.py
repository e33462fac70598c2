"""Faults between program and CRM, and the outcome of the rows."""

from __future__ import annotations

from .harness import Program, SandboxProcess, write_csv

FAST = ("--calls-per-minute", "6000", "--json")
IMPORT = ("import", "leads.csv", "--module", "Leads", *FAST)


def test_a_revoked_token_costs_one_refresh_for_all_senders(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.1)
    sandbox.script({"kind": "token_revoked", "on_call": 9})
    bulkzoho.leads("leads.csv", 3_000)

    # bulkzoho import leads.csv --module Leads --in-flight 8
    summary = bulkzoho.run(*IMPORT, "--in-flight", "8").expect(0).summary

    assert summary["rows"]["accepted"] == sandbox.count() == 3_000
    assert sandbox.state()["tokens_issued"] == 2


def test_rate_limited_calls_are_retried_and_counted(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "429", "on_call": [3, 4]})
    bulkzoho.leads("leads.csv", 1_000)

    # bulkzoho import leads.csv --module Leads
    summary = bulkzoho.run(*IMPORT).expect(0).summary

    assert summary["rows"]["accepted"] == sandbox.count() == 1_000
    assert (summary["calls"]["throttled"], summary["calls"]["retried"]) == (2, 2)


def test_an_insert_without_response_is_never_sent_again_blindly(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "reset_after_commit", "on_call": 2})
    rows = [[f"Lead {n}"] for n in range(1, 501)]  # nothing unique: nothing to look a row up by
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name"], rows)

    # bulkzoho import leads.csv --module Leads --on-doubt report
    summary = bulkzoho.run(*IMPORT, "--on-doubt", "report", "--in-flight", "1").expect(8).summary

    assert (summary["rows"]["accepted"], summary["rows"]["in_doubt"]) == (400, 100)
    named = bulkzoho.lines(summary["in_doubt_file"])
    assert sorted(line["row"] for line in named) == list(range(101, 201))
    assert len({record["Last_Name"] for record in sandbox.records()}) == sandbox.count() == 500


def test_a_resume_looks_up_rows_that_were_only_reported(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "reset_after_commit", "on_call": 2})
    bulkzoho.leads("leads.csv", 300)

    # bulkzoho import leads.csv --module Leads --on-doubt report; bulkzoho resume
    reported = bulkzoho.run(*IMPORT, "--on-doubt", "report").expect(8).summary
    resumed = bulkzoho.run(*reported["next"].split()[1:], "--json").expect(0).summary

    assert reported["rows"]["in_doubt"] == 100
    assert resumed["rows"]["accepted"] == sandbox.count() == 300


def test_an_insert_without_response_is_looked_up_by_a_unique_field(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script(
        {"kind": "reset_after_commit", "on_call": 2},
        {"kind": "reset_before_commit", "on_call": 4},
        {"kind": "partial_commit_then_reset", "on_call": 6, "records": 37},
    )
    bulkzoho.leads("leads.csv", 1_000)

    # bulkzoho import leads.csv --module Leads
    summary = bulkzoho.run(*IMPORT).expect(0).summary

    assert summary["rows"]["accepted"] == sandbox.count() == 1_000
    stored = {record["External_Id"]: record["id"] for record in sandbox.records()}
    assert {f"X-{line['row']}": line["id"] for line in bulkzoho.lines(summary["results"])} == stored


def test_an_unreadable_response_creates_no_duplicate(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    kinds = ("truncated", "empty_200", "wrong_count", "502_page", "500")
    sandbox.script(*({"kind": kind, "on_call": 2 * number} for number, kind in enumerate(kinds, 1)))
    bulkzoho.leads("leads.csv", 1_500)

    # bulkzoho import leads.csv --module Leads
    summary = bulkzoho.run(*IMPORT).expect(0).summary

    assert summary["rows"]["accepted"] == sandbox.count() == 1_500


def test_an_upsert_without_response_is_sent_again(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "reset_after_commit", "on_call": 1})
    bulkzoho.leads("leads.csv", 300)

    # bulkzoho import leads.csv --module Leads --operation upsert --match-on Email
    summary = bulkzoho.run(*IMPORT, "--operation", "upsert", "--match-on", "Email").expect(0).summary

    assert summary["rows"]["accepted"] == sandbox.count() == 300
    assert summary["rows"]["created"] == 300


def test_an_upsert_without_response_is_counted_right_when_sent_again_in_halves(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    sandbox.script({"kind": "reset_after_commit", "on_call": 1}, {"kind": "413", "max_bytes": 6_000})
    bulkzoho.leads("leads.csv", 100)

    # bulkzoho import leads.csv --module Leads --operation upsert --match-on Email
    summary = bulkzoho.run(*IMPORT, "--operation", "upsert", "--match-on", "Email").expect(0).summary

    assert summary["rows"]["created"] == sandbox.count() == 100


def test_a_batch_with_a_bad_row_is_split_until_it_is_found(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "refuse_all_400", "marker": 'Lead 142"'})
    bulkzoho.leads("leads.csv", 300)

    # bulkzoho import leads.csv --module Leads
    summary = bulkzoho.run(*IMPORT).expect(3).summary

    assert (summary["rows"]["accepted"], summary["rows"]["dead_lettered"], sandbox.count()) == (299, 1, 299)
    (letter,) = bulkzoho.lines(summary["dead_letter"])
    assert (letter["row"], letter["stage"]) == (142, "crm")


def test_a_rejection_of_every_row_stops_the_run_and_keeps_the_rows(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "refuse_all_400", "marker": "Last_Name"})
    bulkzoho.leads("leads.csv", 2_000)

    # bulkzoho import leads.csv --module Leads --batch-size 10; bulkzoho resume
    stopped = bulkzoho.run(*IMPORT, "--batch-size", "10").expect(1).summary
    sandbox.script()
    resumed = bulkzoho.run("resume", "--json").expect(0).summary

    assert stopped["rows"]["accepted"] == 0
    assert stopped["next"].startswith("bulkzoho resume")
    assert resumed["rows"]["accepted"] == sandbox.count() == 2_000


def test_the_daily_quota_stops_a_run_with_on_quota_stop(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 3_000)

    # bulkzoho import leads.csv --module Leads --calls-per-day 15 --on-quota stop; bulkzoho resume --calls-per-day 100000
    stopped = bulkzoho.run(*IMPORT, "--calls-per-day", "15", "--on-quota", "stop").expect(7).summary
    resumed = bulkzoho.run("resume", "--calls-per-day", "100000", "--json").expect(0).summary

    assert stopped["status"] == "stopped"
    assert 0 < stopped["rows"]["accepted"] < 1_500
    assert resumed["rows"]["accepted"] == sandbox.count() == 3_000
