"""Search and count: they read the search index, which lags behind writes (zoho-api, sections 5.7 and 5.9)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from bulkzoho.sandbox.query.conditions import meets
from bulkzoho.sandbox.query.criteria import read_criteria
from bulkzoho.sandbox.query.rows import Row
from bulkzoho.sandbox.records.view import shown
from bulkzoho.sandbox.routes.listing import field_names, fits_converted, paging
from bulkzoho.sandbox.state.schema import DataType
from bulkzoho.sandbox.state.store import ModuleStore
from bulkzoho.sandbox.state.views import view_of
from bulkzoho.sandbox.wire.exchange import Exchange, Price, Route
from bulkzoho.sandbox.wire.refusals import Refusal, invalid_data, scope_mismatch
from bulkzoho.sandbox.wire.replies import Reply, json_reply, no_content

__all__ = ["COUNT", "SEARCH"]

MAX_FOUND = 2_000  # records; Zoho docs, "Search Records" (v7)
MIN_WORD = 2  # characters of ``word``; OpenAPI 3.1
ROWS_A_TURN = 2_000  # rows looked at before other calls get their turn
SEARCH_SCOPE = "ZohoSearch.securesearch.READ"
_WAYS = ("criteria", "email", "phone", "word")  # in the order of their priority


async def _search(exchange: Exchange) -> Reply:
    _refuse_scope(exchange)
    store = exchange.store()
    fits = _test(exchange, store)
    if fits is None:
        message = "One of the expected parameter is missing"
        raise Refusal(400, "EXPECTED_PARAM_MISSING", message, param_names=list(_WAYS))
    names = field_names(exchange, store, required=False)
    page, per_page = paging(exchange)
    start, end = (page - 1) * per_page, page * per_page
    if end > MAX_FOUND:
        raise Refusal(400, "LIMIT_REACHED", "maximum response iteration limit reached", limit=str(MAX_FOUND))
    found: list[int] = []
    open_ones = fits_converted(store, exchange.query.get("converted", "false"))
    async for record_id in _found(exchange, store, lambda row: open_ones(row.record_id) and fits(row)):
        found.append(record_id)
        if len(found) > end:
            break
    if len(found) <= start:
        return no_content()
    records = [shown(exchange.crm, store, each, names) for each in found[start:end]]
    info = {"per_page": per_page, "count": len(records), "page": page, "more_records": len(found) > end}
    return json_reply({"data": records, "info": info})


async def _count(exchange: Exchange) -> Reply:
    _refuse_scope(exchange)
    store = exchange.store()
    fits = _test(exchange, store)
    view_id = exchange.query.get("cvid")
    if fits is None and view_id is None:
        return json_reply({"count": len(store) - len(store.converted)})
    if fits is not None and view_id is not None:
        message = "Ambiguity while processing the request"
        due_to = [{"param_name": "cvid"}, {"param_name": next(each for each in _WAYS if exchange.query.get(each))}]
        raise Refusal(400, "AMBIGUITY_DURING_PROCESSING", message, ambiguity_due_to=due_to)
    shows = _of_view(exchange, store, view_id)
    count = 0
    async for _record_id in _found(exchange, store, lambda row: shows(row.record_id) and (fits is None or fits(row))):
        count += 1
    return json_reply({"count": count})


def _of_view(exchange: Exchange, store: ModuleStore, view_id: str | None) -> Callable[[int], bool]:
    if view_id is None:
        return lambda record_id: record_id not in store.converted
    view = view_of(exchange.crm, store, view_id)
    if view is None:
        raise invalid_data(param_name="cvid")
    return view.shows


def _refuse_scope(exchange: Exchange) -> None:
    if SEARCH_SCOPE not in exchange.crm.settings.scopes:
        raise scope_mismatch()


async def _found(exchange: Exchange, store: ModuleStore, fits: Callable[[Row], bool]) -> AsyncIterator[int]:
    """Give the ids that the index knows and that fit: a record not yet indexed since its last change is not found."""
    indexed_s = exchange.crm.clock.wall() - exchange.crm.settings.search_lag_s
    for number, record_id in enumerate(store.falling()):
        if number % ROWS_A_TURN == ROWS_A_TURN - 1:
            await asyncio.sleep(0)
        if record_id in store and store.modified_s(record_id) <= indexed_s and fits(Row(store, record_id)):
            yield record_id


def _test(exchange: Exchange, store: ModuleStore) -> Callable[[Row], bool] | None:
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
