"""Search and count: they read the search index, which lags behind writes (zoho-api, sections 5.7 and 5.9)."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from bulkzoho.sandbox.query.conditions import meets
from bulkzoho.sandbox.query.criteria import read_criteria
from bulkzoho.sandbox.query.record_view import RecordView
from bulkzoho.sandbox.records.serializer import value_of
from bulkzoho.sandbox.routes.list_records import field_names, paging, shows_approved
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import CONVERTED_AT, ModuleStore, times_of
from bulkzoho.sandbox.state.schema import DataType
from bulkzoho.sandbox.state.views import view_of
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data, scope_mismatch
from bulkzoho.sandbox.wire.request import Price, Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_reply, no_content

__all__ = ["COUNT", "SEARCH"]

MAX_FOUND = 2_000  # records; Zoho docs, "Search Records" (v7)
MIN_WORD = 2  # characters of ``word``; OpenAPI 3.1
ROWS_A_TURN = 2_000  # rows looked at before other calls get their turn
SEARCH_SCOPE = "ZohoSearch.securesearch.READ"
_WAYS = ("criteria", "email", "phone", "word")  # in the order of their priority


async def _search(exchange: Request) -> Response:
    _refuse_scope(exchange)
    store = exchange.store()
    fits = _test(exchange, store)
    if fits is None:
        message = "One of the expected parameter is missing"
        raise ApiError(400, "EXPECTED_PARAM_MISSING", message, param_names=list(_WAYS))
    names = field_names(exchange, store, required=False)
    page, per_page = paging(exchange)
    start, end = (page - 1) * per_page, page * per_page
    if end > MAX_FOUND:
        raise ApiError(400, "LIMIT_REACHED", "maximum response iteration limit reached", limit=str(MAX_FOUND))
    found: list[RecordView] = []
    shows = _of_view(exchange, store, exchange.query.get("cvid"))
    if not shows_approved(exchange):
        return no_content()
    async for row in _found(exchange, store, fits, exchange.query.get("converted", "false")):
        if shows is not None and not shows(row.record_id):
            continue
        found.append(row)
        if len(found) > end:
            break
    if len(found) <= start:
        return no_content()
    records = [_shown(exchange.crm, each, names) for each in found[start:end]]
    info = {"per_page": per_page, "count": len(records), "page": page, "more_records": len(found) > end}
    return json_reply({"data": records, "info": info})


def _shown(crm: Crm, row: RecordView, names: Sequence[str]) -> dict[str, Any]:
    """Show a record as the index knows it."""
    made_s, changed_s = times_of(row.stored)
    own: dict[str, Any] = {
        "Created_Time": crm.zone.text(made_s),
        "Modified_Time": crm.zone.text(changed_s),
        "Converted__s": CONVERTED_AT in row.values,
    }
    told = {name: own[name] if name in own else value_of(crm, row.store, row.record_id, row.values, name) for name in names}
    return {"id": str(row.record_id), **told}


async def _count(exchange: Request) -> Response:
    _refuse_scope(exchange)
    store = exchange.store()
    fits = _test(exchange, store)
    view_id = exchange.query.get("cvid")
    if fits is None and view_id is None:
        return json_reply({"count": len(store) - len(store.converted)})
    if fits is not None and view_id is not None:
        message = "Ambiguity while processing the request"
        due_to = [{"param_name": "cvid"}, {"param_name": next(each for each in _WAYS if exchange.query.get(each))}]
        raise ApiError(400, "AMBIGUITY_DURING_PROCESSING", message, ambiguity_due_to=due_to)
    shows = _of_view(exchange, store, view_id)
    count = 0
    async for row in _found(exchange, store, fits, "false"):
        count += shows is None or shows(row.record_id)
    return json_reply({"count": count})


def _of_view(exchange: Request, store: ModuleStore, view_id: str | None) -> Callable[[int], bool] | None:
    if view_id is None:
        return None
    view = view_of(exchange.crm, store, view_id)
    if view is None:
        raise invalid_data(param_name="cvid")
    return lambda record_id: record_id in store and view.shows(record_id)


def _refuse_scope(exchange: Request) -> None:
    if SEARCH_SCOPE not in exchange.crm.settings.scopes:
        raise scope_mismatch()


async def _found(
    exchange: Request, store: ModuleStore, fits: Callable[[RecordView], bool] | None, converted: str
) -> AsyncIterator[RecordView]:
    """Give the records that the index knows and that fit, newest first, as they were when it last looked."""
    indexed_s = exchange.crm.clock.wall() - exchange.crm.settings.search_lag_s
    open_ones = _CONVERTED.get(converted)
    if open_ones is None:
        raise invalid_data(param_name="converted", supported_values=list(_CONVERTED))
    gone = sorted((each for each in store.past.changed_since(indexed_s) if each not in store), reverse=True)
    for number, record_id in enumerate(heapq.merge(store.falling(), gone, key=int.__neg__)):
        if number % ROWS_A_TURN == ROWS_A_TURN - 1:
            await asyncio.sleep(0)
        stored = store.as_it_was(record_id, indexed_s)
        if stored is None:
            continue
        row = RecordView(store, record_id, stored)
        if open_ones(row) and (fits is None or fits(row)):
            yield row


_MARK = f'"{CONVERTED_AT}":'.encode()  # a quote within a value is escaped, so this can only be the key
_CONVERTED: dict[str, Callable[[RecordView], bool]] = {
    "false": lambda row: _MARK not in row.stored,
    "true": lambda row: _MARK in row.stored,
    "both": lambda _row: True,
}


def _test(exchange: Request, store: ModuleStore) -> Callable[[RecordView], bool] | None:
    """Make the test that the parameters ask for, or None where they ask for none."""
    way = next((each for each in _WAYS if exchange.query.get(each)), None)
    if way is None:
        return None
    text = exchange.query[way]
    if way == "criteria":
        node = read_criteria(exchange.crm, store, text)
        return lambda row: meets(node, row)
    if way == "word":
        if len(text) < MIN_WORD:
            raise invalid_data(param_name="word")
        return lambda row: any(text.casefold() in str(value).casefold() for value in row.values.values())
    kind = DataType.EMAIL if way == "email" else DataType.PHONE
    names = [each.api_name for each in store.crm_module.fields if each.data_type is kind]
    return lambda row: any(str(row.values.get(name, "")).casefold() == text.casefold() for name in names)


SEARCH = (
    Route(
        operation="search",
        method="GET",
        handler=_search,
        scope="modules.{}.READ",
        price=lambda exchange: Price(credits=exchange.crm.settings.strict.search_credits, heavy=True),
    ),
)
COUNT = (
    Route(
        operation="count",
        method="GET",
        handler=_count,
        scope="modules.{}.READ",
        price=lambda exchange: Price(credits=exchange.crm.settings.strict.count_credits),
    ),
)
