"""Plan how an export reads: fields, groups of fields per call, the cheapest route, partitions of ids.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bulkzoho.domain.model.export import CREATED, MODIFIED, ConvertedLeads, ExportRoute, OutputFormat, Partition
from bulkzoho.domain.model.limits_and_costs import (
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
from bulkzoho.domain.model.metadata import REFERENCE_TYPES, CrmModule, FieldMetadata
from bulkzoho.domain.transform.field_names import ID, FieldResolver
from bulkzoho.errors import RefusedError

__all__ = [
    "LIST_NEWEST",
    "MAX_PARTITIONS",
    "PARTITION_RECORDS",
    "RouteChoice",
    "RouteRequest",
    "choose_route",
    "coql_page_rows",
    "field_groups",
    "partition_count",
    "partition_ids",
    "partition_requested_ids",
    "records_beyond_page_tokens",
    "select_fields",
]

LIST_NEWEST: Final = 90_000  # records read by page tokens where there are more: leaves room for records created meanwhile
BULK_STATUS_CALLS: Final = 6  # calls that check a job and download its result, on average
BULK_EXTRA_FIELDS: Final = 2  # both times are always selected
PARTITION_RECORDS: Final = 20_000  # fewer records than this get no partition of their own
PARTITION_IDS: Final = 2_000  # fewer requested ids than this get no partition of their own
MAX_PARTITIONS: Final = 8  # ten heavy calls may be in flight, and other calls need some of them

# Only the API of a single record returns them (docs "Get Records" v7)
_IN_NO_ROUTE: Final = frozenset({"subform", "multiselectlookup", "multiuserlookup"})
_RICH_TEXT_LENGTH: Final = 50_000  # characters; docs "Create custom field" (v7): rich text, which the list cuts at 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRequest:
    """What the route of an export depends on."""

    wanted: ExportRoute  #: as the user asked
    fields: Sequence[FieldMetadata]
    format: OutputFormat
    expected: int | None = None  #: how many records; None: unknown
    has_conditions: bool = False  #: whether there is a ``--where``
    unsupported: Collection[ExportRoute] = ()  #: routes whose conditions cannot express the ``--where``
    by_ids: bool = False  #: whether only records with given ids are read
    converted: ConvertedLeads = ConvertedLeads.LEFT_OUT

    @property
    def records(self) -> int:
        """The number of records that prices are computed for."""
        return self.expected or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChoice:
    """A route and why it was chosen."""

    route: ExportRoute
    reason: str
    credits: int  #: the expected price of reading


def select_fields(crm_module: CrmModule, names: Sequence[str]) -> tuple[tuple[FieldMetadata, ...], tuple[str, ...]]:
    """Return the fields called *names* (all if there are none), and the API names of fields that no route returns.

    The record's id is always exported first and is not among them.

    Raises:
        RefusedError: A name is no field or ambiguous, or no route returns the field.
    """
    fields = [field for field in crm_module.fields if field.api_name != ID.api_name]
    if not names:
        readable = tuple(field for field in fields if field.data_type not in _IN_NO_ROUTE)
        return readable, tuple(field.api_name for field in fields if field.data_type in _IN_NO_ROUTE)
    known = FieldResolver(crm_module)
    chosen = dict.fromkeys(_exportable_field(crm_module, known, name) for name in names)
    return tuple(field for field in chosen if field.api_name != ID.api_name), ()


def _exportable_field(crm_module: CrmModule, known: FieldResolver, name: str) -> FieldMetadata:
    found = known.find(name)
    if not found:
        near = known.nearest(name)
        hint = f"Did you mean {near}?" if near else f"`bulkzoho fields {crm_module.api_name}` lists the fields."
        raise RefusedError(f"{crm_module.api_name} has no field {name!r}.", hint=hint, code="INVALID_FIELD")
    if len(found) > 1:
        several = ", ".join(field.api_name for field in found)
        raise RefusedError(f"{name!r} may mean several fields: {several}.", hint="Use the API name.", code="INVALID_FIELD")
    if found[0].data_type in _IN_NO_ROUTE:
        raise RefusedError(
            f"{found[0].api_name} is a {found[0].data_type}, which no export API returns.",
            hint="Leave it out; export the module behind it instead.",
            code="FIELD_NOT_EXPORTABLE",
        )
    return found[0]


def field_groups(names: Sequence[str]) -> list[list[str]]:
    """Split *names* into groups of one call each: the first has both times, the others the time of change.

    A record whose groups show different times is read again, so that no record is joined from two states.
    """
    rest = [name for name in names if name not in (CREATED, MODIFIED)]
    first = FIELDS_PER_CALL - 2
    step = FIELDS_PER_CALL - 1
    groups = [[CREATED, MODIFIED, *rest[:first]]]
    groups += [[MODIFIED, *rest[at : at + step]] for at in range(first, len(rest), step)]
    return groups


def coql_page_rows(expected: int | None) -> int:
    """Return the rows of one query: the cheapest page that holds *expected* records and shows that there are no more."""
    if expected is None:
        return COQL_PAGE_ROWS
    return next((most for most, _ in COQL_COST_TIERS if expected < most), COQL_PAGE_ROWS)


def partition_count(records: int) -> int:
    """Return the number of partitions in which *records* are read by ids."""
    return max(1, min(MAX_PARTITIONS, -(-records // PARTITION_RECORDS)))


def records_beyond_page_tokens(records: int) -> int:
    """Return how many of *records* the list must read by their ids, because page tokens do not reach them."""
    return max(0, records - LIST_NEWEST)


def choose_route(request: RouteRequest) -> RouteChoice:
    """Choose the cheapest route that returns every field completely, or the route that the user asked for.

    Raises:
        RefusedError: The wanted route, or every route, cannot do it.
    """
    prices = _prices(request)
    blockers = {route: _blocker(route, request) for route in prices}
    if request.wanted is not ExportRoute.AUTO:
        if blocker := blockers[request.wanted]:
            raise RefusedError(
                f"--route {request.wanted}: {blocker}.", hint="Use --route auto, or export less.", code="ROUTE_CANNOT"
            )
        return RouteChoice(route=request.wanted, reason="as asked", credits=prices[request.wanted])
    able = [route for route in prices if not blockers[route]]
    if not able:
        raise RefusedError(
            f"no route can do this: {'; '.join(f'{route} {blockers[route]}' for route in prices)}.", code="ROUTE_CANNOT"
        )
    drawbacks = {route: _drawback(route, request) for route in prices}
    best = min([route for route in able if not drawbacks[route]] or able, key=lambda route: prices[route])
    lacks = {route: blockers[route] or drawbacks[route] for route in prices}
    return RouteChoice(route=best, reason=_reason(best, prices, lacks), credits=prices[best])


def _reason(best: ExportRoute, prices: Mapping[ExportRoute, int], lacks: Mapping[ExportRoute, str]) -> str:
    words = ["1 credit" if prices[best] == 1 else f"{prices[best]:,} credits"]
    for route, price in prices.items():
        if route is not best:
            words.append(f"{route} would cost {price:,}" + (f" and {lacks[route]}" if lacks[route] else ""))
    if lacks[best]:
        words.append(f"it {lacks[best]}")
    return ", ".join(words)


def _prices(request: RouteRequest) -> dict[ExportRoute, int]:
    """Return the price of reading in credits by route, without the few calls before and after."""
    records, groups = request.records, len(field_groups([field.api_name for field in request.fields]))
    if request.by_ids:
        listed, queried = _calls(records, IDS_PER_LIST_CALL) * groups, _calls(records, COQL_IN_VALUES) * groups
    else:
        queried, older = _query_credits(records) * groups, records_beyond_page_tokens(records)
        listed = _calls(records - older, LIST_PAGE_RECORDS) * groups
        if older:  # one more record, to see the end of the newest ones
            newest = _calls(records - older + 1, LIST_PAGE_RECORDS) * groups
            listed = newest + _calls(older, IDS_PER_LIST_CALL) * groups + _query_credits(older)
    jobs = _calls(records, BULK_READ_RECORDS)
    return {
        ExportRoute.LIST: listed,
        ExportRoute.COQL: queried,
        ExportRoute.BULK: jobs * (BULK_READ_JOB_COST.credits + BULK_STATUS_CALLS),
    }


def _query_credits(records: int) -> int:
    partitions, page = partition_count(records), coql_page_rows(records)
    return partitions * _calls(-(-records // partitions), page) * coql_credits(page)


def _calls(records: int, page: int) -> int:
    return max(1, -(-records // page))


def _blocker(route: ExportRoute, request: RouteRequest) -> str:
    """Return why *route* cannot do the export at all, or ""."""
    both_leads = request.converted is ConvertedLeads.TOO
    max_fields = BULK_READ_FIELDS - BULK_EXTRA_FIELDS
    blockers = {
        ExportRoute.LIST: (
            (request.has_conditions, "has no conditions (a search has, but it lags behind and ends after 2,000 records)"),
            (
                both_leads and not request.by_ids and request.records > PAGE_TOKEN_RECORDS,
                f"ends after {PAGE_TOKEN_RECORDS:,} leads when converted ones are among them",
            ),
        ),
        ExportRoute.COQL: ((both_leads, "returns converted leads or the others, not both at once"),),
        ExportRoute.BULK: (
            (request.by_ids, "takes no list of ids"),
            (request.converted is not ConvertedLeads.LEFT_OUT, "leaves converted leads out"),
            (len(request.fields) > max_fields, f"takes {max_fields} fields"),
        ),
    }
    reasons = [*blockers[route], (route in request.unsupported, "cannot express this condition")]
    return next((reason for applies, reason in reasons if applies), "")


def _drawback(route: ExportRoute, request: RouteRequest) -> str:
    """Return what *route* does only in part or at a bad price, or ""."""
    if route is ExportRoute.LIST:
        if not request.by_ids and records_beyond_page_tokens(request.records):
            return f"returns {IDS_PER_LIST_CALL} records a call beyond {LIST_NEWEST:,}"
        rich = next((field.api_name for field in request.fields if _is_rich_text(field)), None)
        return f"cuts {rich} after 500 characters" if rich else ""
    has_lookups = any(field.data_type in REFERENCE_TYPES for field in request.fields)
    return "returns ids of lookups without their names" if has_lookups and request.format is not OutputFormat.CSV else ""


def _is_rich_text(field: FieldMetadata) -> bool:
    return field.data_type == "textarea" and (field.length or 0) >= _RICH_TEXT_LENGTH


def partition_ids(lowest: str, highest: str, *, count: int) -> list[Partition]:
    """Cut the ids from *lowest* to *highest* into at most *count* ranges; the first and the last one are open-ended."""
    low, high = int(lowest), int(highest)
    limits = {low + (high - low) * part // count for part in range(1, count)}
    return _partitions(str(limit) for limit in sorted(limits) if low <= limit < high)


def partition_requested_ids(ids: Sequence[int]) -> list[Partition]:
    """Cut *ids*, which rise, into ranges with equally many of them."""
    count = max(1, min(MAX_PARTITIONS, len(ids) // PARTITION_IDS))
    return _partitions(str(ids[len(ids) * part // count - 1]) for part in range(1, count))


def _partitions(limits: Iterable[str]) -> list[Partition]:
    ranges = pairwise(["", *limits, ""])
    return [Partition(number=number, above=above, up_to=up_to) for number, (above, up_to) in enumerate(ranges)]
