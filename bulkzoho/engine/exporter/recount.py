"""Compare the number of exported records with the CRM's count, and explain a difference."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from bulkzoho.domain.coql.builder import count_query, quoted
from bulkzoho.domain.coql.export_filter import ExportFilter
from bulkzoho.domain.model.export import CREATED, RecountResult
from bulkzoho.engine.concurrency.stop import StopRequestedError
from bulkzoho.engine.exporter.record_api import RecordReadCalls
from bulkzoho.errors import BulkZohoError

__all__ = ["recount"]

FRESH: Final = timedelta(seconds=3)  # before the bound: records created then may have come too late for the first page
_LOG = logging.getLogger(__name__)


async def recount(calls: RecordReadCalls, crm_module: str, selection: ExportFilter, *, records: int) -> RecountResult:
    """Count the records in the CRM after *records* were exported; never raises, because the export is complete."""
    try:
        result = await _recount(calls, crm_module, selection, records)
    except BulkZohoError as error:
        return RecountResult(count=None, why=f"the CRM could not be asked: {error.message.rstrip('.')}")
    except StopRequestedError:
        return RecountResult(count=None, why="the CRM was not asked: the run is being stopped")
    if result.count is not None:
        _LOG.info("export counted", extra={"records": records, "difference": result.difference})
    return result


async def _recount(calls: RecordReadCalls, crm_module: str, selection: ExportFilter, records: int) -> RecountResult:
    count = await calls.count(selection.count_queries(crm_module))
    if count is None or count == records:
        return RecountResult(count=count)
    deleted = sum([len(page) async for page in calls.deleted(since=selection.bound)])
    fresh_since = (datetime.fromisoformat(selection.bound) - FRESH).isoformat()
    conditions = [*selection.coql(), f"{CREATED} >= {quoted(fresh_since)}"]
    fresh = await calls.count([count_query(crm_module, conditions)]) or 0
    difference = records - count
    why = _explain(difference, deleted=deleted, fresh=fresh, has_condition=bool(selection.where))
    return RecountResult(count=count, difference=difference, why=why)


def _explain(difference: int, *, deleted: int, fresh: int, has_condition: bool) -> str:
    reasons = [f"{deleted:,} deleted since the export began"] if deleted else []
    if difference < deleted and fresh:
        reasons.append(f"{fresh:,} created in the seconds in which the export began")
    elif has_condition and difference != deleted:
        reasons.append("records changed during the export now match the condition and did not before, or the other way round")
    elif difference < 0:
        reasons.append("records that a count includes and this user's list does not: no permission, converted, or not approved")
    elif difference > deleted:
        reasons.append("records that the list returns and COQL does not count")
    return "; ".join(reasons)
