"""A state directory that is full, or that this user may not read or write: the message says so, and what to do."""

from __future__ import annotations

import json
import os

import pytest

from .harness import Ended, Program, SandboxProcess


@pytest.mark.parametrize("words", [("import", "leads.csv", "--module", "Leads"), ("export", "Leads", "-o", "out.csv")])
def test_a_full_state_directory_ends_a_run_with_what_to_do(bulkzoho: Program, words: tuple[str, ...]) -> None:
    bulkzoho.leads("leads.csv", 5)

    # bulkzoho import leads.csv --module Leads; bulkzoho export Leads -o out.csv
    reader, writer = os.pipe()  # the only file that still takes a byte
    bulkzoho.run(*words, "--json", out=writer, under=("prlimit", "--fsize=0")).expect(1)
    os.close(writer)
    with open(reader, encoding="utf-8") as told:
        error = json.load(told)["error"]

    assert "lock cannot be written" in error["message"]
    assert error["hint"].startswith("Make room")


def test_a_cache_of_the_organization_that_cannot_be_written_fails_nothing(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 5)
    bulkzoho.run("modules").expect(0)
    [kept] = (bulkzoho.home / "organizations").glob("*.json")
    kept.unlink()
    kept.mkdir()
    (kept / "in the way").touch()

    # bulkzoho import leads.csv --module Leads
    bulkzoho.run("import", "leads.csv", "--module", "Leads").expect(0)

    assert sandbox.count() == 5


@pytest.mark.parametrize(
    "words", [("quota",), ("modules",), ("runs",), ("resume",), ("verify", "x"), ("import", "leads.csv", "--module", "Leads")]
)
def test_a_state_directory_that_is_a_file_is_reported_with_what_to_do(bulkzoho: Program, words: tuple[str, ...]) -> None:
    bulkzoho.leads("leads.csv", 5)
    bulkzoho.home.touch()

    # BULKZOHO_HOME=file bulkzoho quota, and others
    _see_the_home_named(bulkzoho, bulkzoho.run(*words))


@pytest.mark.parametrize(
    ("mode", "words"), [(0o500, ("quota",)), (0o500, ("modules",)), (0, ("runs",)), (0, ("resume",)), (0, ("quota", "--all"))]
)
def test_a_state_directory_without_permission_is_reported_with_what_to_do(
    bulkzoho: Program, mode: int, words: tuple[str, ...]
) -> None:
    powerless = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    bulkzoho.home.mkdir(mode)

    # bulkzoho quota, and others
    ended = bulkzoho.run(*words, under=powerless)
    bulkzoho.home.chmod(0o700)

    _see_the_home_named(bulkzoho, ended)


def _see_the_home_named(bulkzoho: Program, ended: Ended) -> None:
    assert "defect" not in ended.expect(1).err
    assert f"bulkzoho: {bulkzoho.home}" in ended.err
    assert "set BULKZOHO_HOME to another directory" in ended.err


@pytest.mark.parametrize("words", [("--help",), ("import", "--help"), ("auth", "-h"), ("--version",)])
def test_help_that_cannot_be_written_is_reported_like_other_output(bulkzoho: Program, words: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        # bulkzoho --help >/dev/full
        ended = bulkzoho.run(*words, out=full.fileno()).expect(1)

    assert "standard output cannot be written" in ended.err
    assert not bulkzoho.home.exists()
