"""Build the summary of an export.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulkzoho.domain.model.export import ExportPlan, ExportSettings, ExportSummary, RecountResult, RequestedIdsReport
from bulkzoho.domain.model.journal_events import RunInfo
from bulkzoho.domain.model.progress import CallCounts, QuotaStatus
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.policy.exit_status import RunOutcome
from bulkzoho.domain.summary.summary_json import error_json

__all__ = ["ExportTotals", "build_export_summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTotals:
    """What an export did, in all its processes."""

    tally: RowCounts
    deleted: int  #: deleted records in the output
    calls: CallCounts
    seconds: float
    quota: QuotaStatus | None = None  #: None: no call was made
    recount: RecountResult | None = None
    requested_ids: RequestedIdsReport | None = None


def build_export_summary(
    run: RunInfo, settings: ExportSettings, plan: ExportPlan | None, outcome: RunOutcome, totals: ExportTotals
) -> ExportSummary:
    """Build the summary of the export *run*; *plan* is None if it ended before it was planned."""
    quota, recount = totals.quota, totals.recount
    is_complete = outcome.status is RunStatus.COMPLETED
    return ExportSummary(
        run=run.run,
        command=run.command,
        crm_module=run.crm_module,
        operation=None,
        route=plan.route if plan else "",
        status=outcome.status,
        exit_code=outcome.exit_code,
        tally=totals.tally,
        calls=totals.calls,
        seconds=totals.seconds,
        plan=quota.plan if quota else "",
        calls_per_minute=quota.calls_per_minute if quota else 0,
        used_share=quota.used_share if quota else 0.0,
        bound=quota.bound if quota else "",
        org=run.org,
        input_complete=is_complete,
        dead_letter="",
        results="",
        in_doubt_file=None,
        next="" if is_complete else f"bulkzoho resume {run.run}",
        crm_after=recount.count if recount else None,
        error=error_json(outcome.error) if outcome.error else None,
        export=_export_json(settings, plan, totals),
    )


def _export_json(settings: ExportSettings, plan: ExportPlan | None, totals: ExportTotals) -> Mapping[str, Any]:
    recount, requested = totals.recount, totals.requested_ids
    return {
        "output": settings.output,
        "format": settings.format.value,
        "compression": settings.compression.value,
        "fields": len(plan.fields) + 1 if plan else 0,
        "deleted": totals.deleted,
        "reason": plan.reason if plan else "",
        "made_until": plan.bound if plan else None,
        "changed_since": plan.since if plan else None,
        "count": recount.count if recount else None,
        "difference": recount.difference if recount else None,
        "why": recount.why if recount else "",
        "ids": _requested_ids_json(requested) if requested else None,
    }


def _requested_ids_json(report: RequestedIdsReport) -> Mapping[str, Any]:
    return {
        "asked": report.requested,
        "found": report.requested - report.missing,
        "missing": report.missing,
        "first_missing": list(report.first_missing),
        "file": report.file if report.missing else None,
    }
