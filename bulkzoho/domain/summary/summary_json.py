"""Summaries, run lists and quota usage as JSON, for ``--json`` and ``report.json``.  The keys are a contract."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bulkzoho.domain.model.export import ExportSummary
from bulkzoho.domain.model.progress import CallCounts
from bulkzoho.domain.model.quota import QuotaUsage, WindowUsage
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.model.summary import RunListEntry, Summary
from bulkzoho.errors import BulkZohoError, ExitCode

__all__ = ["error_json", "failed_summary_json", "run_line_json", "summary_json", "usage_json"]


def summary_json(summary: Summary) -> dict[str, Any]:
    """Return *summary* as a JSON object; it has the key ``error`` only after a failure.

    Seconds are rounded to milliseconds; ``records_per_second`` counts accepted rows.
    """
    report: dict[str, Any] = {
        "run": summary.run,
        "command": summary.command,
        "crm_module": summary.crm_module,
        "operation": str(summary.operation or ""),
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
    if isinstance(summary, ExportSummary):
        report["export"] = dict(summary.export)
    if summary.verify is not None:
        report["verify"] = dict(summary.verify)
    if summary.error is not None:
        report["error"] = dict(summary.error)
    return report


def failed_summary_json(
    error: BulkZohoError | None, *, command: str, crm_module: str = "", operation: str = ""
) -> dict[str, Any]:
    """Return the summary of a command that started no run; without *error* there was nothing to do."""
    report: dict[str, Any] = {
        "run": "",
        "command": command,
        "crm_module": crm_module,
        "operation": operation,
        "route": "",
        "status": str(_status_of(error)),
        "exit_code": int(ExitCode.ACCEPTED if error is None else error.exit_code),
        **_work_json(RowCounts(), CallCounts(), 0.0),
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
    """Return *error* as the summary shows it."""
    return {"code": error.code, "message": error.message, "hint": error.hint}


def run_line_json(line: RunListEntry) -> dict[str, Any]:
    """Return one entry of the list of runs as a JSON object."""
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


def usage_json(usage: QuotaUsage) -> dict[str, Any]:
    """Return the quota usage of one organization as a JSON object; times are UTC, ISO 8601."""
    return {
        "org": usage.org,
        "name": usage.name,
        "edition": usage.edition,
        "plan": str(usage.plan),
        "limits_of_run": usage.limits_of_run,
        "at": _time_json(usage.at),
        "windows": {_window_name(window): _window_json(window) for window in usage.windows},
        "credits_told_by_service": usage.credits_from_service,
        "paused_until": None if usage.paused_until is None else _time_json(usage.paused_until),
        "runs": [
            {
                "run": run.run,
                "calls": run.calls,
                "credits": run.credits,
                "last_call": _time_json(run.last_at),
                "processes": run.processes,
                "calls_in_flight": run.calls_in_flight,
            }
            for run in usage.runs
        ],
        "notes": list(usage.notes),
    }


def _window_name(window: WindowUsage) -> str:
    return window.name.replace(" a ", " per ").replace(" ", "_")


def _window_json(window: WindowUsage) -> dict[str, Any]:
    first = window.next_back
    return {
        "limit": window.limit,
        "used": window.used,
        "held": window.held,
        "left": window.left,
        "next_back": None if first is None else {"by": _time_json(first.by), "amount": first.amount},
        "comes_back": [{"by": _time_json(part.by), "amount": part.amount} for part in window.comes_back],
    }


def _time_json(wall: float) -> str:
    return datetime.fromtimestamp(round(wall), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _work_json(tally: RowCounts, calls: CallCounts, seconds: float) -> dict[str, Any]:
    return {
        "rows": _rows_json(tally),
        "calls": {"total": calls.total, "retried": calls.retried, "throttled": calls.throttled},
        "credits": calls.credits,
        "seconds": round(seconds, 3),
        "records_per_second": round(tally.accepted / seconds, 1) if seconds > 0 else 0.0,
    }


def _rows_json(tally: RowCounts) -> dict[str, int]:
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
