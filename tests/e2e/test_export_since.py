"""``bulkzoho export --since last``: what one export after the other gives, and that no change is left out."""

from __future__ import annotations

import csv
import json
import math
import urllib.request
from pathlib import Path

from .rig import Ended, Program, SandboxProcess

WORDS = ("export", "Leads", "-o", "leads.csv", "--since", "last", "--fields", "City", "--json")


def _move(sandbox: SandboxProcess, lead: str, city: str) -> None:
    """Let another user change a lead's city."""
    body = json.dumps({"id": lead, "City": city}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{sandbox.url}/__sandbox/records/Leads", body, method="PUT")).close()


def _cities(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["City"] for row in csv.DictReader(file)]


def _calls(ended: Ended) -> int:
    return int(ended.summary["calls"]["total"])


def test_a_change_within_the_second_of_an_exported_one_comes_with_the_next_export(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    sandbox.put("Leads", [{"Last_Name": "Lead", "City": "Oslo"}])
    lead = str(sandbox.records("Leads")[0]["id"])
    bulkzoho.run(*WORDS).expect(0)
    sandbox.change(time_scale=0.01)  # a second of the CRM is long enough for two changes and an export
    sandbox.advance(10)
    now = sandbox.wall()
    sandbox.advance(math.ceil(now) - now)

    # bulkzoho export Leads -o leads.csv --since last; a change; the same three times
    seen, times, calls = [], [], []
    for city in ("Bergen", "Tromsø"):
        _move(sandbox, lead, city)
        times.append(sandbox.records("Leads")[0]["Modified_Time"])
        calls.append(_calls(bulkzoho.run(*WORDS).expect(0)))
        seen.append(_cities(bulkzoho.folder / "leads.csv"))
    sandbox.change(time_scale=1)
    sandbox.advance(10)
    for _ in range(2):
        calls.append(_calls(bulkzoho.run(*WORDS).expect(0)))
        seen.append(_cities(bulkzoho.folder / "leads.csv"))

    assert times[0] == times[1], "the CRM's times do not tell the changes apart"
    assert seen[:2] == [["Bergen"], ["Tromsø"]]
    assert seen[2:] == [["Tromsø"], []], "it comes once more, when no other change can have that second"
    assert calls[-1] == 3, "and then nothing has changed"
