"""List a module page by page (zoho-api, section 5.1)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.serializer import is_known, shown
from bulkzoho.sandbox.state.clock import epoch
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.page_tokens import LIFE_S, PageToken
from bulkzoho.sandbox.state.views import view_of
from bulkzoho.sandbox.unverified_behaviors import HandlingBehavior
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data, parameter_missing
from bulkzoho.sandbox.wire.request import Price, Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_reply, no_content

__all__ = ["MANY", "asked_fields", "field_names", "fits_converted", "modified_since", "paging", "shows_approved"]

MAX_FIELDS = 50  # API names in ``fields``; Zoho docs, "Get Records" (v7)
MAX_PER_PAGE = 200
VIEW_CREDITS = 3  # Zoho docs, "API limits"
MAX_WITHOUT_TOKEN = 2_000  # records
MAX_WITH_TOKEN = 100_000  # records
_SORTS = ("id", "Created_Time", "Modified_Time")
_NOT_BOUND = {"page", "page_token"}  # parameters that may differ between the pages of one listing


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """What one call asks for."""

    names: list[str]
    per_page: int
    page: int
    sort_by: str
    falling: bool
    since_s: float | None
    shows: Callable[[int], bool]  #: whether a record of that id is asked for
    named: frozenset[int] | None  #: the only ids that are asked for
    parameters: tuple[tuple[str, str], ...]
    mark: PageToken | None


def field_names(exchange: Request, store: ModuleStore, *, required: bool) -> list[str]:
    """Read ``fields``; without it all fields of the module.

    Raises:
        Refusal: it is missing though required, too long, or names an unknown field.
    """
    names = asked_fields(exchange)
    if not names:
        if required:
            raise parameter_missing("fields")
        return list(store.fields)
    if len(names) > MAX_FIELDS:
        raise ApiError(400, "LIMIT_EXCEEDED", "Max field limit exceeded", limit=MAX_FIELDS, param_name="fields")
    unknown = [each for each in names if not is_known(store, each) and each not in store.child_fields]
    if unknown and exchange.crm.settings.strict.unknown_fields is HandlingBehavior.REFUSE:
        raise ApiError(400, "INVALID_DATA", "No field found", param_name="fields", api_name=unknown[0])
    return [each for each in dict.fromkeys(names) if is_known(store, each)]


def asked_fields(exchange: Request) -> list[str]:
    """Read ``fields`` as it stands."""
    return [each.strip() for each in exchange.query.get("fields", "").split(",") if each.strip()]


def paging(exchange: Request) -> tuple[int, int]:
    """Read ``page`` and ``per_page``.

    Raises:
        Refusal: one of them is no number in its range.
    """
    found = []
    for name, default, most in (("page", 1, MAX_WITH_TOKEN), ("per_page", MAX_PER_PAGE, MAX_PER_PAGE)):
        given = exchange.query.get(name, str(default))
        if not given.isdecimal() or not 1 <= int(given) <= most:
            raise invalid_data(param_name=name)
        found.append(int(given))
    return found[0], found[1]


def modified_since(exchange: Request) -> float | None:
    """Read the header If-Modified-Since, in seconds since 1970.

    Raises:
        Refusal: it is no date-time.
    """
    given = exchange.headers.get("If-Modified-Since")
    if given is None:
        return None
    try:
        return epoch(given)
    except ValueError:
        raise invalid_data(header_name="If-Modified-Since") from None


async def _list(exchange: Request) -> Response:
    store = exchange.store()
    listing = _read(exchange, store)
    ids, snapshot = _ids(store, listing)
    found = list(islice(ids, listing.per_page + 1))
    more, found = len(found) > listing.per_page, found[: listing.per_page]
    if not found:
        return Response(status=304) if listing.since_s is not None else no_content()
    records = [shown(exchange.crm, store, each, listing.names) for each in found]
    info: dict[str, Any] = {
        "call": False,
        "per_page": listing.per_page,
        "next_page_token": None,
        "count": len(found),
        "sort_by": listing.sort_by,
        "page": listing.page,
        "previous_page_token": None,
        "page_token_expiry": None,
        "sort_order": "desc" if listing.falling else "asc",
        "email": False,
        "more_records": more,
    }
    if more:
        info["next_page_token"], info["page_token_expiry"] = _next_page(exchange, listing, found[-1], snapshot)
    return json_reply({"data": records, "info": info})


def _read(exchange: Request, store: ModuleStore) -> _Listing:
    query, strict = exchange.query, exchange.crm.settings.strict
    page, per_page = paging(exchange)
    sort_by, order = query.get("sort_by", "id"), query.get("sort_order", "desc")
    if sort_by not in _SORTS:
        raise invalid_data(param_name="sort_by", supported_values=list(_SORTS))
    if order not in ("asc", "desc"):
        raise invalid_data(param_name="sort_order", supported_values=["asc", "desc"])
    parameters = tuple(sorted((name, value) for name, value in query.items() if name not in _NOT_BOUND))
    mark = _mark(exchange, parameters)
    listing = _Listing(
        names=field_names(exchange, store, required=strict.fields_required_on_list),
        per_page=per_page,
        page=mark.page if mark else page,
        sort_by=sort_by,
        falling=order == "desc",
        since_s=modified_since(exchange),
        shows=_shows(exchange, store),
        named=_named(exchange),
        parameters=parameters,
        mark=mark,
    )
    _refuse_too_far(listing)
    return listing


def shows_approved(exchange: Request) -> bool:
    """Tell whether ``approved`` asks for records that are approved, as all are here.

    Raises:
        Refusal: it is none of its words.
    """
    word = exchange.query.get("approved", "true")
    if word not in ("true", "false", "both"):
        raise invalid_data(param_name="approved", supported_values=["true", "false", "both"])
    return word != "false"


def _shows(exchange: Request, store: ModuleStore) -> Callable[[int], bool]:
    """Read ``cvid``, ``converted``, ``approved`` and ``territory_id``."""
    query = exchange.query
    if "territory_id" in query:  # the organization has none
        raise invalid_data(param_name="territory_id")
    if not shows_approved(exchange):
        return lambda _record_id: False
    if view_id := query.get("cvid"):
        if "sort_by" in query:
            raise _ambiguous("cvid", "sort_by")
        view = view_of(exchange.crm, store, view_id)
        if view is None:
            raise invalid_data(param_name="cvid")
        return view.shows
    return fits_converted(store, query.get("converted", "false"))


def _named(exchange: Request) -> frozenset[int] | None:
    """Read ``ids``."""
    if "ids" not in exchange.query:
        return None
    given, most = exchange.query["ids"].split(","), exchange.crm.settings.strict.ids_on_list
    if len(given) > most:
        raise ApiError(400, "LIMIT_EXCEEDED", "ids limit exceeded", limit=most, param_name="ids")
    return frozenset(record_id for each in given if (record_id := record_id_of(each.strip())) is not None)


def fits_converted(store: ModuleStore, word: str) -> Callable[[int], bool]:
    """Make the test that ``converted`` asks for.

    Raises:
        Refusal: it is none of its words.
    """
    match word:
        case "false":
            return lambda record_id: record_id not in store.converted
        case "true":
            return lambda record_id: record_id in store.converted
        case "both":
            return lambda _record_id: True
    raise invalid_data(param_name="converted", supported_values=["true", "false", "both"])


def _ambiguous(one: str, other: str) -> ApiError:
    message = "Ambiguity while processing the request"
    due_to = [{"param_name": one}, {"param_name": other}]
    return ApiError(400, "AMBIGUITY_DURING_PROCESSING", message, ambiguity_due_to=due_to)


def _mark(exchange: Request, parameters: tuple[tuple[str, str], ...]) -> PageToken | None:
    token = exchange.query.get("page_token")
    if token is None:
        return None
    if "page" in exchange.query:
        raise _ambiguous("page", "page_token")
    mark = exchange.crm.pages.find(token)
    if mark is None:
        raise invalid_data(param_name="page_token")
    if exchange.crm.clock.wall() >= mark.expires_s:
        raise ApiError(400, "EXPIRED_VALUE", "page_token is expired", param_name="page_token")
    if mark.parameters != parameters:
        raise ApiError(400, "TOKEN_BOUND_DATA_MISMATCH", "page_token does not fit the request", param_name="page_token")
    return mark


def _refuse_too_far(listing: _Listing) -> None:
    reached = listing.page * listing.per_page
    if listing.mark is None and reached > MAX_WITHOUT_TOKEN:
        code, limit = "DISCRETE_PAGINATION_LIMIT_EXCEEDED", MAX_WITHOUT_TOKEN
    elif reached > MAX_WITH_TOKEN:
        code, limit = "PAGINATION_LIMIT_EXCEEDED", MAX_WITH_TOKEN
    else:
        return
    raise ApiError(400, code, "maximum response iteration limit reached", limit=limit)


def _ids(store: ModuleStore, listing: _Listing) -> tuple[Iterator[int], array[int] | None]:
    """Give the ids from the asked page on, and the snapshot that later pages need, if any."""
    snapshot = listing.mark.snapshot if listing.mark else None
    skip = (listing.page - 1) * listing.per_page
    if listing.sort_by == "Modified_Time":
        if snapshot is None:
            ordered = sorted(store.rising(), key=store.modified_s, reverse=listing.falling)
            snapshot = array("q", _wanted(store, iter(ordered), listing))
        return (each for each in islice(snapshot, skip, None) if each in store), snapshot
    if listing.named is not None:  # found at once, however many others there are
        there = sorted((each for each in listing.named if each in store), reverse=listing.falling)
        return islice(_wanted(store, iter(there), listing), skip, None), None
    if listing.mark:
        last, skip = listing.mark.last_id, 0
        ids = store.falling(last) if listing.falling else store.rising(last)
    else:
        ids = store.falling() if listing.falling else store.rising()
    return islice(_wanted(store, ids, listing), skip, None), None


def _wanted(store: ModuleStore, ids: Iterator[int], listing: _Listing) -> Iterator[int]:
    since_s, shows, named = listing.since_s, listing.shows, listing.named
    if named is not None:
        ids = (each for each in ids if each in named)
    if since_s is None:
        return (each for each in ids if shows(each))
    return (each for each in ids if store.modified_s(each) >= since_s and shows(each))


def _next_page(exchange: Request, listing: _Listing, last_id: int, snapshot: array[int] | None) -> tuple[str, str]:
    crm = exchange.crm
    expires_s = crm.clock.wall() + LIFE_S
    token = f"{crm.chance.getrandbits(128):032x}"
    mark = PageToken(
        parameters=listing.parameters,
        page=listing.page + 1,
        last_id=last_id,
        snapshot=snapshot,
        expires_s=expires_s,
    )
    crm.pages.give(token, mark)
    return token, crm.zone.text(int(expires_s))


def _price(exchange: Request) -> Price:
    """Price a listing: a custom view costs 3, and both it and sorting make the call a heavy one."""
    strict, query = exchange.crm.settings.strict, exchange.query
    price = VIEW_CREDITS if "cvid" in query else strict.sorted_list_credits if "sort_by" in query else 1
    return Price(credits=price, heavy=not {"cvid", "sort_by"}.isdisjoint(query))


MANY = (Route(operation="list", method="GET", handler=_list, scope="modules.{}.READ", price=_price),)
