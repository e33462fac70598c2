"""Delete records by their ids: they go to the recycle bin (zoho-api, section 5.6)."""

from __future__ import annotations

import orjson

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.writer import Result
from bulkzoho.sandbox.routes.write_records import MAX_RECORDS, results_reply
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.wire.errors import ApiError, parameter_missing
from bulkzoho.sandbox.wire.request import Price, Request, Route
from bulkzoho.sandbox.wire.responses import Response

__all__ = ["MANY", "ONE"]


def _ids(exchange: Request) -> list[str]:
    return [each for each in (piece.strip() for piece in exchange.query.get("ids", "").split(",")) if each]


def _price(exchange: Request) -> Price:
    return Price(records=1 if "id" in exchange.parts else len(_ids(exchange)))


async def _delete_many(exchange: Request) -> Response:
    store, ids = exchange.store(), _ids(exchange)
    if not ids:
        raise parameter_missing("ids")
    if len(ids) > MAX_RECORDS:
        raise ApiError(400, "LIMIT_EXCEEDED", "Max field limit exceeded", limit=MAX_RECORDS, param_name="ids")
    return _deleted(exchange, store, ids)


async def _delete_one(exchange: Request) -> Response:
    return _deleted(exchange, exchange.store(), [exchange.parts["id"]])


def _deleted(exchange: Request, store: ModuleStore, ids: list[str]) -> Response:
    if exchange.records_limit is not None:
        ids = ids[: exchange.records_limit]
    now_s = exchange.crm.now_s()
    return results_reply(exchange, [_delete(store, each, now_s, exchange.crm.me.id) for each in ids])


def _delete(store: ModuleStore, given: str, now_s: int, by: int) -> Result:
    record_id = record_id_of(given)
    accepted = record_id is not None and record_id in store
    if record_id is not None and accepted:
        store.delete(record_id, now_s, by)
    result = {
        "code": "SUCCESS" if accepted else "INVALID_DATA",
        "details": {"id": given},
        "message": "record deleted" if accepted else "record not deleted",
        "status": "success" if accepted else "error",
    }
    return Result(accepted=accepted, encoded=orjson.dumps(result))


MANY = (Route(operation="delete", method="DELETE", handler=_delete_many, scope="modules.{}.DELETE", price=_price, writes=True),)
ONE = (Route(operation="delete", method="DELETE", handler=_delete_one, scope="modules.{}.DELETE", price=_price, writes=True),)
