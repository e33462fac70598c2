"""Routes that delete records by id, into the recycle bin (zoho-api, section 5.6)."""

from __future__ import annotations

import orjson

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.writer import Result
from bulkzoho.sandbox.routes.write_records import MAX_RECORDS, results_response
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.wire.errors import ApiError, parameter_missing
from bulkzoho.sandbox.wire.request import Price, Request, Route
from bulkzoho.sandbox.wire.responses import Response

__all__ = ["MANY", "ONE"]


def _ids(request: Request) -> list[str]:
    return [each for each in (piece.strip() for piece in request.query.get("ids", "").split(",")) if each]


def _price(request: Request) -> Price:
    return Price(records=1 if "id" in request.parts else len(_ids(request)))


async def _delete_many(request: Request) -> Response:
    store, ids = request.store(), _ids(request)
    if not ids:
        raise parameter_missing("ids")
    if len(ids) > MAX_RECORDS:
        raise ApiError(400, "LIMIT_EXCEEDED", "Max field limit exceeded", limit=MAX_RECORDS, param_name="ids")
    return _delete_all(request, store, ids)


async def _delete_one(request: Request) -> Response:
    return _delete_all(request, request.store(), [request.parts["id"]])


def _delete_all(request: Request, store: ModuleStore, ids: list[str]) -> Response:
    if request.records_limit is not None:
        ids = ids[: request.records_limit]
    now_s = request.crm.now_s()
    return results_response(request, [_delete_one_record(store, each, now_s, request.crm.current_user.id) for each in ids])


def _delete_one_record(store: ModuleStore, raw_id: str, now_s: int, by: int) -> Result:
    record_id = record_id_of(raw_id)
    accepted = record_id is not None and record_id in store
    if record_id is not None and accepted:
        store.delete(record_id, now_s, by)
    result = {
        "code": "SUCCESS" if accepted else "INVALID_DATA",
        "details": {"id": raw_id},
        "message": "record deleted" if accepted else "record not deleted",
        "status": "success" if accepted else "error",
    }
    return Result(accepted=accepted, encoded=orjson.dumps(result))


MANY = (Route(operation="delete", method="DELETE", handler=_delete_many, scope="modules.{}.DELETE", price=_price, writes=True),)
ONE = (Route(operation="delete", method="DELETE", handler=_delete_one, scope="modules.{}.DELETE", price=_price, writes=True),)
