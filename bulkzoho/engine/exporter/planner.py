"""Decide what an export reads and how, once for the whole run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from bulkzoho.domain.coql.builder import boundary_id_query, changed_since, nth_newest_id_query
from bulkzoho.domain.coql.export_filter import ExportFilter
from bulkzoho.domain.coql.filter_parser import bind_filter, parse_where
from bulkzoho.domain.model.export import (
    LAST,
    MODIFIED,
    OVERLAP,
    ApiPage,
    ConvertedLeads,
    ExportCursor,
    ExportPlan,
    ExportRoute,
    ExportSettings,
    Partition,
)
from bulkzoho.domain.model.limits_and_costs import COQL_PAGE_ROWS, LIST_PAGE_RECORDS
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.policy.export_route import (
    LIST_NEWEST,
    RouteChoice,
    RouteRequest,
    choose_route,
    partition_count,
    partition_ids,
    partition_requested_ids,
    records_beyond_page_tokens,
    select_fields,
)
from bulkzoho.engine.exporter.overlap import OverlapWindow
from bulkzoho.engine.exporter.record_api import RecordReadCalls
from bulkzoho.errors import AccessError, RefusedError, RunFailedError
from bulkzoho.interfaces import ExportContext, Progress

__all__ = ["PlannedExport", "build_export_filter", "includes_deleted", "plan_export", "plan_if_unchanged"]

LEADS: Final = "Leads"  # the only module with converted records (docs "Get Records" v7)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedExport:
    """A plan and its partitions."""

    plan: ExportPlan
    partitions: list[Partition]


def build_export_filter(settings: ExportSettings, module: CrmModule, *, bound: str, since: str | None) -> ExportFilter:
    """Build the conditions on records of the export.

    Raises:
        RefusedError: The user's condition names an unknown field; converted records of a module that has none.
    """
    if settings.converted is not ConvertedLeads.LEFT_OUT and module.api_name != LEADS:
        raise RefusedError(
            f"--converted is for {LEADS}; {module.api_name} are not converted.", hint="Leave it out.", code="NOT_LEADS"
        )
    where = None if settings.where is None else bind_filter(parse_where(settings.where), module)
    return ExportFilter(bound=bound, since=since, where=where, converted=settings.converted)


def includes_deleted(settings: ExportSettings, plan: ExportPlan) -> bool:
    """Return whether the last partition contains deleted records."""
    return settings.include_deleted or plan.since is not None


async def plan_export(
    settings: ExportSettings,
    calls: RecordReadCalls,
    module: CrmModule,
    context: ExportContext,
    *,
    ids: Sequence[int] | None,
    cursor: ExportCursor | None,
    progress: Progress,
) -> PlannedExport:
    """Plan an export; *ids* (rising) are the requested ones, *cursor* is the end of the previous export.

    Raises:
        RefusedError: A field or a condition is invalid, or the wanted route cannot do it.
    """
    fields, left_out = select_fields(module, settings.fields)
    if left_out:
        progress.tell(f"Left out, because no export API returns them: {', '.join(left_out)}.")
    bound, since = _now(context), _since(settings, context, cursor)
    selection = build_export_filter(settings, module, bound=bound, since=since)
    unsupported = _unsupported_routes(selection, settings.route)
    expected = len(ids) if ids is not None else await _count(calls, context, module.api_name, selection, unsupported)
    choice = _choose_route(
        RouteRequest(
            wanted=settings.route,
            fields=fields,
            format=settings.format,
            expected=expected,
            has_conditions=bool(selection.where),
            unsupported=unsupported,
            by_ids=ids is not None,
            converted=settings.converted,
        ),
        selection,
    )
    plan = ExportPlan(
        route=choice.route,
        reason=choice.reason,
        fields=tuple(field.api_name for field in fields),
        bound=bound,
        since=since,
        expected=expected,
    )
    partitions = partition_requested_ids(ids) if ids is not None else await _partitions(calls, module.api_name, selection, plan)
    if includes_deleted(settings, plan):
        partitions.append(Partition(number=len(partitions)))
    number = "an unknown number of" if expected is None else f"{expected:,}"
    progress.tell(f"Exporting {number} {module.api_name} by {plan.route}: {plan.reason}.")
    return PlannedExport(plan=plan, partitions=partitions)


def _choose_route(request: RouteRequest, selection: ExportFilter) -> RouteChoice:
    if request.wanted is ExportRoute.AUTO and _is_count_too_expensive(selection):
        choice = choose_route(replace(request, wanted=ExportRoute.LIST))
        return replace(choice, reason="it returns the changed records without a count first")
    return choose_route(request)


def _unsupported_routes(selection: ExportFilter, wanted: ExportRoute) -> set[ExportRoute]:
    """Return the routes that cannot express the condition.

    Raises:
        RefusedError: The wanted route, or both that take conditions, cannot express it.
    """
    errors = selection.unsupported_routes()
    if wanted in errors:
        raise errors[wanted]
    if {ExportRoute.COQL, ExportRoute.BULK} <= errors.keys():
        raise errors[ExportRoute.COQL]
    return {*errors}


def _is_count_too_expensive(selection: ExportFilter) -> bool:
    """Return whether a count costs as much as reading."""
    return selection.since is not None and not selection.where


async def _count(
    calls: RecordReadCalls,
    context: ExportContext,
    crm_module: str,
    selection: ExportFilter,
    unsupported: set[ExportRoute],
) -> int | None:
    """Count the records; None if they cannot be counted, or not cheaply."""
    if ExportRoute.COQL in unsupported or _is_count_too_expensive(selection):
        return None
    count = await calls.count(selection.count_queries(crm_module))
    if count is None and not selection.where and selection.converted is ConvertedLeads.LEFT_OUT:
        count = await context.count(crm_module)
    return count


async def plan_if_unchanged(
    calls: RecordReadCalls, cursor: ExportCursor, context: ExportContext, *, converted: ConvertedLeads
) -> ExportPlan | None:
    """Return the plan of an export without records, or None when something changed since *cursor*; two calls."""
    bound, since = _now(context), cursor.since
    is_soon = datetime.fromisoformat(bound) - datetime.fromisoformat(cursor.bound) < 2 * OVERLAP
    if is_soon and len(cursor.overlap) >= COQL_PAGE_ROWS:  # more than a call returns: late changes are left to a later export
        bound = since = cursor.bound
    overlap = OverlapWindow.at(bound, previous=cursor.overlap)
    page = await _first_changed(calls, cursor, since=since, converted=converted)
    if page.next_token or any(overlap.is_new(record) for record in page.records):
        return None
    async for deleted in calls.deleted(since=cursor.since):
        if any(cursor.overlap.get(str(record["id"])) != record.get("deleted_time") for record in deleted):
            return None
    return ExportPlan(
        route=ExportRoute.LIST,
        reason="nothing changed since the last export",
        fields=cursor.fields,
        bound=bound,
        since=cursor.since,
        expected=0,
    )


async def _first_changed(calls: RecordReadCalls, cursor: ExportCursor, *, since: str, converted: ConvertedLeads) -> ApiPage:
    """Read the changed records by a call that returns as many as the overlap has, if there is one."""
    is_beyond_list = LIST_PAGE_RECORDS <= len(cursor.overlap) < COQL_PAGE_ROWS
    if is_beyond_list and converted is ConvertedLeads.LEFT_OUT:  # COQL does not return both kinds of leads
        with suppress(AccessError, RunFailedError):  # COQL is not available or not permitted
            return await calls.query(["id", MODIFIED], [changed_since(since)], rows=COQL_PAGE_ROWS)
    return await calls.first_changed([MODIFIED], since=since)


def _now(context: ExportContext) -> str:
    """Return the service's time, rounded up: its ``Date`` header hides up to a second, whose records belong to the export."""
    moment = datetime.fromtimestamp(int(context.service_time_s()) + 1, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _since(settings: ExportSettings, context: ExportContext, cursor: ExportCursor | None) -> str | None:
    """Return the beginning of the export; a time without offset is in the organization's time zone."""
    if settings.since is None:
        return None
    if settings.since == LAST:
        return cursor.since if cursor is not None else None
    moment = datetime.fromisoformat(settings.since)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(context.time_zone))
    return moment.isoformat(timespec="seconds")


async def _partitions(calls: RecordReadCalls, crm_module: str, selection: ExportFilter, plan: ExportPlan) -> list[Partition]:
    """Divide the module into partitions that are read at the same time."""
    whole = [Partition(number=0)]
    if plan.route is ExportRoute.COQL:
        return await _coql_partitions(calls, crm_module, selection, plan) or whole
    if plan.route is ExportRoute.LIST and selection.converted is not ConvertedLeads.TOO:
        return await _list_partitions(calls, crm_module, selection, plan) or whole
    return whole


async def _coql_partitions(
    calls: RecordReadCalls, crm_module: str, selection: ExportFilter, plan: ExportPlan
) -> list[Partition] | None:
    conditions, count = selection.coql(), partition_count(plan.expected or 0)
    if count == 1:
        return None
    lowest = await calls.first_id(boundary_id_query(crm_module, conditions, highest=False))
    highest = await calls.first_id(boundary_id_query(crm_module, conditions, highest=True))
    return partition_ids(lowest, highest, count=count) if lowest and highest else None


async def _list_partitions(
    calls: RecordReadCalls, crm_module: str, selection: ExportFilter, plan: ExportPlan
) -> list[Partition] | None:
    """Return a partition of the newest records, which page tokens reach, and partitions of older ones, read by ids."""
    conditions, older = selection.coql(), records_beyond_page_tokens(plan.expected or 0)
    if not older:
        return None
    lowest = await calls.first_id(boundary_id_query(crm_module, conditions, highest=False))
    highest = await calls.first_id(nth_newest_id_query(crm_module, conditions, number=LIST_NEWEST))
    if not lowest or not highest:
        return None
    ranges = partition_ids(lowest, highest, count=partition_count(older))
    ranges[-1] = replace(ranges[-1], up_to=highest)
    return [Partition(number=0, above=highest), *(replace(part, number=part.number + 1) for part in ranges)]
