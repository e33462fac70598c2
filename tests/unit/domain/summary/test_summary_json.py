"""The summary as programs read it."""

from __future__ import annotations

from bulkzoho.domain.model.progress import CallCounts
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.model.summary import RunListEntry, Summary
from bulkzoho.domain.summary.summary_json import failed_summary_json, run_line_json, summary_json
from bulkzoho.errors import ExitCode, RefusedError, UnreachableError

PROMISED = [
    "run",
    "command",
    "crm_module",
    "operation",
    "route",
    "status",
    "exit_code",
    "rows",
    "calls",
    "credits",
    "seconds",
    "records_per_second",
    "quota",
    "dead_letter",
    "results",
    "next",
    "org",
    "input_complete",
    "in_doubt_file",
]


def _summary(**changes: object) -> Summary:
    facts: dict[str, object] = {
        "run": "20261124-101500-leads-7f3a",
        "command": "import",
        "crm_module": "Leads",
        "operation": Operation.UPSERT,
        "route": "records",
        "status": RunStatus.COMPLETED,
        "exit_code": ExitCode.DEAD_LETTERS,
        "tally": RowCounts(read=1000, created=900, updated=90, dead_lettered=10),
        "calls": CallCounts(total=12, retried=1, throttled=1, credits=100),
        "seconds": 7.1,
        "plan": "enterprise",
        "calls_per_minute": 500,
        "used_share": 0.99,
        "bound": "calls in flight",
        "org": "650000001",
        "input_complete": True,
        "dead_letter": "/home/runs/x/dead-letter.jsonl",
        "results": "/home/runs/x/results.jsonl",
        "in_doubt_file": None,
        "next": "bulkzoho replay /home/runs/x/dead-letter.jsonl",
    }
    return Summary(**{**facts, **changes})  # type: ignore[arg-type]  # the facts above are of the right types


def test_the_summary_has_the_promised_keys_and_numbers() -> None:
    report = summary_json(_summary())

    assert [key for key in PROMISED if key not in report] == []
    assert report["rows"]["accepted"] == 990
    assert report["calls"] == {"total": 12, "retried": 1, "throttled": 1}
    assert (report["credits"], report["seconds"], report["records_per_second"]) == (100, 7.1, 139.4)
    assert report["quota"] == {"plan": "enterprise", "calls_per_minute": 500, "used_share": 0.99, "bound": "calls in flight"}


def test_words_and_codes_are_plain_json_values() -> None:
    report = summary_json(_summary())

    assert type(report["exit_code"]) is int
    assert [type(report[key]) for key in ("operation", "status")] == [str, str]


def test_error_stands_in_the_summary_only_after_a_failure() -> None:
    fine = summary_json(_summary())
    failed = summary_json(_summary(error={"code": "ACCESS", "message": "no", "hint": "ask"}))

    assert "error" not in fine
    assert failed["error"] == {"code": "ACCESS", "message": "no", "hint": "ask"}


def test_a_run_of_no_time_has_no_rate() -> None:
    assert summary_json(_summary(seconds=0.0))["records_per_second"] == 0.0


def test_a_refusal_has_the_same_keys_as_a_summary_and_no_rows() -> None:
    error = RefusedError("leads.csv: no such file.", hint="Check the path.")

    report = failed_summary_json(error, command="import", crm_module="Leads", operation="insert")

    assert set(report) - {"error"} == set(summary_json(_summary()))
    assert sum(report["rows"].values()) == 0
    assert (report["status"], report["exit_code"]) == ("failed", 4)
    assert report["error"] == {"code": "REFUSED", "message": "leads.csv: no such file.", "hint": "Check the path."}


def test_an_unreachable_crm_is_an_interruption_and_nothing_to_resume_is_none() -> None:
    assert failed_summary_json(UnreachableError("no answer"), command="import")["status"] == "interrupted"
    assert failed_summary_json(None, command="resume")["exit_code"] == 0


def test_a_line_of_the_list_of_runs_carries_its_rows() -> None:
    line = RunListEntry(
        run="r",
        command="import",
        crm_module="Leads",
        operation="insert",
        status="running",
        started="t",
        tally=RowCounts(read=3),
        folder="f",
    )

    assert run_line_json(line)["rows"]["read"] == 3
