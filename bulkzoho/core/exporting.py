"""What an export reads and how: fields, their groups, the route by price, the strands.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bulkzoho.core.fieldnames import ID, FieldNames
from bulkzoho.errors import RefusedError
from bulkzoho.model.export import OutputFormat, Strand, WantedRoute
from bulkzoho.model.metadata import CrmField, CrmModule

__all__ = [
    "CREATED",
    "MODIFIED",
    "Choice",
    "choose_route",
    "chosen_fields",
    "coql_credits",
    "coql_page",
    "field_groups",
    "spread",
]

CREATED: Final = "Created_Time"
MODIFIED: Final = "Modified_Time"
MAX_GROUP: Final = 50  # fields of one call; Zoho docs "Get Records" (v7), and the lower of two figures for COQL
LIST_PAGE: Final = 200  # records of a call; the same page
LIST_REACH: Final = 100_000  # records by page tokens; the same page
COQL_PAGE: Final = 2_000  # rows of a call; docs v7 "COQL limitations"
_COQL_CREDITS: Final = ((200, 1), (1_000, 2), (COQL_PAGE, 3))  # rows asked for, credits; docs v8 "API limits"
BULK_JOB: Final = 200_000  # records; docs "Bulk Read" (v7)
BULK_CREDITS: Final = 50  # a job; docs v8 "API limits"
BULK_LOOKS: Final = 6  # calls that look at a job and fetch it, on average
BULK_FIELDS: Final = 198  # the two times beside them make 200
STRAND_RECORDS: Final = 20_000  # fewer than this are not worth a strand of their own

# Given by no call that gives many records (docs v7 "Get Records": only the single-record call has them)
_IN_NO_ROUTE: Final = frozenset({"subform", "multiselectlookup", "multiuserlookup"})
_RICH_TEXT_LENGTH: Final = 50_000  # characters; docs v7 "Create custom field": rich text, which the list cuts at 500
_REFERENCES: Final = frozenset({"lookup", "ownerlookup", "userlookup"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A route and why it was taken."""

    route: WantedRoute
    reason: str
    credits: int  #: what reading is expected to cost


def chosen_fields(crm_module: CrmModule, names: Sequence[str]) -> tuple[tuple[CrmField, ...], tuple[str, ...]]:
    """Give the fields that *names* mean, all when there are none, and the API names of those that no route gives.

    The record's id is always written first and is not among them.

    Raises:
        RefusedError: A name means no field, or several; a named field can be had by no route.
    """
    fields = [one for one in crm_module.fields if one.api_name != ID.api_name]
    if not names:
        readable = tuple(one for one in fields if one.data_type not in _IN_NO_ROUTE)
        return readable, tuple(one.api_name for one in fields if one.data_type in _IN_NO_ROUTE)
    known, chosen = FieldNames(crm_module), []
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
    first = MAX_GROUP - 2
    groups = [[CREATED, MODIFIED, *rest[:first]]]
    step = MAX_GROUP - 1
    groups += [[MODIFIED, *rest[at : at + step]] for at in range(first, len(rest), step)]
    return groups


def coql_credits(records: int) -> int:
    """Give the credits of reading *records* by COQL."""
    full, rest = divmod(records, COQL_PAGE)
    last = next(price for most, price in _COQL_CREDITS if rest <= most)
    return full * _COQL_CREDITS[-1][1] + (last if rest or not full else 0)


def coql_page(expected: int | None) -> int:
    """Give the rows of one query: the cheapest that holds *expected* records and room to see that there are no more."""
    if expected is None:
        return COQL_PAGE
    return next((most for most, _ in _COQL_CREDITS if expected < most), COQL_PAGE)


def choose_route(
    wanted: WantedRoute, fields: Sequence[CrmField], *, expected: int | None, form: OutputFormat, conditions: bool
) -> Choice:
    """Take the cheapest route that gives every field whole, or the one that was asked for.

    Raises:
        RefusedError: The wanted route cannot do what is asked.
    """
    groups = len(field_groups([one.api_name for one in fields]))
    records = expected if expected is not None else 0
    jobs = max(1, -(-records // BULK_JOB))
    prices = {
        WantedRoute.LIST: max(1, -(-records // LIST_PAGE)) * groups,
        WantedRoute.COQL: coql_credits(records) * groups,
        WantedRoute.BULK: jobs * (BULK_CREDITS + BULK_LOOKS),
    }
    lacks = {route: _lack(route, fields, records=records, form=form, conditions=conditions) for route in prices}
    if wanted is not WantedRoute.AUTO:
        hard = lacks[wanted][0]
        if hard:
            raise RefusedError(f"--route {wanted}: {hard}.", hint="Take --route auto, or export less.", code="ROUTE_CANNOT")
        return Choice(route=wanted, reason="as asked", credits=prices[wanted])
    able = [route for route in prices if not any(lacks[route])] or [route for route in prices if not lacks[route][0]]
    if not able:
        raise RefusedError(
            f"no route can do this: {'; '.join(sorted({lack[0] for lack in lacks.values()}))}.", code="ROUTE_CANNOT"
        )
    best = min(able, key=lambda route: prices[route])
    words = [f"{prices[best]:,} credits"]
    for route, price in prices.items():
        if route is not best:
            lack = next(filter(None, lacks[route]), "")
            words.append(f"{route} would cost {price:,}" + (f" and {lack}" if lack else ""))
    if lacks[best][1]:
        words.append(f"it {lacks[best][1]}")
    return Choice(route=best, reason=", ".join(words), credits=prices[best])


def _lack(
    route: WantedRoute, fields: Sequence[CrmField], *, records: int, form: OutputFormat, conditions: bool
) -> tuple[str, str]:
    """Give what keeps *route* from doing it at all, and what it gives only in part; "" where nothing does."""
    if route is WantedRoute.LIST:
        if conditions:
            return "has no conditions", ""
        if records > LIST_REACH:
            return f"ends after {LIST_REACH:,} records", ""
        rich = next((one.api_name for one in fields if _is_rich(one)), None)
        return "", f"cuts {rich} after 500 characters" if rich else ""
    if route is WantedRoute.BULK and len(fields) > BULK_FIELDS:
        return f"takes {BULK_FIELDS} fields", ""
    named = form is OutputFormat.JSONL and any(one.data_type in _REFERENCES for one in fields)
    return "", "gives ids of lookups without their names" if named else ""


def _is_rich(field: CrmField) -> bool:
    return field.data_type == "textarea" and (field.length or 0) >= _RICH_TEXT_LENGTH


def spread(lowest: str, highest: str, *, strands: int) -> list[Strand]:
    """Cut the ids from *lowest* to *highest* into stretches; the first begins, and the last ends, without a limit."""
    low, high = int(lowest), int(highest)
    edges = [str(low + (high - low) * part // strands) for part in range(1, strands)]
    edges = sorted({edge for edge in edges if low <= int(edge) < high}, key=int)
    return [
        Strand(number=number, above=above, up_to=up_to)
        for number, (above, up_to) in enumerate(zip(["", *edges], [*edges, ""], strict=True))
    ]
