"""A home that is full, or that this user may not read or write: said as what it is, with a remedy."""

from __future__ import annotations

import json
import os

import pytest

from .rig import Program, SandboxProcess


@pytest.mark.parametrize("words", [("import", "leads.csv", "--module", "Leads"), ("export", "Leads", "-o", "out.csv")])
def test_a_home_without_room_for_a_run_ends_it_with_the_remedy(bulkzoho: Program, words: tuple[str, ...]) -> None:
    bulkzoho.leads("leads.csv", 5)

    # bulkzoho import leads.csv --module Leads; bulkzoho export Leads -o out.csv
    reader, writer = os.pipe()  # the only thing that still takes a byte
    bulkzoho.run(*words, "--json", out=writer, under=("prlimit", "--fsize=0")).expect(1)
    os.close(writer)
    with open(reader, encoding="utf-8") as told:
        error = json.load(told)["error"]

    assert "lock cannot be written" in error["message"]
    assert error["hint"].startswith("Make room")


def test_what_is_kept_of_an_organization_fails_nothing_when_it_cannot_be_kept(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 5)
    bulkzoho.run("modules").expect(0)
    [kept] = (bulkzoho.home / "organizations").glob("*.json")
    kept.unlink()
    kept.mkdir()
    (kept / "in the way").touch()

    # bulkzoho import leads.csv --module Leads
    bulkzoho.run("import", "leads.csv", "--module", "Leads").expect(0)

    assert sandbox.count() == 5
