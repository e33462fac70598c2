"""Decide what an export reads and how, once for the whole run."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from bulkzoho.app.session import CrmSession
from bulkzoho.domain.coql import builder as coql
from bulkzoho.domain.coql.export_filter import ExportFilter
from bulkzoho.domain.coql.filter_parser import bind_filter, parse_where
from bulkzoho.domain.model.edition_limits import COQL_PAGE_ROWS, LIST_PAGE_RECORDS
from bulkzoho.domain.model.export import LAST, ApiPage, ConvertedLeads, ExportPlan, ExportRoute, ExportSettings, Partition
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.policy.export_route import (
    LIST_NEWEST,
    MAX_STRANDS,
    MODIFIED,
    choose_route,
    partition_count,
    partition_ids,
    records_beyond_page_tokens,
    select_fields,
)
from bulkzoho.domain.transform.field_names import ID
from bulkzoho.engine.exporter.incremental import OVERLAP, ExportCursor, OverlapWindow
from bulkzoho.engine.exporter.record_api import RecordReadCalls
from bulkzoho.errors import AccessError, RefusedError, RunFailedError
from bulkzoho.interfaces import Progress

__all__ = ["PlannedExport", "build_export_filter", "includes_deleted", "plan_export", "plan_if_unchanged"]

LEADS: Final = "Leads"  # the only module whose records are converted (docs v7 "Get Records")
IDS_OF_A_STRAND: Final = 2_000  # fewer than this are not worth a strand of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedExport:
    """A plan and its strands."""

    plan: ExportPlan
    strands: list[Partition]


def build_export_filter(told: ExportSettings, module: CrmModule, *, bound: str, since: str | None) -> ExportFilter:
    """Give what a record must be to be exported.

    Raises:
        RefusedError: The user's condition names no field; converted records of a module that has none.
    """
    if told.converted is not ConvertedLeads.LEFT_OUT and module.api_name != LEADS:
        raise RefusedError(
            f"--converted is for {LEADS}; {module.api_name} are not converted.", hint="Leave it out.", code="NOT_LEADS"
        )
    where = None if told.where is None else bind_filter(parse_where(told.where), module)
    return ExportFilter(bound=bound, since=since, where=where, converted=told.converted)


def includes_deleted(told: ExportSettings, plan: ExportPlan) -> bool:
    """Whether the last strand is one of tombstones."""
    return told.include_deleted or plan.since is not None


async def plan_export(
    told: ExportSettings,
    reader: RecordReadCalls,
    module: CrmModule,
    crm: CrmSession,
    *,
    ids: Sequence[int] | None,
    kept: ExportCursor | None,
    progress: Progress,
) -> PlannedExport:
    """Decide; *ids* (rising) are those that were asked for, *kept* is where the export before ended.

    Raises:
        RefusedError: A field or a condition that is none, or a route that cannot do it.
    """
    fields, left_out = select_fields(module, told.fields)
    if left_out:
        progress.tell(f"Left out, as no export call gives them: {', '.join(left_out)}.")
    selection = build_export_filter(told, module, bound=_now(crm), since=_since(told, crm, kept))
    unsaid = _unsaid(selection, told.route)
    expected = len(ids) if ids is not None else await _expected(reader, crm, module.api_name, selection, unsaid)
    is_uncounted = told.route is ExportRoute.AUTO and selection.since is not None and not selection.where
    choice = choose_route(
        ExportRoute.LIST if is_uncounted else told.route,
        fields,
        expected=expected,
        form=told.format,
        conditions=bool(selection.where),
        unsaid=unsaid,
        ids=ids is not None,
        converted=told.converted,
    )
    plan = ExportPlan(
        route=choice.route,
        reason="it tells what was changed without being asked for a count" if is_uncounted else choice.reason,
        fields=tuple(one.api_name for one in fields),
        bound=selection.bound,
        since=selection.since,
        expected=expected,
    )
    strands = _of_ids(ids) if ids is not None else await _strands(reader, module.api_name, selection, plan)
    if includes_deleted(told, plan):
        strands.append(Partition(number=len(strands)))
    number = "an unknown number of" if expected is None else f"{expected:,}"
    progress.tell(f"Exporting {number} {module.api_name} by {plan.route}: {plan.reason}.")
    return PlannedExport(plan=plan, strands=strands)


def _unsaid(selection: ExportFilter, wanted: ExportRoute) -> set[ExportRoute]:
    """Give the routes that cannot say the condition.

    Raises:
        RefusedError: It is the wanted route, or both that send conditions.
    """
    errors = selection.unsaid()
    if wanted in errors:
        raise errors[wanted]
    if {ExportRoute.COQL, ExportRoute.BULK} <= errors.keys():
        raise errors[ExportRoute.COQL]
    return {*errors}


async def _expected(
    reader: RecordReadCalls, crm: CrmSession, crm_module: str, selection: ExportFilter, unsaid: Collection[ExportRoute]
) -> int | None:
    """Count what fits; None when nobody knows, or when asking costs as much as reading."""
    if ExportRoute.COQL in unsaid or (selection.since is not None and not selection.where):
        return None
    expected = await reader.count(selection.countings(crm_module))
    if expected is None and not selection.where and selection.converted is ConvertedLeads.LEFT_OUT:
        expected = await crm.count(crm_module)
    return expected


async def plan_if_unchanged(
    reader: RecordReadCalls, kept: ExportCursor, crm: CrmSession, *, converted: ConvertedLeads
) -> ExportPlan | None:
    """Give the plan of an export that has nothing to read, or None when something changed; two calls."""
    bound, since = _now(crm), kept.since
    soon = datetime.fromisoformat(bound) - datetime.fromisoformat(kept.bound) < 2 * OVERLAP
    if soon and len(kept.edge) >= COQL_PAGE_ROWS:  # no call holds them all: what is seen late is left to an export after that
        bound = since = kept.bound
    edge = OverlapWindow.of(bound, kept.edge)
    page = await _first_changed(reader, kept, since=since, converted=converted)
    if page.next_token or any(edge.is_new(one) for one in page.records):
        return None
    async for deleted in reader.deleted(since=kept.since):
        if any(kept.edge.get(str(one["id"])) != one.get("deleted_time") for one in deleted):
            return None
    return ExportPlan(
        route=ExportRoute.LIST,
        reason="nothing changed since the last export",
        fields=kept.fields,
        bound=bound,
        since=kept.since,
        expected=0,
    )


async def _first_changed(reader: RecordReadCalls, kept: ExportCursor, *, since: str, converted: ConvertedLeads) -> ApiPage:
    """Give what was changed, by a call that holds as many records as the last export had of the overlap, if there is one."""
    # COQL returns converted leads or the others, not both
    if LIST_PAGE_RECORDS <= len(kept.edge) < COQL_PAGE_ROWS and converted is ConvertedLeads.LEFT_OUT:
        with suppress(AccessError, RunFailedError):  # no COQL here, or not for these credentials
            return await reader.query([ID.api_name, MODIFIED], [f"{MODIFIED} >= {coql.quoted(since)}"], rows=COQL_PAGE_ROWS)
    return await reader.first_changed([MODIFIED], since=since)


def _now(crm: CrmSession) -> str:
    """Give the service's time, rounded up: its ``Date`` hides up to a second, and what is there when we begin belongs to it."""
    moment = datetime.fromtimestamp(int(time.time() + crm.courier.skew_s) + 1, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _since(told: ExportSettings, crm: CrmSession, kept: ExportCursor | None) -> str | None:
    """Give where the export begins; a time that names no offset is the organization's."""
    if told.since is None:
        return None
    if told.since == LAST:
        return kept.since if kept is not None else None
    moment = datetime.fromisoformat(told.since)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(crm.organization.time_zone or "UTC"))
    return moment.isoformat(timespec="seconds")


async def _strands(reader: RecordReadCalls, crm_module: str, selection: ExportFilter, plan: ExportPlan) -> list[Partition]:
    """Cut the module into strands that are read at once."""
    expected, newest = plan.expected or 0, Partition(number=0)
    if plan.route is ExportRoute.BULK:
        return [newest]
    conditions = selection.coql()
    by_ids = expected if plan.route is ExportRoute.COQL else 0
    highest = coql.boundary_id_query(crm_module, conditions, last=True)
    if plan.route is ExportRoute.LIST and selection.converted is not ConvertedLeads.TOO:
        by_ids = records_beyond_page_tokens(expected)
        highest = coql.nth_newest_id_query(crm_module, conditions, number=LIST_NEWEST)
    if not by_ids or (plan.route is ExportRoute.COQL and partition_count(by_ids) == 1):
        return [newest]
    edges = [await reader.first_id(query) for query in (coql.boundary_id_query(crm_module, conditions, last=False), highest)]
    if not all(edges):
        return [newest]
    older = partition_ids(*edges, strands=partition_count(by_ids))
    if plan.route is ExportRoute.COQL:
        return older
    older[-1] = replace(older[-1], up_to=edges[1])
    return [replace(newest, above=edges[1]), *(replace(one, number=one.number + 1) for one in older)]


def _of_ids(ids: Sequence[int]) -> list[Partition]:
    """Cut *ids* into strands of as many each."""
    count = max(1, min(MAX_STRANDS, len(ids) // IDS_OF_A_STRAND))
    edges = ["", *(str(ids[len(ids) * part // count - 1]) for part in range(1, count)), ""]
    return [Partition(number=number, above=above, up_to=up_to) for number, (above, up_to) in enumerate(pairwise(edges))]
