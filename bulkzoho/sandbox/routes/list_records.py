"""Route that lists a module page by page (zoho-api, section 5.1)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.serializer import is_known, serialize
from bulkzoho.sandbox.state.clock import parse_timestamp
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.page_tokens import LIFE_S, PageToken
from bulkzoho.sandbox.state.views import find_view
from bulkzoho.sandbox.unverified_behaviors import HandlingBehavior
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data, parameter_missing
from bulkzoho.sandbox.wire.request import Price, Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response, no_content

__all__ = ["MANY", "converted_filter", "field_names", "includes_approved", "modified_since", "paging", "requested_fields"]

MAX_FIELDS = 50  # API names in ``fields``; Zoho docs, "Get Records" (v7)
MAX_PER_PAGE = 200
VIEW_CREDITS = 3  # Zoho docs, "API limits"
MAX_WITHOUT_TOKEN = 2_000  # records
MAX_WITH_TOKEN = 100_000  # records
_SORTS = ("id", "Created_Time", "Modified_Time")
_NOT_BOUND = {"page", "page_token"}  # parameters that may differ between pages of one listing


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """Parameters of one list call."""

    names: list[str]
    per_page: int
    page: int
    sort_by: str
    descending: bool
    since_s: float | None
    includes: Callable[[int], bool]  #: whether the listing includes a record id
    ids_wanted: frozenset[int] | None  #: the requested ids, if any
    parameters: tuple[tuple[str, str], ...]
    token_position: PageToken | None


def field_names(request: Request, store: ModuleStore, *, required: bool) -> list[str]:
    """Parse ``fields``; the default is all fields of the module.

    Raises:
        ApiError: ``fields`` is required but missing, too long, or names an unknown field.
    """
    names = requested_fields(request)
    if not names:
        if required:
            raise parameter_missing("fields")
        return list(store.fields)
    if len(names) > MAX_FIELDS:
        raise ApiError(400, "LIMIT_EXCEEDED", "Max field limit exceeded", limit=MAX_FIELDS, param_name="fields")
    unknown = [each for each in names if not is_known(store, each) and each not in store.child_fields]
    if unknown and request.crm.settings.strict.unknown_fields is HandlingBehavior.REFUSE:
        raise ApiError(400, "INVALID_DATA", "No field found", param_name="fields", api_name=unknown[0])
    return [each for each in dict.fromkeys(names) if is_known(store, each)]


def requested_fields(request: Request) -> list[str]:
    """Parse ``fields`` without checks."""
    return [each.strip() for each in request.query.get("fields", "").split(",") if each.strip()]


def paging(request: Request) -> tuple[int, int]:
    """Parse ``page`` and ``per_page``.

    Raises:
        ApiError: a value is not a number or out of range.
    """
    found = []
    for name, default, limit in (("page", 1, MAX_WITH_TOKEN), ("per_page", MAX_PER_PAGE, MAX_PER_PAGE)):
        value = request.query.get(name, str(default))
        if not value.isdecimal() or not 1 <= int(value) <= limit:
            raise invalid_data(param_name=name)
        found.append(int(value))
    return found[0], found[1]


def modified_since(request: Request) -> float | None:
    """Return the header If-Modified-Since in seconds since 1970.

    Raises:
        ApiError: the value is not a date-time.
    """
    value = request.headers.get("If-Modified-Since")
    if value is None:
        return None
    try:
        return parse_timestamp(value)
    except ValueError:
        raise invalid_data(header_name="If-Modified-Since") from None


async def _list(request: Request) -> Response:
    store = request.store()
    listing = _parse_listing(request, store)
    ids, snapshot = _ids(store, listing)
    found = list(islice(ids, listing.per_page + 1))
    more, found = len(found) > listing.per_page, found[: listing.per_page]
    if not found:
        return Response(status=304) if listing.since_s is not None else no_content()
    records = [serialize(request.crm, store, each, listing.names) for each in found]
    info: dict[str, Any] = {
        "call": False,
        "per_page": listing.per_page,
        "next_page_token": None,
        "count": len(found),
        "sort_by": listing.sort_by,
        "page": listing.page,
        "previous_page_token": None,
        "page_token_expiry": None,
        "sort_order": "desc" if listing.descending else "asc",
        "email": False,
        "more_records": more,
    }
    if more:
        info["next_page_token"], info["page_token_expiry"] = _next_page(request, listing, found[-1], snapshot)
    return json_response({"data": records, "info": info})


def _parse_listing(request: Request, store: ModuleStore) -> _Listing:
    query, strict = request.query, request.crm.settings.strict
    page, per_page = paging(request)
    sort_by, order = query.get("sort_by", "id"), query.get("sort_order", "desc")
    if sort_by not in _SORTS:
        raise invalid_data(param_name="sort_by", supported_values=list(_SORTS))
    if order not in ("asc", "desc"):
        raise invalid_data(param_name="sort_order", supported_values=["asc", "desc"])
    parameters = tuple(sorted((name, value) for name, value in query.items() if name not in _NOT_BOUND))
    token_position = _parse_page_token(request, parameters)
    listing = _Listing(
        names=field_names(request, store, required=strict.fields_required_on_list),
        per_page=per_page,
        page=token_position.page if token_position else page,
        sort_by=sort_by,
        descending=order == "desc",
        since_s=modified_since(request),
        includes=_record_filter(request, store),
        ids_wanted=_parse_ids(request),
        parameters=parameters,
        token_position=token_position,
    )
    _check_page_limits(listing)
    return listing


def includes_approved(request: Request) -> bool:
    """Return whether ``approved`` includes approved records; all records are approved here.

    Raises:
        ApiError: the value is invalid.
    """
    word = request.query.get("approved", "true")
    if word not in ("true", "false", "both"):
        raise invalid_data(param_name="approved", supported_values=["true", "false", "both"])
    return word != "false"


def _record_filter(request: Request, store: ModuleStore) -> Callable[[int], bool]:
    """Build the filter of ``cvid``, ``converted``, ``approved`` and ``territory_id``."""
    query = request.query
    if "territory_id" in query:  # the organization has no territories
        raise invalid_data(param_name="territory_id")
    if not includes_approved(request):
        return lambda _record_id: False
    if view_id := query.get("cvid"):
        if "sort_by" in query:
            raise _ambiguous("cvid", "sort_by")
        view = find_view(request.crm, store, view_id)
        if view is None:
            raise invalid_data(param_name="cvid")
        return view.contains
    return converted_filter(store, query.get("converted", "false"))


def _parse_ids(request: Request) -> frozenset[int] | None:
    """Parse ``ids``."""
    if "ids" not in request.query:
        return None
    value, limit = request.query["ids"].split(","), request.crm.settings.strict.ids_on_list
    if len(value) > limit:
        raise ApiError(400, "LIMIT_EXCEEDED", "ids limit exceeded", limit=limit, param_name="ids")
    return frozenset(record_id for each in value if (record_id := record_id_of(each.strip())) is not None)


def converted_filter(store: ModuleStore, word: str) -> Callable[[int], bool]:
    """Build the filter of ``converted``.

    Raises:
        ApiError: the value is invalid.
    """
    match word:
        case "false":
            return lambda record_id: record_id not in store.converted
        case "true":
            return lambda record_id: record_id in store.converted
        case "both":
            return lambda _record_id: True
    raise invalid_data(param_name="converted", supported_values=["true", "false", "both"])


def _ambiguous(first: str, second: str) -> ApiError:
    message = "Ambiguity while processing the request"
    due_to = [{"param_name": first}, {"param_name": second}]
    return ApiError(400, "AMBIGUITY_DURING_PROCESSING", message, ambiguity_due_to=due_to)


def _parse_page_token(request: Request, parameters: tuple[tuple[str, str], ...]) -> PageToken | None:
    token = request.query.get("page_token")
    if token is None:
        return None
    if "page" in request.query:
        raise _ambiguous("page", "page_token")
    token_position = request.crm.pages.find(token)
    if token_position is None:
        raise invalid_data(param_name="page_token")
    if request.crm.clock.wall() >= token_position.expires_s:
        raise ApiError(400, "EXPIRED_VALUE", "page_token is expired", param_name="page_token")
    if token_position.parameters != parameters:
        raise ApiError(400, "TOKEN_BOUND_DATA_MISMATCH", "page_token does not fit the request", param_name="page_token")
    return token_position


def _check_page_limits(listing: _Listing) -> None:
    reached = listing.page * listing.per_page
    if listing.token_position is None and reached > MAX_WITHOUT_TOKEN:
        code, limit = "DISCRETE_PAGINATION_LIMIT_EXCEEDED", MAX_WITHOUT_TOKEN
    elif reached > MAX_WITH_TOKEN:
        code, limit = "PAGINATION_LIMIT_EXCEEDED", MAX_WITH_TOKEN
    else:
        return
    raise ApiError(400, code, "maximum response iteration limit reached", limit=limit)


def _ids(store: ModuleStore, listing: _Listing) -> tuple[Iterator[int], array[int] | None]:
    """Return the ids from the requested page on, and the snapshot for later pages, if any."""
    snapshot = listing.token_position.snapshot if listing.token_position else None
    skip = (listing.page - 1) * listing.per_page
    if listing.sort_by == "Modified_Time":
        if snapshot is None:
            ordered = sorted(store.ascending_ids(), key=store.modified_s, reverse=listing.descending)
            snapshot = array("q", _filter_ids(store, iter(ordered), listing))
        return (each for each in islice(snapshot, skip, None) if each in store), snapshot
    if listing.ids_wanted is not None:  # direct lookup, independent of the module's size
        ids_found = sorted((each for each in listing.ids_wanted if each in store), reverse=listing.descending)
        return islice(_filter_ids(store, iter(ids_found), listing), skip, None), None
    if listing.token_position:
        last, skip = listing.token_position.last_id, 0
        ids = store.descending_ids(last) if listing.descending else store.ascending_ids(last)
    else:
        ids = store.descending_ids() if listing.descending else store.ascending_ids()
    return islice(_filter_ids(store, ids, listing), skip, None), None


def _filter_ids(store: ModuleStore, ids: Iterator[int], listing: _Listing) -> Iterator[int]:
    since_s, includes, ids_wanted = listing.since_s, listing.includes, listing.ids_wanted
    if ids_wanted is not None:
        ids = (each for each in ids if each in ids_wanted)
    if since_s is None:
        return (each for each in ids if includes(each))
    return (each for each in ids if store.modified_s(each) >= since_s and includes(each))


def _next_page(request: Request, listing: _Listing, last_id: int, snapshot: array[int] | None) -> tuple[str, str]:
    crm = request.crm
    expires_s = crm.clock.wall() + LIFE_S
    token = f"{crm.rng.getrandbits(128):032x}"
    token_position = PageToken(
        parameters=listing.parameters,
        page=listing.page + 1,
        last_id=last_id,
        snapshot=snapshot,
        expires_s=expires_s,
    )
    crm.pages.add(token, token_position)
    return token, crm.zone.format(int(expires_s))


def _price(request: Request) -> Price:
    """Return the price of a listing: a custom view costs 3; views and sorting make the call heavy."""
    strict, query = request.crm.settings.strict, request.query
    price = VIEW_CREDITS if "cvid" in query else strict.sorted_list_credits if "sort_by" in query else 1
    return Price(credits=price, heavy=not {"cvid", "sort_by"}.isdisjoint(query))


MANY = (Route(operation="list", method="GET", handler=_list, scope="modules.{}.READ", price=_price),)
