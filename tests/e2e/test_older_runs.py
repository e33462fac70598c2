"""Runs that version 0.1 started, on a file whose rows it counted differently."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from .harness import Program, SandboxProcess

ROWS = 300
BAD = 40  #: the row with the stray quote


def _file_with_a_stray_quote(bulkzoho: Program) -> None:
    lines = ["Last_Name,City", *(f"Lead {number},Oslo" for number in range(1, ROWS + 1))]
    lines[BAD] = f'Lead {BAD},"12"" tube'
    bulkzoho.file("leads.csv", "\n".join(lines) + "\n")


def _as_of_version_0_1(bulkzoho: Program) -> Path:
    """Turn the journal of the only run into one that an older version wrote."""
    (path,) = bulkzoho.home.glob("runs/*/journal.db")
    with sqlite3.connect(path) as journal:
        journal.executescript(
            "ALTER TABLE run DROP COLUMN row_rules; ALTER TABLE shipment DROP COLUMN leaves_by; PRAGMA user_version = 4;"
        )
    journal.close()
    return path


def _version(path: Path) -> int:
    journal = sqlite3.connect(path)
    version: int = journal.execute("PRAGMA user_version").fetchone()[0]
    journal.close()
    return version


def test_a_run_whose_rows_were_counted_differently_is_refused_and_left_as_it_is(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    _file_with_a_stray_quote(bulkzoho)
    bulkzoho.run("import", "leads.csv", "--module", "Leads", "--limit", "100").expect(3)
    path, before = _as_of_version_0_1(bulkzoho), sandbox.count()

    # bulkzoho resume RUN, bulkzoho resume, and bulkzoho verify RUN
    resumed = bulkzoho.run("resume", path.parent.name, "--limit", "none").expect(4)
    newest = bulkzoho.run("resume", "--limit", "none").expect(4)
    verified = bulkzoho.run("verify", path.parent.name).expect(4)

    for ended in (resumed, newest, verified):
        assert f"leads.csv, row {BAD}: the version that started run {path.parent.name} read this file differently" in ended.err
        assert "Use that version to resume or verify it" in ended.err
    assert sandbox.count() == before
    assert _version(path) == 4  # that version can still open it


def test_a_run_that_had_not_come_to_the_stray_quote_is_resumed(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    _file_with_a_stray_quote(bulkzoho)
    bulkzoho.run("import", "leads.csv", "--module", "Leads", "--limit", "20").expect(0)
    path = _as_of_version_0_1(bulkzoho)

    resumed = bulkzoho.run("resume", path.parent.name, "--limit", "none", "--json").expect(3).summary

    assert resumed["rows"]["read"] == ROWS
    assert (resumed["rows"]["accepted"], resumed["rows"]["dead_lettered"]) == (ROWS - 1, 1)
    assert sandbox.count() == ROWS - 1
    assert _version(path) == 5
