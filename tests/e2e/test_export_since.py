"""``bulkzoho export --since last``: each change is in one export, and none is left out."""

from __future__ import annotations

import csv
import json
import signal
import urllib.request
from pathlib import Path

import pytest

from .harness import Ended, Program, SandboxMaker, SandboxProcess, wait_until
from .other_client import OtherClient

WORDS = ("export", "Leads", "-o", "leads.csv", "--since", "last", "--fields", "City", "--json")


def _move(sandbox: SandboxProcess, lead: str, city: str) -> None:
    """Change a lead's city as another user."""
    body = json.dumps({"id": lead, "City": city}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{sandbox.url}/__sandbox/records/Leads", body, method="PUT")).close()


def _cities(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["City"] for row in csv.DictReader(file)]


def _calls(ended: Ended) -> int:
    return int(ended.summary["calls"]["total"])


def test_a_change_within_the_second_of_an_exported_one_is_in_the_next_export(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", ({"Last_Name": f"Lead {n}", "City": "Oslo"} for n in range(40)))
    leads = [str(one["id"]) for one in sandbox.records("Leads")]

    # bulkzoho export Leads -o leads.csv --since last, as records are changed twice; the same twice more
    _move(sandbox, leads[0], "Bergen")
    running = bulkzoho.start(*WORDS)
    for city in ("Bergen", "Tromsø"):
        for lead in leads:
            _move(sandbox, lead, city)
    running.wait().expect(0)
    first = _cities(bulkzoho.folder / "leads.csv")
    after = _calls(bulkzoho.run(*WORDS).expect(0))
    then = _cities(bulkzoho.folder / "leads.csv")
    last = _calls(bulkzoho.run(*WORDS).expect(0))

    assert len(first) == 40
    assert first.count("Tromsø") + then.count("Tromsø") >= 40
    assert (after >= 3, last, _cities(bulkzoho.folder / "leads.csv")) == (True, 3, [])


@pytest.mark.parametrize("many", [1_500, 2_500])
def test_three_calls_detect_that_nothing_changed_right_after_many_changes(
    bulkzoho: Program, sandbox: SandboxProcess, many: int
) -> None:
    sandbox.put("Leads", ({"Last_Name": f"Lead {n}", "City": "Oslo"} for n in range(many)))

    # bulkzoho export Leads -o leads.csv --since last, twice; a change, and again; ten minutes later, twice
    first = bulkzoho.run(*WORDS).expect(0)
    again = bulkzoho.run(*WORDS).expect(0)
    _move(sandbox, str(sandbox.records("Leads")[7]["id"]), "Bergen")
    changed = bulkzoho.run(*WORDS).expect(0)
    sandbox.advance(600)
    later = [bulkzoho.run(*WORDS).expect(0) for _ in range(2)]

    read = [one.summary["rows"]["read"] for one in (first, again, changed, *later)]
    assert read == [many, 0, 1, 0, 0]
    assert (_calls(again), _calls(later[1])) == (3, 3)


@pytest.mark.parametrize("converted", ["true", "both"])
def test_a_lead_that_is_converted_after_many_others_is_not_left_out(
    bulkzoho: Program, sandbox: SandboxProcess, converted: str
) -> None:
    sandbox.put("Leads", ({"Last_Name": f"Lead {n}"} for n in range(251)))
    leads, client = [str(one["id"]) for one in sandbox.records("Leads")], OtherClient(sandbox.environment)
    words = (*WORDS, "--converted", converted)

    def convert(lead: str) -> None:
        client.call("POST", f"Leads/{lead}/actions/convert", {"data": [{}]})

    for lead in leads[1:]:
        convert(lead)

    # bulkzoho export Leads -o leads.csv --since last --converted both; a lead is converted; the same again
    bulkzoho.run(*words).expect(0)
    convert(leads[0])
    sandbox.advance(10)
    again = bulkzoho.run(*words).expect(0).summary

    assert again["rows"]["read"] == 1


def test_the_next_export_knows_what_a_killed_process_read(tmp_path: Path, new_sandbox: SandboxMaker) -> None:
    sandbox = new_sandbox("--edition", "ultimate", "--licences", "1000", "--latency", "0.1")
    bulkzoho = Program(tmp_path, dict(sandbox.environment))
    sandbox.put("Leads", ({"Last_Name": f"Lead {n}", "City": "Oslo"} for n in range(1_600)))
    sandbox.advance(10)

    # bulkzoho export Leads -o leads.csv --since last --route list; kill -9; bulkzoho resume; the same again
    running = bulkzoho.start(*WORDS, "--route", "list")
    wait_until(lambda: [one for one in bulkzoho.home.glob("runs/*/strands/*") if one.stat().st_size > 20_000], what="pages")
    running.signal(signal.SIGKILL)
    running.wait()
    resumed = bulkzoho.run("resume", "--json").expect(0).summary
    again = bulkzoho.run(*WORDS, "--route", "list").expect(0)

    assert resumed["rows"]["read"] == 1_600
    assert again.summary["rows"]["read"] == 0


def test_the_next_export_knows_what_was_read_before_a_process_that_read_nothing(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    sandbox.put("Leads", [{"Last_Name": "Lead", "City": "Oslo"}])
    sandbox.advance(10)
    sandbox.script({"kind": "slow", "seconds": 1.0, "operation": "list"})
    folder = bulkzoho.folder / "out"
    folder.mkdir()

    # bulkzoho export Leads -o out/leads.csv --since last; rmdir out; mkdir out; bulkzoho resume; the same again
    words = (*WORDS, "-o", "out/leads.csv")
    running = bulkzoho.start(*words)
    wait_until(lambda: "Exporting" in running.err(), what="the plan")
    folder.rmdir()
    running.wait().expect(1)
    folder.mkdir()
    bulkzoho.run("resume").expect(0)
    again = bulkzoho.run(*words).expect(0)

    assert (again.summary["rows"]["read"], _calls(again)) == (0, 3)
