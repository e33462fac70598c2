"""Decide what an export reads and how, once for the whole run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from bulkzoho.assembly.connecting import Connected
from bulkzoho.assembly.export_state import Edge, KeptState
from bulkzoho.core import coql
from bulkzoho.core.exporting import MODIFIED, STRAND_RECORDS, choose_route, chosen_fields, spread
from bulkzoho.core.selecting import Selection
from bulkzoho.core.where import Condition, bound_to, parse_where
from bulkzoho.engine.pages import Reader
from bulkzoho.model.export import LAST, ExportPlan, ExportSettings, Strand, WantedRoute
from bulkzoho.model.metadata import CrmModule
from bulkzoho.ports import Progress

__all__ = ["Decided", "condition_of", "decide", "nothing_changed"]

MAX_STRANDS: Final = 8  # heavy calls in flight are ten, and others want some


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A plan and its strands."""

    plan: ExportPlan
    strands: list[Strand]


def condition_of(told: ExportSettings, module: CrmModule) -> Condition | None:
    """Give the user's condition with the fields it means.

    Raises:
        RefusedError: It names no field.
    """
    return None if told.where is None else bound_to(parse_where(told.where), module)


async def decide(
    told: ExportSettings, reader: Reader, module: CrmModule, crm: Connected, *, kept: KeptState | None, progress: Progress
) -> Decided:
    """Decide; *kept* is where the export before ended.

    Raises:
        RefusedError: A field or a condition that is none, or a route that cannot do it.
    """
    fields, left_out = chosen_fields(module, told.fields)
    if left_out:
        progress.tell(f"Left out, as no export call gives them: {', '.join(left_out)}.")
    bound, since = _now(crm), _since(told, crm, kept)
    selection = Selection(bound=bound, since=since, where=condition_of(told, module))
    names = tuple(one.api_name for one in fields)
    expected = None
    if since is None or selection.where:
        expected = await reader.count(coql.counting(module.api_name, selection.coql()))
    if expected is None and not selection.where and since is None:
        expected = await crm.count(module.api_name)
    wanted = told.route
    if wanted is WantedRoute.AUTO and since is not None and not selection.where:
        wanted = WantedRoute.LIST  # the list tells without a count whether anything changed
    choice = choose_route(wanted, fields, expected=expected, form=told.format, conditions=bool(selection.where))
    plan = ExportPlan(route=choice.route, reason=choice.reason, fields=names, bound=bound, since=since, expected=expected)
    strands = [Strand(number=0)]
    if choice.route is WantedRoute.COQL and (expected or 0) > STRAND_RECORDS:
        strands = await _strands(reader, module.api_name, selection, expected=expected or 0)
    if since is not None:
        strands.append(Strand(number=len(strands)))  # what was deleted
    number = "an unknown number of" if expected is None else f"{expected:,}"
    progress.tell(f"Exporting {number} {module.api_name} by {plan.route}: {plan.reason}.")
    return Decided(plan=plan, strands=strands)


async def nothing_changed(reader: Reader, kept: KeptState, crm: Connected) -> ExportPlan | None:
    """Give the plan of an export that has nothing to read, or None when something changed; two calls."""
    bound = _now(crm)
    edge = Edge.of(bound, kept.edge)
    page = await reader.first_changed([MODIFIED], since=kept.since)
    if page.next_token or any(edge.is_new(one) for one in page.records):
        return None
    for one in await reader.deleted(since=kept.since):
        if kept.edge.get(str(one["id"])) != one.get("deleted_time"):
            return None
    return ExportPlan(
        route=WantedRoute.LIST,
        reason="nothing changed since the last export",
        fields=kept.fields,
        bound=bound,
        since=kept.since,
        expected=0,
    )


def _now(crm: Connected) -> str:
    """Give the service's time, rounded up: its ``Date`` hides up to a second, and what is there when we begin belongs to it."""
    moment = datetime.fromtimestamp(int(time.time() + crm.courier.skew_s) + 1, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _since(told: ExportSettings, crm: Connected, kept: KeptState | None) -> str | None:
    """Give where the export begins; a time that names no offset is the organization's."""
    if told.since is None:
        return None
    if told.since == LAST:
        return kept.since if kept is not None else None
    moment = datetime.fromisoformat(told.since)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(crm.organization.time_zone or "UTC"))
    return moment.isoformat(timespec="seconds")


async def _strands(reader: Reader, crm_module: str, selection: Selection, *, expected: int) -> list[Strand]:
    edges = [(await reader.rows(coql.edge(crm_module, selection.coql(), last=last), limit=1)).records for last in (False, True)]
    if not all(edges):
        return [Strand(number=0)]
    lowest, highest = (str(found[0]["id"]) for found in edges)
    return spread(lowest, highest, strands=min(MAX_STRANDS, -(-expected // STRAND_RECORDS)))
