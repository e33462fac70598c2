"""The summary of a run as a JSON object: what ``--json`` prints and ``report.json`` holds.  The keys are a contract."""

from __future__ import annotations

from typing import Any

from bulkzoho.errors import BulkZohoError, ExitCode
from bulkzoho.model.outcomes import Tally
from bulkzoho.model.run import CallCounts, RunLine, RunStatus, Summary

__all__ = ["error_json", "refusal_json", "run_line_json", "summary_json"]


def summary_json(summary: Summary) -> dict[str, Any]:
    """Give *summary* as the object that programs read; ``error`` is there only after a failure.

    Seconds are rounded to milliseconds; ``records_per_second`` counts accepted rows.
    """
    report: dict[str, Any] = {
        "run": summary.run,
        "command": summary.command,
        "crm_module": summary.crm_module,
        "operation": str(summary.operation),
        "route": summary.route,
        "status": str(summary.status),
        "exit_code": int(summary.exit_code),
        **_work_json(summary.tally, summary.calls, summary.seconds),
        "quota": {
            "plan": summary.plan,
            "calls_per_minute": summary.calls_per_minute,
            "used_share": round(summary.used_share, 4),
            "bound": summary.bound,
        },
        "org": summary.org,
        "input_complete": summary.input_complete,
        "crm_before": summary.crm_before,
        "crm_after": summary.crm_after,
        "dead_letter": summary.dead_letter,
        "results": summary.results,
        "in_doubt_file": summary.in_doubt_file,
        "next": summary.next,
    }
    if summary.error is not None:
        report["error"] = dict(summary.error)
    return report


def refusal_json(error: BulkZohoError | None, *, command: str, crm_module: str = "", operation: str = "") -> dict[str, Any]:
    """Give the summary of a command that ended before a run began; with no *error* there was nothing to do."""
    report: dict[str, Any] = {
        "run": "",
        "command": command,
        "crm_module": crm_module,
        "operation": operation,
        "route": "",
        "status": str(_status_of(error)),
        "exit_code": int(ExitCode.ACCEPTED if error is None else error.exit_code),
        **_work_json(Tally(), CallCounts(), 0.0),
        "quota": {"plan": "", "calls_per_minute": 0, "used_share": 0.0, "bound": ""},
        "org": "",
        "input_complete": error is None,
        "crm_before": None,
        "crm_after": None,
        "dead_letter": "",
        "results": "",
        "in_doubt_file": None,
        "next": "",
    }
    if error is not None:
        report["error"] = error_json(error)
    return report


def error_json(error: BulkZohoError) -> dict[str, Any]:
    """Give *error* as the summary carries it."""
    return {"code": error.code, "message": error.message, "hint": error.hint}


def run_line_json(line: RunLine) -> dict[str, Any]:
    """Give one line of the list of runs as an object."""
    return {
        "run": line.run,
        "command": line.command,
        "crm_module": line.crm_module,
        "operation": line.operation,
        "status": line.status,
        "started": line.started,
        "rows": _rows_json(line.tally),
        "folder": line.folder,
    }


def _work_json(tally: Tally, calls: CallCounts, seconds: float) -> dict[str, Any]:
    return {
        "rows": _rows_json(tally),
        "calls": {"total": calls.total, "retried": calls.retried, "throttled": calls.throttled},
        "credits": calls.credits,
        "seconds": round(seconds, 3),
        "records_per_second": round(tally.accepted / seconds, 1) if seconds > 0 else 0.0,
    }


def _rows_json(tally: Tally) -> dict[str, int]:
    return {
        "read": tally.read,
        "accepted": tally.accepted,
        "created": tally.created,
        "updated": tally.updated,
        "deleted": tally.deleted,
        "unchanged": tally.unchanged,
        "dead_lettered": tally.dead_lettered,
        "in_doubt": tally.in_doubt,
        "unsent": tally.unsent,
        "already_settled": tally.already_settled,
    }


def _status_of(error: BulkZohoError | None) -> RunStatus:
    if error is None:
        return RunStatus.COMPLETED
    return RunStatus.INTERRUPTED if error.exit_code is ExitCode.INTERRUPTED else RunStatus.FAILED
