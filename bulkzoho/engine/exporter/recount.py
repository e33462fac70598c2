"""End an export: what the CRM counts, the difference and why, the summary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bulkzoho.app.export_ids import RequestedIdsReport
from bulkzoho.domain.coql import builder as coql
from bulkzoho.domain.coql.export_filter import ExportFilter
from bulkzoho.domain.model.export import ExportPlan, ExportSettings, ExportSummary
from bulkzoho.domain.model.journal_events import RunInfo
from bulkzoho.domain.model.progress import CallCounts, QuotaStatus
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.policy.exit_status import RunOutcome
from bulkzoho.domain.policy.export_route import CREATED
from bulkzoho.domain.summary.summary_json import error_json
from bulkzoho.engine.concurrency.stop import StopRequestedError
from bulkzoho.engine.exporter.record_api import RecordReadCalls
from bulkzoho.errors import BulkZohoError

__all__ = ["RecountResult", "export_summary", "recount"]

FRESH: Final = timedelta(seconds=3)  # before the bound: records made then may have come too late for the first page


@dataclass(frozen=True, slots=True, kw_only=True)
class RecountResult:
    """What the CRM says of the records that were exported."""

    count: int | None  #: None: it did not tell
    difference: int = 0  #: exported minus counted
    why: str = ""


async def recount(reader: RecordReadCalls, crm_module: str, selection: ExportFilter, *, records: int) -> RecountResult:
    """Ask the CRM how many records fit now, and explain the difference; the export is whole, whatever comes of this."""
    try:
        count = await reader.count(selection.countings(crm_module))
        if count is None or count == records:
            return RecountResult(count=count)
        deleted = sum([len(page) async for page in reader.deleted(since=selection.bound)])
        made = f"{CREATED} >= {coql.quoted(_before(selection))}"
        fresh = await reader.count([coql.count_query(crm_module, [*selection.coql(), made])])
    except BulkZohoError as error:
        return RecountResult(count=None, why=f"the CRM could not be asked: {error.message.rstrip('.')}")
    except StopRequestedError:
        return RecountResult(count=None, why="the CRM was not asked: the run is being stopped")
    return RecountResult(count=count, difference=records - count, why=_why(records - count, deleted, fresh or 0, selection))


def _before(selection: ExportFilter) -> str:
    return (datetime.fromisoformat(selection.bound) - FRESH).isoformat()


def _why(difference: int, deleted: int, fresh: int, selection: ExportFilter) -> str:
    moving = bool(selection.where)
    parts = [f"{deleted:,} deleted since the export began"] if deleted else []
    if difference < deleted and fresh:
        parts.append(f"{fresh:,} made in the seconds in which the export began")
    elif moving and difference != deleted:
        parts.append("records that were changed meanwhile fit now and did not then, or did then and do not now")
    elif difference < 0:
        parts.append("records that a count sees and this user's list does not: without permission, converted, or not approved")
    elif difference > deleted:
        parts.append("records that the list shows and COQL does not count")
    return "; ".join(parts)


def export_summary(
    facts: RunInfo,
    settings: ExportSettings,
    plan: ExportPlan | None,
    *,
    ending: RunOutcome,
    tally: RowCounts,
    calls: CallCounts,
    seconds: float,
    quota: QuotaStatus | None,
    counted: RecountResult | None,
    found: RequestedIdsReport | None,
    deleted: int,
) -> ExportSummary:
    """Put the summary together."""
    completed = ending.status is RunStatus.COMPLETED
    return ExportSummary(
        run=facts.run,
        command=facts.command,
        crm_module=facts.crm_module,
        operation=None,
        route=plan.route if plan else "",
        status=ending.status,
        exit_code=ending.exit_code,
        tally=tally,
        calls=calls,
        seconds=seconds,
        plan=quota.plan if quota else "",
        calls_per_minute=quota.calls_per_minute if quota else 0,
        used_share=quota.used_share if quota else 0.0,
        bound=quota.bound if quota else "",
        org=facts.org,
        input_complete=completed,
        dead_letter="",
        results="",
        in_doubt_file=None,
        next="" if completed else f"bulkzoho resume {facts.run}",
        crm_after=counted.count if counted else None,
        error=error_json(ending.error) if ending.error else None,
        export={
            "output": settings.output,
            "format": settings.format.value,
            "compression": settings.compression.value,
            "fields": len(plan.fields) + 1 if plan else 0,
            "deleted": deleted,
            "reason": plan.reason if plan else "",
            "made_until": plan.bound if plan else None,
            "changed_since": plan.since if plan else None,
            "count": counted.count if counted else None,
            "difference": counted.difference if counted else None,
            "why": counted.why if counted else "",
            "ids": found.to_json() if found else None,
        },
    )
