"""What an export reads and how: fields, their groups, the route by price, the strands.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.model.edition_limits import (
    BULK_READ_FIELDS,
    BULK_READ_JOB_COST,
    BULK_READ_RECORDS,
    COQL_COST_TIERS,
    COQL_IN_VALUES,
    COQL_PAGE_ROWS,
    FIELDS_PER_CALL,
    IDS_PER_LIST_CALL,
    LIST_PAGE_RECORDS,
    PAGE_TOKEN_RECORDS,
    coql_credits,
)
from bulkzoho.domain.model.export import ConvertedLeads, ExportRoute, OutputFormat, Partition
from bulkzoho.domain.model.metadata import REFERENCE_TYPES, CrmModule, FieldMetadata
from bulkzoho.domain.transform.field_names import ID, FieldResolver
from bulkzoho.errors import RefusedError

__all__ = [
    "CREATED",
    "LIST_NEWEST",
    "MAX_STRANDS",
    "MODIFIED",
    "STRAND_RECORDS",
    "RouteChoice",
    "choose_route",
    "coql_page",
    "field_groups",
    "partition_count",
    "partition_ids",
    "records_beyond_page_tokens",
    "select_fields",
]

CREATED: Final = "Created_Time"
MODIFIED: Final = "Modified_Time"
LIST_NEWEST: Final = 90_000  # that are read by tokens where there are more: room for what is made meanwhile
BULK_LOOKS: Final = 6  # calls that look at a job and fetch it, on average
BULK_FIELDS: Final = BULK_READ_FIELDS - 2  # the created and modified time are always among the fields of a job
STRAND_RECORDS: Final = 20_000  # fewer than this are not worth a strand of their own
MAX_STRANDS: Final = 8  # heavy calls in flight are ten, and others want some

# Given by no call that gives many records (docs v7 "Get Records": only the single-record call has them)
_IN_NO_ROUTE: Final = frozenset({"subform", "multiselectlookup", "multiuserlookup"})
_RICH_TEXT_LENGTH: Final = 50_000  # characters; docs v7 "Create custom field": rich text, which the list cuts at 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChoice:
    """A route and why it was taken."""

    route: ExportRoute
    reason: str
    credits: int  #: what reading is expected to cost


def select_fields(crm_module: CrmModule, names: Sequence[str]) -> tuple[tuple[FieldMetadata, ...], tuple[str, ...]]:
    """Give the fields that *names* mean, all when there are none, and the API names of those that no route gives.

    The record's id is always written first and is not among them.

    Raises:
        RefusedError: A name means no field, or several; a named field can be had by no route.
    """
    fields = [one for one in crm_module.fields if one.api_name != ID.api_name]
    if not names:
        readable = tuple(one for one in fields if one.data_type not in _IN_NO_ROUTE)
        return readable, tuple(one.api_name for one in fields if one.data_type in _IN_NO_ROUTE)
    known, chosen = FieldResolver(crm_module), []
    for name in names:
        found = known.find(name)
        if not found:
            near = known.nearest(name)
            hint = f"Did you mean {near}?" if near else f"`bulkzoho fields {crm_module.api_name}` lists the fields."
            raise RefusedError(f"{crm_module.api_name} has no field {name!r}.", hint=hint, code="INVALID_FIELD")
        if len(found) > 1:
            several = ", ".join(one.api_name for one in found)
            raise RefusedError(f"{name!r} may mean several fields: {several}.", hint="Give the API name.", code="INVALID_FIELD")
        if found[0].data_type in _IN_NO_ROUTE:
            raise RefusedError(
                f"{found[0].api_name} is a {found[0].data_type}, which no export call gives.",
                hint="Leave it out; export the module behind it instead.",
                code="FIELD_NOT_EXPORTABLE",
            )
        chosen.append(found[0])
    return tuple(one for one in dict.fromkeys(chosen) if one.api_name != ID.api_name), ()


def field_groups(names: Sequence[str]) -> list[list[str]]:
    """Give *names* in groups of one call each: the first has both times, the others when the record was changed.

    Groups of one record that name different times are read again, so that no record is put together from two states.
    """
    rest = [name for name in names if name not in (CREATED, MODIFIED)]
    first = FIELDS_PER_CALL - 2
    groups = [[CREATED, MODIFIED, *rest[:first]]]
    step = FIELDS_PER_CALL - 1
    groups += [[MODIFIED, *rest[at : at + step]] for at in range(first, len(rest), step)]
    return groups


def coql_page(expected: int | None) -> int:
    """Give the rows of one query: the cheapest that holds *expected* records and room to see that there are no more."""
    if expected is None:
        return COQL_PAGE_ROWS
    return next((most for most, _ in COQL_COST_TIERS if expected < most), COQL_PAGE_ROWS)


def partition_count(records: int) -> int:
    """Give how many strands read *records* by ids at once."""
    return max(1, min(MAX_STRANDS, -(-records // STRAND_RECORDS)))


def records_beyond_page_tokens(records: int) -> int:
    """Give how many of *records* the list is to read by their ids, since tokens do not reach them."""
    return max(0, records - LIST_NEWEST)


def choose_route(
    wanted: ExportRoute,
    fields: Sequence[FieldMetadata],
    *,
    expected: int | None,
    form: OutputFormat,
    conditions: bool,
    unsaid: Collection[ExportRoute] = (),
    ids: bool = False,
    converted: ConvertedLeads = ConvertedLeads.LEFT_OUT,
) -> RouteChoice:
    """Take the cheapest route that gives every field whole, or the one that was asked for.

    Args:
        wanted: What the user asked for.
        fields: What is exported.
        expected: How many records; None when nobody knows.
        form: How they are written.
        conditions: Whether there is a ``--where``.
        unsaid: Routes that send conditions and cannot say this one.
        ids: Whether it is records of given ids.
        converted: Which leads.

    Raises:
        RefusedError: The wanted route cannot do what is asked.
    """
    prices = _prices(len(field_groups([one.api_name for one in fields])), expected or 0, ids=ids)
    lacks = {
        route: (
            _cannot(route, fields, records=expected or 0, conditions=conditions, ids=ids, converted=converted)
            or ("cannot say this condition" if route in unsaid else ""),
            _in_part(route, fields, records=expected or 0, form=form, ids=ids),
        )
        for route in prices
    }
    if wanted is not ExportRoute.AUTO:
        hard = lacks[wanted][0]
        if hard:
            raise RefusedError(f"--route {wanted}: {hard}.", hint="Take --route auto, or export less.", code="ROUTE_CANNOT")
        return RouteChoice(route=wanted, reason="as asked", credits=prices[wanted])
    able = [route for route in prices if not any(lacks[route])] or [route for route in prices if not lacks[route][0]]
    if not able:
        raise RefusedError(
            f"no route can do this: {'; '.join(f'{route} {lacks[route][0]}' for route in prices)}.", code="ROUTE_CANNOT"
        )
    best = min(able, key=lambda route: prices[route])
    words = ["1 credit" if prices[best] == 1 else f"{prices[best]:,} credits"]
    for route, price in prices.items():
        if route is not best:
            lack = next(filter(None, lacks[route]), "")
            words.append(f"{route} would cost {price:,}" + (f" and {lack}" if lack else ""))
    if lacks[best][1]:
        words.append(f"it {lacks[best][1]}")
    return RouteChoice(route=best, reason=", ".join(words), credits=prices[best])


def _prices(groups: int, records: int, *, ids: bool) -> dict[ExportRoute, int]:
    """Give what reading costs in credits, without the few calls before and after it."""
    if ids:
        listed, queried = _calls(records, IDS_PER_LIST_CALL) * groups, _calls(records, COQL_IN_VALUES) * groups
    else:
        queried, older = _queried(records) * groups, records_beyond_page_tokens(records)
        listed = _calls(records - older, LIST_PAGE_RECORDS) * groups
        if older:  # and one record more, to see the end of the newest
            listed = (
                _calls(records - older + 1, LIST_PAGE_RECORDS) * groups
                + _calls(older, IDS_PER_LIST_CALL) * groups
                + _queried(older)
            )
    jobs = _calls(records, BULK_READ_RECORDS)
    return {
        ExportRoute.LIST: listed,
        ExportRoute.COQL: queried,
        ExportRoute.BULK: jobs * (BULK_READ_JOB_COST.credits + BULK_LOOKS),
    }


def _queried(records: int) -> int:
    strands, page = partition_count(records), coql_page(records)
    return strands * _calls(-(-records // strands), page) * coql_credits(page)


def _calls(records: int, page: int) -> int:
    return max(1, -(-records // page))


def _cannot(
    route: ExportRoute,
    fields: Sequence[FieldMetadata],
    *,
    records: int,
    conditions: bool,
    ids: bool,
    converted: ConvertedLeads,
) -> str:
    """Give what keeps *route* from doing it at all, "" where nothing does."""
    lacks = {
        ExportRoute.LIST: (
            (conditions, "has no conditions (a search has, but it lags behind and ends after 2,000 records)"),
            (
                converted is ConvertedLeads.TOO and not ids and records > PAGE_TOKEN_RECORDS,
                f"ends after {PAGE_TOKEN_RECORDS:,} leads when converted ones are among them",
            ),
        ),
        ExportRoute.COQL: ((converted is ConvertedLeads.TOO, "gives converted leads or the others, not both at once"),),
        ExportRoute.BULK: (
            (ids, "takes no list of ids"),
            (converted is not ConvertedLeads.LEFT_OUT, "leaves converted leads out"),
            (len(fields) > BULK_FIELDS, f"takes {BULK_FIELDS} fields"),
        ),
    }
    return next((lack for holds, lack in lacks[route] if holds), "")


def _in_part(route: ExportRoute, fields: Sequence[FieldMetadata], *, records: int, form: OutputFormat, ids: bool) -> str:
    """Give what *route* does only in part, or at a bad price; "" where there is nothing."""
    if route is ExportRoute.LIST:
        if not ids and records_beyond_page_tokens(records):
            return f"gives {IDS_PER_LIST_CALL} records a call beyond {LIST_NEWEST:,}"
        rich = next((one.api_name for one in fields if _is_rich(one)), None)
        return f"cuts {rich} after 500 characters" if rich else ""
    named = form is not OutputFormat.CSV and any(one.data_type in REFERENCE_TYPES for one in fields)
    return "gives ids of lookups without their names" if named else ""


def _is_rich(field: FieldMetadata) -> bool:
    return field.data_type == "textarea" and (field.length or 0) >= _RICH_TEXT_LENGTH


def partition_ids(lowest: str, highest: str, *, strands: int) -> list[Partition]:
    """Cut the ids from *lowest* to *highest* into stretches; the first begins, and the last ends, without a limit."""
    low, high = int(lowest), int(highest)
    edges = [str(low + (high - low) * part // strands) for part in range(1, strands)]
    edges = sorted({edge for edge in edges if low <= int(edge) < high}, key=int)
    return [
        Partition(number=number, above=above, up_to=up_to)
        for number, (above, up_to) in enumerate(zip(["", *edges], [*edges, ""], strict=True))
    ]
