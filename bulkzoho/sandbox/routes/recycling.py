"""The recycle bin of all modules: what lies in it, and letting it go for good (zoho-api, sections 5.6 and 10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from bulkzoho.sandbox.records.values import record_id_of
from bulkzoho.sandbox.records.writing import KEPT_DELETED_S
from bulkzoho.sandbox.routes.listing import paging
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.store import Deleted, ModuleStore
from bulkzoho.sandbox.wire.exchange import Exchange, Route
from bulkzoho.sandbox.wire.refusals import invalid_data
from bulkzoho.sandbox.wire.replies import Reply, json_reply, no_content

__all__ = ["MANY", "ONE"]


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


async def _list(exchange: Exchange) -> Reply:
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


async def _one(exchange: Exchange) -> Reply:
    wanted = int(exchange.parts["id"])
    found = [_told(exchange.crm, *each) for each in _lying(exchange.crm) if each[1] == wanted]
    return json_reply({"recycle_bin": found}) if found else no_content()


async def _purge_many(exchange: Exchange) -> Reply:
    """Let the records of ``ids`` go, or all of them."""
    given = exchange.query.get("ids")
    lying = {record_id: store for store, record_id, _ in _lying(exchange.crm)}
    ids = list(map(str, lying)) if given is None else [each.strip() for each in given.split(",")]
    return _purged(lying, ids)


async def _purge_one(exchange: Exchange) -> Reply:
    lying = {record_id: store for store, record_id, _ in _lying(exchange.crm)}
    return _purged(lying, [exchange.parts["id"]])


def _purged(lying: dict[int, ModuleStore], ids: list[str]) -> Reply:
    results = []
    for given in ids:
        record_id = record_id_of(given)
        if record_id is None or record_id not in lying:
            results.append({**invalid_data().body(), "details": {"id": given}})
            continue
        lying[record_id].purge(record_id)
        results.append({"code": "SUCCESS", "details": {"id": given}, "message": "record deleted", "status": "success"})
    good = sum(each["status"] == "success" for each in results)
    status = 200 if good == len(results) else 207 if good else 400
    return json_reply({"recycle_bin": results}, status)


def _route(operation: str, method: str, handler: Any) -> Route:
    scope = "settings.recycle_bin.READ" if method == "GET" else "settings.recycle_bin.DELETE"
    return Route(operation=operation, method=method, handler=handler, scope=scope)


MANY = (_route("recycle_bin", "GET", _list), _route("purge", "DELETE", _purge_many))
ONE = (_route("recycle_bin", "GET", _one), _route("purge", "DELETE", _purge_one))
