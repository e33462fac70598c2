"""``bulkzoho export`` of records by their ids, of converted leads, of deleted records, and of long lists."""

from __future__ import annotations

import csv
import io
import json
import signal
from pathlib import Path

import pytest

from .harness import Program, SandboxMaker, SandboxProcess, wait_until
from .other_client import OtherClient


def _put(sandbox: SandboxProcess, count: int) -> list[str]:
    made = sandbox.put("Leads", ({"Last_Name": f"Lead {n}", "Score": n} for n in range(1, count + 1)))
    assert len(made) == count
    return [str(one["id"]) for one in sandbox.records("Leads")]


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _credits(sandbox: SandboxProcess, operation: str) -> list[int]:
    return [one["credits"] for one in sandbox.calls() if one["operation"] == operation]


@pytest.mark.parametrize("route", ["list", "coql"])
def test_records_of_ids_are_exported_once_in_their_order_and_missing_ids_are_listed(
    bulkzoho: Program, sandbox: SandboxProcess, route: str
) -> None:
    ids = _put(sandbox, 260)
    sandbox.delete("Leads", ids[7])
    asked = [*ids[99::-1], "12345", *ids[:20], f"zcrm_{ids[150]}"]
    bulkzoho.file("ids.txt", "\n".join(asked))

    # bulkzoho export Leads -o leads.csv --ids ids.txt --route list --json
    words = ("export", "Leads", "-o", "leads.csv", "--ids", "ids.txt", "--fields", "Last_Name", "--route", route)
    ended = bulkzoho.run(*words, "--json").expect(0)

    found = ended.summary["export"]["ids"]
    assert [row["id"] for row in _rows((bulkzoho.folder / "leads.csv").read_text())] == [*ids[:7], *ids[8:100], ids[150]]
    assert (found["asked"], found["found"], found["missing"]) == (102, 100, 2)
    assert found["first_missing"] == ["12345", ids[7]]
    assert Path(found["file"]).read_text().split() == ["12345", ids[7]]
    assert "2 of 102 ids are not among the Leads" in ended.err
    assert len(_credits(sandbox, "list" if route == "list" else "coql")) == (3 if route == "list" else 2)


def test_ids_are_read_from_the_results_of_an_import_and_a_condition_filters_them(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    ids = _put(sandbox, 3)
    lines = (json.dumps({"row": 1, "id": one, "action": "insert", "source": "a.csv"}) for one in (ids[2], ids[0]))

    # bulkzoho export Leads --ids - --where "Score > 1" < results.jsonl
    words = ("export", "Leads", "--ids", "-", "--fields", "Score", "--where", "Score > 1")
    ended = bulkzoho.run(*words, text="\n".join(lines)).expect(0)

    assert [row["id"] for row in _rows(ended.out)] == [ids[2]]
    assert ids[0] in ended.err


def test_an_interrupted_export_of_ids_has_the_same_bytes_and_the_same_missing_ids(
    tmp_path: Path, new_sandbox: SandboxMaker
) -> None:
    sandbox = new_sandbox("--edition", "ultimate", "--licences", "1000", "--latency", "0.1")
    bulkzoho = Program(tmp_path, dict(sandbox.environment))
    ids = _put(sandbox, 2_400)
    sandbox.delete("Leads", *ids[::300])
    listed = bulkzoho.file("ids.txt", "\n".join(ids))
    words = ("export", "Leads", "--ids", "ids.txt", "--route", "coql", "--calls-per-minute", "100000")
    whole = bulkzoho.run(*words, "-o", "whole.csv", "--json").expect(0).summary

    # bulkzoho export Leads -o cut.csv --ids ids.txt; Ctrl-C; rm ids.txt; bulkzoho resume
    running = bulkzoho.start(*words, "-o", "cut.csv")
    wait_until(lambda: [one for one in bulkzoho.home.glob("runs/*/strands/*") if one.stat().st_size], what="a page")
    running.signal(signal.SIGINT)
    running.wait().expect(5)
    listed.unlink()
    summary = bulkzoho.run("resume", "--json").expect(0).summary

    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert {**summary["export"]["ids"], "file": ""} == {**whole["export"]["ids"], "file": ""}
    assert Path(summary["export"]["ids"]["file"]).read_text().split() == ids[::300]


def test_deleted_records_follow_the_others(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    ids = _put(sandbox, 250)
    sandbox.delete("Leads", *ids[:210])
    bulkzoho.file("ids.txt", f"{ids[0]}\n{ids[240]}")

    # bulkzoho export Leads -o leads.csv --include-deleted --route bulk; the same --ids ids.txt
    every = bulkzoho.run("export", "Leads", "--fields", "Score", "--include-deleted", "--route", "bulk", "--json").expect(0)
    some = bulkzoho.run("export", "Leads", "--fields", "Score", "--include-deleted", "--ids", "ids.txt").expect(0)

    rows = _rows(every.out)
    assert [row["id"] for row in rows[:40]] == ids[210:]
    assert {row["id"] for row in rows[40:]} == set(ids[:210])
    assert [bool(row["bulkzoho_deleted"]) for row in rows] == [False] * 40 + [True] * 210
    told = json.loads(every.err.splitlines()[-1])
    assert (len(rows), told["rows"]["read"], told["export"]["deleted"], told["export"]["difference"]) == (250, 250, 210, 0)
    assert [(row["id"], bool(row["bulkzoho_deleted"])) for row in _rows(some.out)] == [(ids[240], False), (ids[0], True)]


def test_converted_leads_are_left_out_alone_or_included(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", [{"Last_Name": "Open"}, {"Last_Name": "Gone"}])
    OtherClient(sandbox.environment).call("POST", f"Leads/{sandbox.records('Leads')[1]['id']}/actions/convert", {"data": [{}]})
    wanted = {
        ("coql", "false"): ["Open"],
        ("list", "true"): ["Gone"],
        ("coql", "true"): ["Gone"],
        ("auto", "both"): ["Gone", "Open"],
    }

    # bulkzoho export Leads --converted both
    words = ("export", "Leads", "--fields", "Last_Name", "--json")
    ends = {each: bulkzoho.run(*words, "--route", each[0], "--converted", each[1]).expect(0) for each in wanted}

    assert {each: sorted(row["Last_Name"] for row in _rows(ended.out)) for each, ended in ends.items()} == wanted
    assert {json.loads(ended.err.splitlines()[-1])["export"]["difference"] for ended in ends.values()} == {0}
