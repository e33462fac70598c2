"""Routes of the recycle bin: list, purge, restore, count (zoho-api, sections 5.6 and 10).

Sources for restore, empty and count: Zoho docs v8, "Restore Recycle Bin Records", and the OpenAPI of its operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.writer import KEPT_DELETED_S
from bulkzoho.sandbox.routes.list_records import paging
from bulkzoho.sandbox.routes.recycle_bin_filters import parse_filters
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import Deleted, ModuleStore
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data
from bulkzoho.sandbox.wire.request import Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response, no_content

__all__ = ["COUNT", "EMPTY", "MANY", "ONE", "RESTORE_MANY", "RESTORE_ONE"]


MAX_SYNCHRONOUS = 1_000  # records with children; more are processed after the response
MAX_IDS = 200  # ids per call
_SELECTORS = ("ids", "filters", "restore_all_records")


def _deleted_records(crm: Crm) -> Iterator[tuple[ModuleStore, int, Deleted]]:
    for store in crm.stores.values():
        if store.crm_module.generated:
            continue  # child records are deleted and restored with their parents
        store.purge_until(crm.now_s() - KEPT_DELETED_S)
        for record_id, deleted in store.deleted.items():
            if deleted.record is not None:
                yield store, record_id, deleted


def _describe(crm: Crm, store: ModuleStore, record_id: int, deleted: Deleted) -> dict[str, Any]:
    assert deleted.record is not None
    owner = crm.user(orjson.loads(deleted.record).get("Owner", crm.administrator.id)) or crm.administrator
    return {
        "id": str(record_id),
        "display_name": deleted.display_name,
        "deleted_time": crm.zone.format(deleted.at_s),
        "deleted_by": (crm.user(deleted.by) or crm.administrator).reference(),
        "owner": owner.reference(),
        "module": {"api_name": store.crm_module.api_name, "id": store.crm_module.id},
    }


async def _list(request: Request) -> Response:
    crm = request.crm
    page, per_page = paging(request)
    newest_first = sorted(_deleted_records(crm), key=lambda each: -each[2].at_s)
    start = (page - 1) * per_page
    found = [_describe(crm, *each) for each in newest_first[start : start + per_page]]
    if not found:
        return no_content()
    more = len(newest_first) > start + per_page
    info = {"per_page": per_page, "count": len(found), "page": page, "more_records": more}
    return json_response({"recycle_bin": found, "info": info})


async def _get_one(request: Request) -> Response:
    wanted = int(request.parts["id"])
    found = [_describe(request.crm, *each) for each in _deleted_records(request.crm) if each[1] == wanted]
    return json_response({"recycle_bin": found}) if found else no_content()


async def _purge_many(request: Request) -> Response:
    """Purge the records of ``ids``, or all."""
    given = request.query.get("ids")
    deleted_records = {record_id: store for store, record_id, _ in _deleted_records(request.crm)}
    ids = list(map(str, deleted_records)) if given is None else [each.strip() for each in given.split(",")]
    return _purge(deleted_records, ids)


async def _purge_one(request: Request) -> Response:
    deleted_records = {record_id: store for store, record_id, _ in _deleted_records(request.crm)}
    return _purge(deleted_records, [request.parts["id"]])


def _purge(deleted_records: dict[int, ModuleStore], ids: list[str]) -> Response:
    results = []
    for given in ids:
        record_id = record_id_of(given)
        if record_id is None or record_id not in deleted_records:
            results.append(_unknown_id(given))
            continue
        deleted_records.pop(record_id).purge(record_id)
        results.append({"code": "SUCCESS", "details": {"id": given}, "message": "record deleted", "status": "success"})
    return _results_response(results)


async def _count(request: Request) -> Response:
    return json_response({"count": sum(1 for _ in _deleted_records(request.crm))})


async def _empty_bin(request: Request) -> Response:
    deleted_records = list(_deleted_records(request.crm))
    for store, record_id, _ in deleted_records:
        store.purge(record_id)
    if len(deleted_records) > MAX_SYNCHRONOUS:
        return json_response(_scheduled("recyclebin clearing has been scheduled"), 202)
    return json_response({"code": "SUCCESS", "details": {}, "message": "recyclebin is cleared", "status": "success"})


def _scheduled(message: str, **details: str) -> dict[str, Any]:
    return {"code": "SCHEDULED", "details": details, "message": message, "status": "success"}


async def _restore_one(request: Request) -> Response:
    return _restore(request.crm, [request.parts["id"]])


async def _restore_many(request: Request) -> Response:
    """Restore the records of ``ids``, those that match ``filters``, or all."""
    body = request.json()
    match _selector(body):
        case "ids":
            ids = body["ids"]
            if type(ids) is not list or not 0 < len(ids) <= MAX_IDS:
                raise invalid_data(api_name="ids", json_path="$.ids", expected_data_type="jsonarray")
            return _restore(request.crm, [str(each) for each in ids])
        case "filters":
            matches = parse_filters(body["filters"])
        case _:
            matches = _matches_all
    deleted_records = [
        (store, each, _describe(request.crm, store, each, deleted)) for store, each, deleted in _deleted_records(request.crm)
    ]
    for store, record_id, description in deleted_records:
        if matches(description) and not store.conflicting_field(record_id):
            store.restore(record_id)
    message = "Bulk restoration of records based on filters has been scheduled"
    return json_response({"recycle_bin": [_scheduled(message)]}, 202)


def _matches_all(_describe: Mapping[str, Any]) -> bool:
    return True


def _selector(body: Mapping[str, Any]) -> str:
    """Return which selector the body has.

    Raises:
        ApiError: the body has none, or more than one.
    """
    given = [each for each in _SELECTORS if each in body and body[each] is not False]
    if len(given) == 1:
        return given[0]
    due_to = [{"api_name": each, "json_path": f"$.{each}"} for each in given or _SELECTORS]
    if given:
        raise ApiError(400, "AMBIGUITY_DURING_PROCESSING", "Ambiguity while processing the request", ambiguity_due_to=due_to)
    raise ApiError(400, "EXPECTED_FIELD_MISSING", "One of the expected parameter is missing", expected_fields=due_to)


def _restore(crm: Crm, ids: list[str]) -> Response:
    deleted_records = {record_id: store for store, record_id, _ in _deleted_records(crm)}
    results: list[dict[str, Any]] = []
    for given in ids:
        record_id = record_id_of(given)
        store = None if record_id is None else deleted_records.pop(record_id, None)
        if record_id is None or store is None:
            results.append(_unknown_id(given))
        elif field := store.conflicting_field(record_id):
            details = {"id": given, "api_name": field}
            results.append({"code": "DUPLICATE_DATA", "details": details, "message": "duplicate data", "status": "error"})
        else:
            store.restore(record_id)
            results.append({"code": "SUCCESS", "details": {"id": given}, "message": "record restored", "status": "success"})
    return _results_response(results)


def _unknown_id(given: str) -> dict[str, Any]:
    return {
        "code": "INVALID_DATA",
        "details": {"id": given},
        "message": "the id given seems to be invalid",
        "status": "error",
    }


def _results_response(results: list[dict[str, Any]]) -> Response:
    good = sum(each["status"] == "success" for each in results)
    return json_response({"recycle_bin": results}, 200 if good == len(results) else 207 if good else 400)


def _route(operation: str, method: str, handler: Any, right: str) -> Route:
    return Route(operation=operation, method=method, handler=handler, scope=f"settings.recycle_bin.{right}")


MANY = (_route("recycle_bin", "GET", _list, "READ"), _route("purge", "DELETE", _purge_many, "DELETE"))
ONE = (_route("recycle_bin", "GET", _get_one, "READ"), _route("purge", "DELETE", _purge_one, "DELETE"))
COUNT = (_route("recycle_bin_count", "GET", _count, "READ"),)
EMPTY = (_route("purge", "POST", _empty_bin, "UPDATE"),)
RESTORE_MANY = (_route("restore", "POST", _restore_many, "UPDATE"),)
RESTORE_ONE = (_route("restore", "POST", _restore_one, "UPDATE"),)
