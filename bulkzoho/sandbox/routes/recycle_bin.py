"""The recycle bin of all modules: what lies in it, and letting it go for good (zoho-api, sections 5.6 and 10).

Restoring, emptying and counting it: Zoho docs v8, "Restore Recycle Bin Records", and the OpenAPI of its operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.writer import KEPT_DELETED_S
from bulkzoho.sandbox.routes.list_records import paging
from bulkzoho.sandbox.routes.recycle_bin_filters import filter_of
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import Deleted, ModuleStore
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data
from bulkzoho.sandbox.wire.request import Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_reply, no_content

__all__ = ["COUNT", "EMPTY", "MANY", "ONE", "RESTORE_MANY", "RESTORE_ONE"]


AT_ONCE = 1_000  # records, with what belongs to them; above that it goes on after the answer
MAX_IDS = 200  # of one call
_WAYS = ("ids", "filters", "restore_all_records")


def _lying(crm: Crm) -> Iterator[tuple[ModuleStore, int, Deleted]]:
    for store in crm.stores.values():
        if store.crm_module.generated:
            continue  # its records come and go with their parents
        store.purge_until(crm.now_s() - KEPT_DELETED_S)
        for record_id, kept in store.deleted.items():
            if kept.record is not None:
                yield store, record_id, kept


def _told(crm: Crm, store: ModuleStore, record_id: int, kept: Deleted) -> dict[str, Any]:
    assert kept.record is not None
    owner = crm.user(orjson.loads(kept.record).get("Owner", crm.founder.id)) or crm.founder
    return {
        "id": str(record_id),
        "display_name": kept.display_name,
        "deleted_time": crm.zone.text(kept.at_s),
        "deleted_by": (crm.user(kept.by) or crm.founder).reference(),
        "owner": owner.reference(),
        "module": {"api_name": store.crm_module.api_name, "id": store.crm_module.id},
    }


async def _list(exchange: Request) -> Response:
    crm = exchange.crm
    page, per_page = paging(exchange)
    newest_first = sorted(_lying(crm), key=lambda each: -each[2].at_s)
    start = (page - 1) * per_page
    found = [_told(crm, *each) for each in newest_first[start : start + per_page]]
    if not found:
        return no_content()
    more = len(newest_first) > start + per_page
    info = {"per_page": per_page, "count": len(found), "page": page, "more_records": more}
    return json_reply({"recycle_bin": found, "info": info})


async def _one(exchange: Request) -> Response:
    wanted = int(exchange.parts["id"])
    found = [_told(exchange.crm, *each) for each in _lying(exchange.crm) if each[1] == wanted]
    return json_reply({"recycle_bin": found}) if found else no_content()


async def _purge_many(exchange: Request) -> Response:
    """Let the records of ``ids`` go, or all of them."""
    given = exchange.query.get("ids")
    lying = {record_id: store for store, record_id, _ in _lying(exchange.crm)}
    ids = list(map(str, lying)) if given is None else [each.strip() for each in given.split(",")]
    return _purged(lying, ids)


async def _purge_one(exchange: Request) -> Response:
    lying = {record_id: store for store, record_id, _ in _lying(exchange.crm)}
    return _purged(lying, [exchange.parts["id"]])


def _purged(lying: dict[int, ModuleStore], ids: list[str]) -> Response:
    results = []
    for given in ids:
        record_id = record_id_of(given)
        if record_id is None or record_id not in lying:
            results.append(_unknown(given))
            continue
        lying.pop(record_id).purge(record_id)
        results.append({"code": "SUCCESS", "details": {"id": given}, "message": "record deleted", "status": "success"})
    return _told_of_each(results)


async def _count(exchange: Request) -> Response:
    return json_reply({"count": sum(1 for _ in _lying(exchange.crm))})


async def _empty(exchange: Request) -> Response:
    lying = list(_lying(exchange.crm))
    for store, record_id, _ in lying:
        store.purge(record_id)
    if len(lying) > AT_ONCE:
        return json_reply(_scheduled("recyclebin clearing has been scheduled"), 202)
    return json_reply({"code": "SUCCESS", "details": {}, "message": "recyclebin is cleared", "status": "success"})


def _scheduled(message: str, **details: str) -> dict[str, Any]:
    return {"code": "SCHEDULED", "details": details, "message": message, "status": "success"}


async def _restore_one(exchange: Request) -> Response:
    return _restored(exchange.crm, [exchange.parts["id"]])


async def _restore_many(exchange: Request) -> Response:
    """Restore the records of ``ids``, those that fit ``filters``, or all."""
    body = exchange.json()
    match _way(body):
        case "ids":
            ids = body["ids"]
            if type(ids) is not list or not 0 < len(ids) <= MAX_IDS:
                raise invalid_data(api_name="ids", json_path="$.ids", expected_data_type="jsonarray")
            return _restored(exchange.crm, [str(each) for each in ids])
        case "filters":
            fits = filter_of(body["filters"])
        case _:
            fits = _any
    lying = [(store, each, _told(exchange.crm, store, each, kept)) for store, each, kept in _lying(exchange.crm)]
    for store, record_id, told in lying:
        if fits(told) and not store.taken_by_now(record_id):
            store.restore(record_id)
    message = "Bulk restoration of records based on filters has been scheduled"
    return json_reply({"recycle_bin": [_scheduled(message)]}, 202)


def _any(_told: Mapping[str, Any]) -> bool:
    return True


def _way(body: Mapping[str, Any]) -> str:
    """Give which of the three the body has.

    Raises:
        Refusal: none, or more than one.
    """
    given = [each for each in _WAYS if each in body and body[each] is not False]
    if len(given) == 1:
        return given[0]
    due_to = [{"api_name": each, "json_path": f"$.{each}"} for each in given or _WAYS]
    if given:
        raise ApiError(400, "AMBIGUITY_DURING_PROCESSING", "Ambiguity while processing the request", ambiguity_due_to=due_to)
    raise ApiError(400, "EXPECTED_FIELD_MISSING", "One of the expected parameter is missing", expected_fields=due_to)


def _restored(crm: Crm, ids: list[str]) -> Response:
    lying = {record_id: store for store, record_id, _ in _lying(crm)}
    results: list[dict[str, Any]] = []
    for given in ids:
        record_id = record_id_of(given)
        store = None if record_id is None else lying.pop(record_id, None)
        if record_id is None or store is None:
            results.append(_unknown(given))
        elif taken := store.taken_by_now(record_id):
            details = {"id": given, "api_name": taken}
            results.append({"code": "DUPLICATE_DATA", "details": details, "message": "duplicate data", "status": "error"})
        else:
            store.restore(record_id)
            results.append({"code": "SUCCESS", "details": {"id": given}, "message": "record restored", "status": "success"})
    return _told_of_each(results)


def _unknown(given: str) -> dict[str, Any]:
    return {
        "code": "INVALID_DATA",
        "details": {"id": given},
        "message": "the id given seems to be invalid",
        "status": "error",
    }


def _told_of_each(results: list[dict[str, Any]]) -> Response:
    good = sum(each["status"] == "success" for each in results)
    return json_reply({"recycle_bin": results}, 200 if good == len(results) else 207 if good else 400)


def _route(operation: str, method: str, handler: Any, right: str) -> Route:
    return Route(operation=operation, method=method, handler=handler, scope=f"settings.recycle_bin.{right}")


MANY = (_route("recycle_bin", "GET", _list, "READ"), _route("purge", "DELETE", _purge_many, "DELETE"))
ONE = (_route("recycle_bin", "GET", _one, "READ"), _route("purge", "DELETE", _purge_one, "DELETE"))
COUNT = (_route("recycle_bin_count", "GET", _count, "READ"),)
EMPTY = (_route("purge", "POST", _empty, "UPDATE"),)
RESTORE_MANY = (_route("restore", "POST", _restore_many, "UPDATE"),)
RESTORE_ONE = (_route("restore", "POST", _restore_one, "UPDATE"),)
