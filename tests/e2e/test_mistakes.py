"""Mistakes of users: each is reported in one line, nothing is lost and nothing doubled."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

import pytest

from .harness import Program, SandboxProcess, wait_until, write_csv

LEADS = ("--module", "Leads", "--json", "--calls-per-minute", "6000")


@pytest.mark.parametrize("option", ["--results", "--dead-letter"])
def test_an_input_is_not_overwritten_under_another_name(bulkzoho: Program, sandbox: SandboxProcess, option: str) -> None:
    file = bulkzoho.leads("leads.csv", 3)
    (bulkzoho.folder / "out.csv").symlink_to(file)

    # bulkzoho import leads.csv --module Leads --results out.csv
    refused = bulkzoho.run("import", "leads.csv", *LEADS, option, "out.csv").expect(4).summary

    assert "overwritten" in refused["error"]["message"]
    assert len(file.read_text().splitlines()) == 4
    assert sandbox.count() == 0


def test_results_and_dead_letter_file_are_not_one_file_under_two_names(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 3)
    (bulkzoho.folder / "bad.csv").symlink_to("out.csv")  # which is not there yet

    # bulkzoho import leads.csv --module Leads --results out.csv --dead-letter bad.csv
    words = ("import", "leads.csv", *LEADS, "--results", "out.csv", "--dead-letter", "bad.csv")
    refused = bulkzoho.run(*words).expect(4).summary

    assert "overwritten" in refused["error"]["message"]
    assert sandbox.count() == 0


@pytest.mark.parametrize("how", ["a link", "a copy"])
def test_one_content_is_not_inserted_twice_by_one_run(bulkzoho: Program, sandbox: SandboxProcess, how: str) -> None:
    file = bulkzoho.leads("leads.csv", 3)
    other = bulkzoho.folder / "other.csv"
    other.symlink_to(file) if how == "a link" else other.write_bytes(file.read_bytes())

    # bulkzoho import leads.csv other.csv --module Leads
    refused = bulkzoho.run("import", "leads.csv", "other.csv", *LEADS).expect(4).summary

    assert "twice" in refused["error"]["message"]
    assert sandbox.count() == 0


def test_rows_in_doubt_are_not_replayed_from_a_copy(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(bulkzoho.folder / "a.csv", ["Last_Name", "Annual_Revenue"], [[f"L{n}", "x"] for n in range(20)])
    bulkzoho.run("import", "a.csv", *LEADS, "--dead-letter", "bad.csv").expect(3)
    fixed = (bulkzoho.folder / "bad.csv").read_text().replace(",x,", ",5,")
    for name in ("one.csv", "two.csv"):
        (bulkzoho.folder / name).write_text(fixed)
    sandbox.script({"kind": "reset_after_commit", "on_call": 1})

    # bulkzoho replay one.csv, killed; bulkzoho replay two.csv; bulkzoho resume
    first = bulkzoho.start("replay", "one.csv", "--json", environment={"BULKZOHO_SETTLE_WAIT": "60"})
    wait_until(lambda: sandbox.count() == 20, what="the replay's call")
    first.signal(signal.SIGKILL)
    first.wait()
    refused = bulkzoho.run("replay", "two.csv", "--json").expect(4).summary
    resumed = bulkzoho.run("resume", "--json").summary

    assert refused["error"]["code"] == "REPLAY_UNFINISHED"
    assert resumed["rows"]["read"] == 20
    assert sandbox.count() == 20


def test_two_replays_at_once_send_each_row_once(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(bulkzoho.folder / "a.csv", ["Last_Name", "Annual_Revenue"], [[f"L{n}", "x"] for n in range(20)])
    bulkzoho.run("import", "a.csv", *LEADS, "--dead-letter", "bad.csv").expect(3)
    (bulkzoho.folder / "bad.csv").write_text((bulkzoho.folder / "bad.csv").read_text().replace(",x,", ",5,"))

    # bulkzoho replay bad.csv & bulkzoho replay bad.csv
    both = [bulkzoho.start("replay", "bad.csv", "--json") for _ in range(2)]
    ended = [one.wait() for one in both]

    assert sandbox.count() == 20
    assert {one.status for one in ended} <= {0, 4}
    assert 0 in {one.status for one in ended}


def test_a_run_is_not_resumed_when_another_run_sent_its_rows(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 300)
    sandbox.script({"kind": "403", "on_call": 1})
    stopped = bulkzoho.run("import", "leads.csv", *LEADS, "--in-flight", "1").expect(6).summary
    bulkzoho.run("import", "leads.csv", *LEADS).expect(0)

    # bulkzoho resume RUN
    refused = bulkzoho.run("resume", stopped["run"], "--json").expect(4).summary

    assert refused["error"]["code"] == "SENT_BEFORE"
    assert sandbox.count() == 300


def test_a_dead_letter_csv_has_the_columns_of_every_input(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(bulkzoho.folder / "a.csv", ["Last_Name", "Annual_Revenue"], [["A", "x"]])
    write_csv(bulkzoho.folder / "b.csv", ["Email", "Last_Name", "Score"], [["b@example.com", "B", "y"]])
    bulkzoho.run("import", "a.csv", "b.csv", *LEADS, "--dead-letter", "bad.csv").expect(3)
    fixed = (bulkzoho.folder / "bad.csv").read_text().replace(",x,", ",1,").replace(",y,", ",2,")
    (bulkzoho.folder / "bad.csv").write_text(fixed)

    # bulkzoho replay bad.csv
    bulkzoho.run("replay", "bad.csv", "--json").expect(0)

    held = {record["Last_Name"]: record for record in sandbox.records()}
    assert held["A"]["Annual_Revenue"] == 1
    assert (held["B"]["Email"], held["B"]["Score"]) == ("b@example.com", 2)


def test_a_dead_letter_csv_of_different_runs_is_refused(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(bulkzoho.folder / "a.csv", ["Last_Name", "Email"], [["A", "no mail"]])
    write_csv(bulkzoho.folder / "b.csv", ["Last_Name", "Email"], [["B", "no mail"]])
    bulkzoho.run("import", "a.csv", *LEADS, "--dead-letter", "a-bad.csv").expect(3)
    contacts = ("--module", "Contacts", "--json")
    bulkzoho.run("import", "b.csv", *contacts, "--dead-letter", "b-bad.csv").expect(3)
    lines = (bulkzoho.folder / "b-bad.csv").read_text().splitlines(keepends=True)
    with (bulkzoho.folder / "a-bad.csv").open("a") as file:
        file.writelines(lines[1:])

    # bulkzoho replay a-bad.csv
    refused = bulkzoho.run("replay", "a-bad.csv", "--json").expect(4).summary

    assert refused["error"]["code"] == "MIXED_LETTERS"
    assert sandbox.count("Contacts") == sandbox.count() == 0


def test_a_run_that_waits_for_standard_input_can_be_stopped(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    del sandbox

    # (sleep 60) | bulkzoho import - --module Leads, then SIGTERM
    reading, writing = os.pipe()
    run = bulkzoho.start("import", "-", *LEADS, given=reading)
    wait_until(lambda: list(bulkzoho.home.glob("runs/*/input-0.spool")), what="the run")
    run.signal(signal.SIGTERM)

    assert run.wait(timeout_s=10).expect(5).summary["status"] == "interrupted"
    os.close(reading)
    os.close(writing)


def test_rows_rejected_locally_count_as_errors_too(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(bulkzoho.folder / "a.csv", ["Last_Name", "Annual_Revenue"], [[f"L{n}", "x"] for n in range(5_000)])

    # bulkzoho import a.csv --module Leads --max-errors 10
    summary = bulkzoho.run("import", "a.csv", *LEADS, "--max-errors", "10").expect(9).summary

    assert summary["rows"]["dead_lettered"] < 500
    assert sandbox.count() == 0


def test_a_limit_below_what_was_read_is_refused(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 300)
    run = bulkzoho.run("import", "leads.csv", *LEADS, "--limit", "200").expect(0).summary["run"]

    # bulkzoho resume RUN --limit 50
    refused = bulkzoho.run("resume", run, "--limit", "50", "--json").expect(4).summary

    assert "200 rows were read" in refused["error"]["message"]
    assert bulkzoho.run("resume", "--limit", "none", "--json").expect(0).summary["rows"]["accepted"] == sandbox.count() == 300


def test_rows_that_were_fixed_in_place_are_not_truncated_by_a_resume(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    rows = [[f"L{n}", "x" if n < 5 else "1"] for n in range(300)]
    write_csv(bulkzoho.folder / "a.csv", ["Last_Name", "Annual_Revenue"], rows)
    sandbox.script({"kind": "403", "on_call": 1})
    bulkzoho.run("import", "a.csv", *LEADS, "--in-flight", "1", "--dead-letter", "bad.csv").expect(6)
    fixed = (bulkzoho.folder / "bad.csv").read_text().replace(",x,", ",1000000,")
    (bulkzoho.folder / "bad.csv").write_text(fixed)

    # bulkzoho resume
    refused = bulkzoho.run("resume", "--json").expect(4).summary
    shutil.move(bulkzoho.folder / "bad.csv", bulkzoho.folder / "mine.csv")
    bulkzoho.run("resume", "--json").expect(3)
    bulkzoho.run("replay", "mine.csv", "--json").expect(0)

    assert refused["error"]["code"] == "COPY_CHANGED"
    assert sandbox.count() == 300


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0[Content_Types].xml \xa2", "is an Excel workbook, not text."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0\0\0", "is an Excel workbook, not text."),
        (b"PK\x03\x04\x14\0\0\0\x08\0\0\0!\0leads.csv \xa2", "is a zip archive, not text."),
        (b"BZh91AY&SY\x94$|\x0e", "is compressed with bzip2, not text."),
    ],
)
def test_a_file_that_is_not_text_is_named_for_what_it_is(bulkzoho: Program, content: bytes, what: str) -> None:
    bulkzoho.file("leads.csv", content)

    # bulkzoho import leads.csv --module Leads
    refused = bulkzoho.run("import", "leads.csv", *LEADS).expect(4).summary

    assert refused["error"]["message"] == f"leads.csv: {what}"
    assert "encoding" not in refused["error"]["hint"]


@pytest.mark.parametrize("operation", ["insert", "update", "delete"])
def test_match_on_is_refused_where_nothing_is_matched(bulkzoho: Program, operation: str) -> None:
    bulkzoho.leads("leads.csv", 3)

    # bulkzoho import leads.csv --module Leads --match-on Email
    refused = bulkzoho.run("import", "leads.csv", *LEADS, "--match-on", "Email", "--operation", operation).expect(2)

    assert f"--match-on is not used by --operation {operation}" in refused.err


def test_a_column_is_left_out_by_its_name(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    write_csv(bulkzoho.folder / "leads.csv", ["Last_Name", "Notes", "Citty"], [["Rossi", "x", "Oslo"]])

    # bulkzoho import leads.csv --module Leads --map Notes=; the same with --map Citty=City
    typo = bulkzoho.run("import", "leads.csv", *LEADS, "--map", "Notes=").expect(4).summary["error"]
    bulkzoho.run("import", "leads.csv", *LEADS, "--map", "Notes=", "--map", "Citty=City").expect(0)

    assert "Notes" not in typo["message"]
    assert '--map "Citty="' in typo["hint"]
    assert [(one["Last_Name"], one["City"]) for one in sandbox.records("Leads")] == [("Rossi", "Oslo")]


def test_the_message_for_a_touched_input_says_how_to_resume(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    file = bulkzoho.leads("my leads.csv", 30)
    bulkzoho.run("import", file.name, *LEADS, "--limit", "10").expect(0)
    os.utime(file)

    # bulkzoho resume --limit none; touch -d @TIME leads.csv; bulkzoho resume --limit none
    hint = bulkzoho.run("resume", "--limit", "none", "--json").expect(4).summary["error"]["hint"]
    assert hint.startswith("Its content is the same")
    subprocess.run(hint.partition("(")[2].rpartition(")")[0], shell=True, check=True)
    bulkzoho.run("resume", "--limit", "none", "--json").expect(0)

    assert sandbox.count() == 30


@pytest.mark.parametrize("copy", ["made.jsonl", "made.csv"])
def test_results_of_another_run_are_not_truncated_by_a_resume(bulkzoho: Program, sandbox: SandboxProcess, copy: str) -> None:
    for name in ("a", "b"):
        write_csv(bulkzoho.folder / f"{name}.csv", ["Last_Name"], [[f"{name}{n}"] for n in range(20)])
    sandbox.script({"kind": "403", "on_call": 1})
    stopped = bulkzoho.run("import", "a.csv", *LEADS, "--results", copy).expect(6).summary
    bulkzoho.run("import", "b.csv", *LEADS, "--results", copy).expect(0)
    made = (bulkzoho.folder / copy).read_bytes()

    # bulkzoho resume RUN, which had written nothing there yet; once more with the other run's results moved away
    refused = bulkzoho.run("resume", stopped["run"], "--json").expect(4).summary
    kept = (bulkzoho.folder / copy).rename(bulkzoho.folder / "b-made").read_bytes()
    bulkzoho.run("resume", stopped["run"], "--json").expect(0)

    assert refused["error"]["code"] == "COPY_CHANGED"
    assert kept == made
    assert (bulkzoho.folder / copy).read_text().count("a.csv") == 20
