"""``bulkzoho export``: a module into a file, each record once."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import resource
import signal
import urllib.request
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from .harness import Program, SandboxMaker, SandboxProcess, wait_until

ALL_TYPES: dict[str, Any] = {
    "Last_Name": 'Å "quoted", and\nbroken 名',
    "Email": "all@example.com",
    "Annual_Revenue": 1200.5,
    "No_of_Employees": 42,
    "Email_Opt_Out": True,
    "Score": 0.125,
    "Birthday": "2020-02-29",
    "Last_Contacted": "2026-02-01T10:00:00+01:00",
    "Languages": ["English", "Swedish"],
    "External_Id": "007",
}


def _put(sandbox: SandboxProcess, count: int, *, start: int = 1) -> None:
    sandbox.put("Leads", ({"Last_Name": f"Lead {n}", "External_Id": f"X-{n}"} for n in range(start, start + count)))


def _delete(sandbox: SandboxProcess, ids: Iterable[str]) -> None:
    _others(sandbox, "DELETE", f"?ids={','.join(ids)}")


def _edit(sandbox: SandboxProcess, records: Iterable[dict[str, Any]]) -> None:
    _others(sandbox, "PUT", "", "\n".join(map(json.dumps, records)))


def _others(sandbox: SandboxProcess, method: str, query: str, body: str = "") -> None:
    """Change records as other users."""
    address = f"{sandbox.url}/__sandbox/records/Leads{query}"
    urllib.request.urlopen(urllib.request.Request(address, body.encode() or None, method=method), timeout=30).close()


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _names(rows: Iterable[dict[str, Any]]) -> list[str]:
    return sorted(str(row["Last_Name"]) for row in rows)


@pytest.mark.parametrize("route", ["list", "coql", "bulk"])
def test_a_module_is_exported_to_csv_value_for_value(bulkzoho: Program, sandbox: SandboxProcess, route: str) -> None:
    sandbox.put("Leads", [ALL_TYPES, {"Last_Name": "Bare"}])

    # bulkzoho export Leads -o leads.csv --route list --json
    summary = bulkzoho.run("export", "Leads", "-o", "leads.csv", "--route", route, "--json").expect(0).summary

    rows = {row["Last_Name"]: row for row in _rows((bulkzoho.folder / "leads.csv").read_bytes().decode())}
    whole, bare = rows[ALL_TYPES["Last_Name"]], rows["Bare"]
    owner = sandbox.records("Leads")[0]["Owner"]["id"] if "Owner" in sandbox.records("Leads")[0] else whole["Owner"]
    assert {name: whole[name] for name in ALL_TYPES} == {
        **{name: str(value) for name, value in ALL_TYPES.items()},
        "Email_Opt_Out": "true",
        "Languages": "English;Swedish",
    }
    assert whole["Owner"] == owner
    assert {bare[name] for name in ALL_TYPES if name != "Last_Name"} <= {"", "false"}
    assert (summary["command"], summary["route"], summary["rows"]["read"]) == ("export", route, 2)
    assert (summary["export"]["count"], summary["export"]["difference"]) == (2, 0)


def test_json_lines_have_values_as_the_crm_returns_them(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", [ALL_TYPES])

    # bulkzoho export Leads -o leads.jsonl.gz
    bulkzoho.run("export", "Leads", "-o", "leads.jsonl.gz").expect(0)

    lines = gzip.decompress((bulkzoho.folder / "leads.jsonl.gz").read_bytes()).splitlines()
    record = json.loads(lines[0])
    assert {name: record[name] for name in ALL_TYPES} == ALL_TYPES
    assert record["id"] == sandbox.records("Leads")[0]["id"]
    assert {"id", "name"} <= record["Owner"].keys()
    assert record["Website"] is None


def test_parquet_has_a_type_per_field_by_file_name_or_option(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", [ALL_TYPES])

    # bulkzoho export Leads -o leads.parquet; bulkzoho export Leads --format parquet
    bulkzoho.run("export", "Leads", "-o", "leads.parquet").expect(0)
    bulkzoho.run("export", "Leads", "-o", "told", "--format", "parquet", "--route", "list").expect(0)

    whole, told = (parquet.read_table(bulkzoho.folder / name) for name in ("leads.parquet", "told"))
    assert whole.equals(told)
    row = whole.to_pylist()[0]
    assert (row["Annual_Revenue"], row["No_of_Employees"], row["Email_Opt_Out"]) == (Decimal("1200.5"), 42, True)
    assert (row["Birthday"], row["Last_Contacted"]) == (date(2020, 2, 29), datetime(2026, 2, 1, 9, tzinfo=UTC))
    assert (row["Languages"], row["External_Id"], row["Website"]) == (["English", "Swedish"], "007", None)
    assert row["Owner"].keys() == {"id", "name", "email"}
    assert "without .gz" in bulkzoho.run("export", "Leads", "-o", "leads.parquet.gz").expect(2).err


def test_fields_are_in_the_requested_order_on_standard_output(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    _put(sandbox, 3)

    # bulkzoho export Leads --fields "External Id,Last_Name" --json
    ended = bulkzoho.run("export", "Leads", "--fields", "External Id,Last_Name", "--json").expect(0)

    assert list(_rows(ended.out)[0]) == ["id", "External_Id", "Last_Name"]
    assert sorted(row["External_Id"] for row in _rows(ended.out)) == ["X-1", "X-2", "X-3"]
    assert json.loads(ended.err.splitlines()[-1])["rows"]["read"] == 3


def test_an_empty_module_is_a_header_only(bulkzoho: Program) -> None:
    # bulkzoho export Deals -o deals.csv --fields Stage
    bulkzoho.run("export", "Deals", "-o", "deals.csv", "--fields", "Stage").expect(0)

    assert (bulkzoho.folder / "deals.csv").read_bytes() == b"id,Stage\r\n"


@pytest.mark.parametrize("route", ["list", "coql"])
def test_a_killed_export_continues_to_the_same_bytes(tmp_path: Path, new_sandbox: SandboxMaker, route: str) -> None:
    sandbox = new_sandbox("--edition", "ultimate", "--licences", "1000", "--latency", "0.1")
    bulkzoho = Program(tmp_path, dict(sandbox.environment))
    _put(sandbox, 6_000 if route == "coql" else 2_500)
    whole = bulkzoho.run("export", "Leads", "-o", "whole.csv", "--route", route, "--json").expect(0).summary
    before = len(sandbox.calls())

    # bulkzoho export Leads -o cut.csv --route list; kill -9; bulkzoho resume
    running = bulkzoho.start("export", "Leads", "-o", "cut.csv", "--route", route)
    wait_until(lambda: [one for one in bulkzoho.home.glob("runs/*/strands/*") if one.stat().st_size], what="a page")
    running.signal(signal.SIGKILL)
    running.wait()
    assert not (tmp_path / "cut.csv").exists()
    summary = bulkzoho.run("resume", "--json").expect(0).summary

    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert summary["rows"] == whole["rows"]
    reads = [one for one in sandbox.calls()[before:] if one["operation"] in ("list", "coql")]
    assert len(reads) <= whole["calls"]["total"] + 2, "what was settled is read again"
    assert not list(bulkzoho.home.glob("runs/*/strands"))


def test_an_interrupted_export_shows_how_to_continue(tmp_path: Path, new_sandbox: SandboxMaker) -> None:
    sandbox = new_sandbox("--edition", "ultimate", "--licences", "1000", "--latency", "0.1")
    bulkzoho = Program(tmp_path, dict(sandbox.environment))
    _put(sandbox, 4_000)

    # bulkzoho export Leads -o leads.csv --route list; Ctrl-C
    running = bulkzoho.start("export", "Leads", "-o", "leads.csv", "--route", "list", "--json")
    wait_until(lambda: [one for one in bulkzoho.home.glob("runs/*/strands/*") if one.stat().st_size], what="a page")
    running.signal(signal.SIGINT)
    summary = running.wait().expect(5).summary

    assert summary["next"] == f"bulkzoho resume {summary['run']}"
    assert 0 < summary["rows"]["read"] < 4_000
    assert not (tmp_path / "leads.csv").exists()
    assert bulkzoho.run(*summary["next"].split()[1:], "--json").expect(0).summary["rows"]["read"] == 4_000


def test_records_created_and_deleted_meanwhile_leave_no_gap_and_no_duplicate(tmp_path: Path, new_sandbox: SandboxMaker) -> None:
    sandbox = new_sandbox("--edition", "ultimate", "--licences", "1000", "--latency", "0.1")
    bulkzoho = Program(tmp_path, dict(sandbox.environment))
    _put(sandbox, 3_000)
    gone = [str(one["id"]) for one in sandbox.records("Leads")[1_000:1_100]]

    # bulkzoho export Leads --route list, while others make, change and delete records
    running = bulkzoho.start("export", "Leads", "-o", "leads.csv", "--route", "list", "--json", "--fields", "Last_Name,City")
    wait_until(lambda: [one for one in bulkzoho.home.glob("runs/*/strands/*") if one.stat().st_size], what="a page")
    sandbox.advance(5)
    sandbox.put("Leads", ({"Last_Name": f"Late {n}"} for n in range(300)))
    _edit(sandbox, ({"id": one["id"], "City": "Moved"} for one in sandbox.records("Leads")[:50]))
    _delete(sandbox, gone)
    summary = running.wait().expect(0).summary

    names = _names(_rows((tmp_path / "leads.csv").read_text(encoding="utf-8")))
    deleted = {f"Lead {n}" for n in range(1_001, 1_101)}
    assert len(names) == len(set(names))
    assert set(names) | deleted == {f"Lead {n}" for n in range(1, 3_001)}
    assert summary["export"]["difference"] == len(names) - 2_900
    assert summary["export"]["difference"] == 0 or "100 deleted" in summary["export"]["why"]


def test_only_records_that_match_a_condition_are_exported(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", ({"Last_Name": f"L{n}", "Score": n, "City": "O'slo" if n % 2 else None} for n in range(10)))

    # bulkzoho export Leads --where "City = 'O''slo' and (Score > 4 or Last Name = 'L1')"
    ended = bulkzoho.run("export", "Leads", "--where", "City = 'O''slo' and (Score > 4 or `Last Name` = 'L1')", "--json").expect(
        0
    )

    assert _names(_rows(ended.out)) == ["L1", "L5", "L7", "L9"]
    summary = json.loads(ended.err.splitlines()[-1])
    assert (summary["route"], summary["export"]["count"]) == ("coql", 4)


def test_since_a_time_exports_changes_and_deletions_as_tombstones(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    _put(sandbox, 4)
    ids = [str(one["id"]) for one in sandbox.records("Leads")]
    sandbox.advance(3_600)
    since = datetime.now(UTC) + timedelta(seconds=1_800)
    _edit(sandbox, [{"id": ids[0], "City": "Oslo"}])
    _delete(sandbox, [ids[3]])

    # bulkzoho export Leads --since 2026-11-24T10:00:00+00:00 --fields Last_Name,City
    words = ("--since", since.isoformat(timespec="seconds"), "--fields", "Last_Name,City")
    rows = _rows(bulkzoho.run("export", "Leads", *words).expect(0).out)

    assert [(row["id"], row["City"]) for row in rows] == [(ids[0], "Oslo"), (ids[3], "")]
    assert [bool(row["bulkzoho_deleted"]) for row in rows] == [False, True]


def test_since_last_continues_where_the_last_export_ended(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    _put(sandbox, 5)
    ids = [str(one["id"]) for one in sandbox.records("Leads")]
    words = ("export", "Leads", "-o", "leads.csv", "--since", "last", "--fields", "Last_Name", "--json")
    first = bulkzoho.run(*words).expect(0).summary
    before = len(sandbox.calls())

    # bulkzoho export Leads -o leads.csv --since last
    idle = bulkzoho.run(*words).expect(0).summary
    made = [one["operation"] for one in sandbox.calls()[before:]]
    sandbox.advance(2)
    _edit(sandbox, [{"id": ids[1], "Last_Name": "Changed"}])
    sandbox.put("Leads", [{"Last_Name": "New"}])
    _delete(sandbox, [ids[4]])
    busy = bulkzoho.run(*words).expect(0).summary
    changed = _rows((bulkzoho.folder / "leads.csv").read_text(encoding="utf-8"))
    again = bulkzoho.run(*words).expect(0).summary

    assert [one["rows"]["read"] for one in (first, idle, busy, again)] == [5, 0, 3, 0]
    assert [one["calls"]["total"] for one in (idle, again)] == [3, 3]
    assert made == ["org", "list", "deleted"], "the CRM itself counts no other calls"
    assert [(row["Last_Name"], bool(row["bulkzoho_deleted"])) for row in changed] == [
        ("New", False),
        ("Changed", False),
        ("", True),
    ]


def test_the_cursor_moves_only_when_the_file_is_complete(tmp_path: Path, new_sandbox: SandboxMaker) -> None:
    sandbox = new_sandbox("--edition", "ultimate", "--licences", "1000", "--latency", "0.1")
    bulkzoho = Program(tmp_path, dict(sandbox.environment))
    _put(sandbox, 3_000)
    words = ("export", "Leads", "-o", "leads.csv", "--since", "last", "--state", "nightly", "--route", "list", "--json")

    # bulkzoho export Leads -o leads.csv --since last --state nightly; kill -9; the same again; bulkzoho resume
    running = bulkzoho.start(*words)
    wait_until(lambda: [one for one in bulkzoho.home.glob("runs/*/strands/*") if one.stat().st_size], what="a page")
    running.signal(signal.SIGKILL)
    running.wait()
    resumed = bulkzoho.run("resume", "--json").expect(0).summary
    again = bulkzoho.run(*words).expect(0).summary
    other = bulkzoho.run("export", "Contacts", "--since", "last", "--state", "nightly").expect(4)

    assert "the state nightly belongs to another export" in other.err
    assert resumed["rows"]["read"] == 3_000
    assert again["rows"]["read"] <= 3_000
    assert again["export"]["changed_since"] is not None


def test_a_killed_bulk_export_finds_its_job_again(tmp_path: Path, new_sandbox: SandboxMaker) -> None:
    sandbox = new_sandbox("--edition", "ultimate", "--licences", "1000")
    bulkzoho = Program(tmp_path, dict(sandbox.environment))
    _put(sandbox, 2_000)
    sandbox.change(job_time_s=3.0)

    # bulkzoho export Leads -o leads.csv --route bulk; kill -9; bulkzoho resume
    running = bulkzoho.start("export", "Leads", "-o", "leads.csv", "--route", "bulk")
    wait_until(lambda: any(one["operation"] == "bulk_read_status" for one in sandbox.calls()), what="a look at the job")
    running.signal(signal.SIGKILL)
    running.wait()
    summary = bulkzoho.run("resume", "--json").expect(0).summary
    bulkzoho.run("export", "Leads", "-o", "other.csv", "--route", "coql").expect(0)

    assert (summary["route"], summary["rows"]["read"], summary["export"]["difference"]) == ("bulk", 2_000, 0)
    assert [one["operation"] for one in sandbox.calls()].count("bulk_read") == 1
    assert (tmp_path / "leads.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()


def test_a_bulk_export_has_the_same_conditions(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", ({"Last_Name": f"L{n}", "Score": n, "City": "Oslo" if n % 2 else None} for n in range(10)))

    # bulkzoho export Leads --route bulk --where "City = 'Oslo' and Score > 4"
    ended = bulkzoho.run("export", "Leads", "--route", "bulk", "--where", "City = 'Oslo' and Score > 4").expect(0)

    assert _names(_rows(ended.out)) == ["L5", "L7", "L9"]


def test_a_condition_that_one_route_cannot_express_uses_another(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", ({"Last_Name": f"L{n}"} for n in range(3)))
    names = ", ".join(f"'L{n}'" for n in range(1, 150))  # COQL allows a hundred

    # bulkzoho export Leads --where "Last_Name in ('L1', 'L2', ... 'L149')"
    ended = bulkzoho.run("export", "Leads", "--where", f"Last_Name in ({names})", "--json").expect(0)

    assert _names(_rows(ended.out)) == ["L1", "L2"]
    summary = json.loads(ended.err.splitlines()[-1])
    assert (summary["route"], "cannot express this condition" in summary["export"]["reason"]) == ("bulk", True)


def test_a_bulk_read_that_fails_ends_the_run_resumable(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    _put(sandbox, 10)
    sandbox.script({"kind": "job_failure", "operation": "bulk_read"})

    # bulkzoho export Leads -o leads.csv --route bulk --json; bulkzoho resume
    failed = bulkzoho.run("export", "Leads", "-o", "leads.csv", "--route", "bulk", "--json").expect(1).summary
    sandbox.script()
    resumed = bulkzoho.run("resume", "--json").expect(0).summary

    assert failed["error"]["code"] == "BULK_READ_FAILED"
    assert (failed["status"], failed["next"]) == ("failed", f"bulkzoho resume {failed['run']}")
    assert resumed["rows"]["read"] == 10


def test_a_disk_without_room_for_a_bulk_read_is_reported_and_not_the_network(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", ({"Last_Name": f"L{n}", "Description": os.urandom(1_000).hex()} for n in range(1_000)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    # ulimit -f 800; bulkzoho export Leads -o leads.csv --route bulk; ulimit -f unlimited; bulkzoho resume
    resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, before[1]))  # the zip has more than a million bytes
    try:
        running = bulkzoho.start("export", "Leads", "-o", "leads.csv", "--route", "bulk", "--give-up-after", "10s", "--json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    failed = running.wait().expect(1).summary
    left = [*bulkzoho.home.glob("runs/*/strands/*.zip")]
    resumed = bulkzoho.run("resume", "--json").expect(0).summary

    assert failed["error"]["code"] == "CANNOT_WRITE"
    assert (failed["error"]["hint"], failed["status"]) == ("Make room on the disk, then resume.", "failed")
    assert left == [], "what did not fit would keep others from the disk"
    assert resumed["rows"]["read"] == 1_000
    made = [one["operation"] for one in sandbox.calls()]
    assert (made.count("bulk_read"), made.count("bulk_read_result")) == (1, 2)


def test_a_link_stays_a_link_and_a_device_a_device(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    _put(sandbox, 2)
    target, link, pipe = (bulkzoho.folder / name for name in ("target.csv", "link.csv", "pipe"))
    target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    os.mkfifo(pipe)

    # bulkzoho export Leads -o link.csv; bulkzoho export Leads -o pipe
    bulkzoho.run("export", "Leads", "-o", "link.csv", "--fields", "Last_Name").expect(0)
    refused = bulkzoho.run("export", "Leads", "-o", "pipe").expect(4)

    assert link.is_symlink()
    assert len(_rows(target.read_text(encoding="utf-8"))) == 2
    assert "is not a regular file" in refused.err
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_resume_of_an_export_refuses_settings_of_imports(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    _put(sandbox, 2)
    sandbox.script({"kind": "job_failure", "operation": "bulk_read"})
    failed = bulkzoho.run("export", "Leads", "-o", "leads.csv", "--route", "bulk", "--json").expect(1).summary
    sandbox.script()

    # bulkzoho resume --max-errors 5; bulkzoho resume --calls-per-minute 100
    bulkzoho.run("resume", failed["run"], "--max-errors", "5").expect(2)
    resumed = bulkzoho.run("resume", failed["run"], "--calls-per-minute", "100", "--json").expect(0).summary

    assert resumed["rows"]["read"] == 2
    assert resumed["quota"]["calls_per_minute"] == 100
