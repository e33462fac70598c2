"""Routes of search and count; both read the search index, which lags behind writes (zoho-api, sections 5.7 and 5.9)."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from bulkzoho.sandbox.query.conditions import meets
from bulkzoho.sandbox.query.criteria import parse_criteria
from bulkzoho.sandbox.query.record_view import RecordView
from bulkzoho.sandbox.records.serializer import value_of
from bulkzoho.sandbox.routes.list_records import field_names, includes_approved, paging
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import CONVERTED_AT, ModuleStore, times_of
from bulkzoho.sandbox.state.schema import DataType
from bulkzoho.sandbox.state.views import find_view
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data, scope_mismatch
from bulkzoho.sandbox.wire.request import Price, Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response, no_content

__all__ = ["COUNT", "SEARCH"]

MAX_FOUND = 2_000  # records; Zoho docs, "Search Records" (v7)
MIN_WORD = 2  # minimum characters of ``word``; OpenAPI 3.1
ROWS_PER_TURN = 2_000  # rows scanned before other calls get a turn
SEARCH_SCOPE = "ZohoSearch.securesearch.READ"
_SELECTORS = ("criteria", "email", "phone", "word")  # in order of priority


async def _search(request: Request) -> Response:
    _check_search_scope(request)
    store = request.store()
    test = _search_test(request, store)
    if test is None:
        message = "One of the expected parameter is missing"
        raise ApiError(400, "EXPECTED_PARAM_MISSING", message, param_names=list(_SELECTORS))
    names = field_names(request, store, required=False)
    page, per_page = paging(request)
    start, end = (page - 1) * per_page, page * per_page
    if end > MAX_FOUND:
        raise ApiError(400, "LIMIT_REACHED", "maximum response iteration limit reached", limit=str(MAX_FOUND))
    found: list[RecordView] = []
    in_view = _view_filter(request, store, request.query.get("cvid"))
    if not includes_approved(request):
        return no_content()
    async for row in _search_index(request, store, test, request.query.get("converted", "false")):
        if in_view is not None and not in_view(row.record_id):
            continue
        found.append(row)
        if len(found) > end:
            break
    if len(found) <= start:
        return no_content()
    records = [_serialize(request.crm, each, names) for each in found[start:end]]
    info = {"per_page": per_page, "count": len(records), "page": page, "more_records": len(found) > end}
    return json_response({"data": records, "info": info})


def _serialize(crm: Crm, row: RecordView, names: Sequence[str]) -> dict[str, Any]:
    """Return a record as the search index has it."""
    made_s, changed_s = times_of(row.stored)
    indexed: dict[str, Any] = {
        "Created_Time": crm.zone.format(made_s),
        "Modified_Time": crm.zone.format(changed_s),
        "Converted__s": CONVERTED_AT in row.values,
    }
    fields = {
        name: indexed[name] if name in indexed else value_of(crm, row.store, row.record_id, row.values, name) for name in names
    }
    return {"id": str(row.record_id), **fields}


async def _count(request: Request) -> Response:
    _check_search_scope(request)
    store = request.store()
    test = _search_test(request, store)
    view_id = request.query.get("cvid")
    if test is None and view_id is None:
        return json_response({"count": len(store) - len(store.converted)})
    if test is not None and view_id is not None:
        message = "Ambiguity while processing the request"
        due_to = [{"param_name": "cvid"}, {"param_name": next(each for each in _SELECTORS if request.query.get(each))}]
        raise ApiError(400, "AMBIGUITY_DURING_PROCESSING", message, ambiguity_due_to=due_to)
    in_view = _view_filter(request, store, view_id)
    count = 0
    async for row in _search_index(request, store, test, "false"):
        count += in_view is None or in_view(row.record_id)
    return json_response({"count": count})


def _view_filter(request: Request, store: ModuleStore, view_id: str | None) -> Callable[[int], bool] | None:
    if view_id is None:
        return None
    view = find_view(request.crm, store, view_id)
    if view is None:
        raise invalid_data(param_name="cvid")
    return lambda record_id: record_id in store and view.contains(record_id)


def _check_search_scope(request: Request) -> None:
    if SEARCH_SCOPE not in request.crm.settings.scopes:
        raise scope_mismatch()


async def _search_index(
    request: Request, store: ModuleStore, test: Callable[[RecordView], bool] | None, converted: str
) -> AsyncIterator[RecordView]:
    """Iterate over the matching records of the search index, newest first, in their indexed version."""
    indexed_s = request.crm.clock.wall() - request.crm.settings.search_lag_s
    converted_test = _CONVERTED_TESTS.get(converted)
    if converted_test is None:
        raise invalid_data(param_name="converted", supported_values=list(_CONVERTED_TESTS))
    deleted_ids = sorted((each for each in store.history.changed_since(indexed_s) if each not in store), reverse=True)
    for number, record_id in enumerate(heapq.merge(store.descending_ids(), deleted_ids, key=int.__neg__)):
        if number % ROWS_PER_TURN == ROWS_PER_TURN - 1:
            await asyncio.sleep(0)
        stored = store.version_at(record_id, indexed_s)
        if stored is None:
            continue
        row = RecordView(store, record_id, stored)
        if converted_test(row) and (test is None or test(row)):
            yield row


_CONVERTED_KEY = f'"{CONVERTED_AT}":'.encode()  # quotes inside values are escaped, so this matches only the key
_CONVERTED_TESTS: dict[str, Callable[[RecordView], bool]] = {
    "false": lambda row: _CONVERTED_KEY not in row.stored,
    "true": lambda row: _CONVERTED_KEY in row.stored,
    "both": lambda _row: True,
}


def _search_test(request: Request, store: ModuleStore) -> Callable[[RecordView], bool] | None:
    """Build the test of the search parameters, or return None if there are none."""
    selector = next((each for each in _SELECTORS if request.query.get(each)), None)
    if selector is None:
        return None
    text = request.query[selector]
    if selector == "criteria":
        node = parse_criteria(request.crm, store, text)
        return lambda row: meets(node, row)
    if selector == "word":
        if len(text) < MIN_WORD:
            raise invalid_data(param_name="word")
        return lambda row: any(text.casefold() in str(value).casefold() for value in row.values.values())
    kind = DataType.EMAIL if selector == "email" else DataType.PHONE
    names = [each.api_name for each in store.crm_module.fields if each.data_type is kind]
    return lambda row: any(str(row.values.get(name, "")).casefold() == text.casefold() for name in names)


SEARCH = (
    Route(
        operation="search",
        method="GET",
        handler=_search,
        scope="modules.{}.READ",
        price=lambda request: Price(credits=request.crm.settings.strict.search_credits, heavy=True),
    ),
)
COUNT = (
    Route(
        operation="count",
        method="GET",
        handler=_count,
        scope="modules.{}.READ",
        price=lambda request: Price(credits=request.crm.settings.strict.count_credits),
    ),
)
