"""Routes of insert, update and upsert: request envelope and response status (zoho-api, 5.3 to 5.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bulkzoho.sandbox.records.writer import Result, Writer
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data
from bulkzoho.sandbox.wire.request import Price, Request, Route
from bulkzoho.sandbox.wire.responses import Response

__all__ = ["MANY", "ONE", "UPSERT", "results_response", "write_price"]

MAX_RECORDS = 100  # records a call; Zoho docs, "Insert Records" (v7)
HEAVY_ABOVE = 10  # records; Zoho docs, "API limits", sub-concurrency
RECORDS_PER_CREDIT = 10  # Zoho docs, "API limits"
_TRIGGERS = {"workflow", "approval", "blueprint", "pathfinder", "orchestration"}


def write_price(request: Request) -> Price:
    """Return the price of a call that writes records."""
    count = len(request.records())
    return Price(
        credits=max(1, -(-count // RECORDS_PER_CREDIT)),
        heavy=count > HEAVY_ABOVE,
        records=count,
    )


async def _insert(request: Request) -> Response:
    store, records = request.store(), _data(request)
    writer = Writer(request.crm, store)
    return _write_all(request, records, writer.insert, inserted_status=201)


async def _update(request: Request) -> Response:
    store, records = request.store(), _data(request)
    writer = _writer(request, store)
    return _write_all(request, records, writer.update)


async def _update_one(request: Request) -> Response:
    store, records = request.store(), _data(request)
    writer = _writer(request, store)
    record_id = int(request.parts["id"])
    return _write_all(request, records[:1], lambda record, position: writer.update(record, position, record_id))


async def _upsert(request: Request) -> Response:
    store, records = request.store(), _data(request)
    check_fields = _check_fields(request, store)
    writer = _writer(request, store)
    return _write_all(
        request,
        records,
        lambda record, position: writer.upsert(record, position, check_fields),
        inserted_status=request.crm.settings.strict.upsert_insert_status,
    )


def _writer(request: Request, store: ModuleStore) -> Writer:
    try:
        return Writer(request.crm, store, request.headers.get("If-Unmodified-Since"))
    except ValueError:
        raise invalid_data(header_name="If-Unmodified-Since") from None


def _data(request: Request) -> list[Any]:
    """Return the records of the body.

    Raises:
        ApiError: there are no records or too many, or another key of the body is invalid.
    """
    body = request.json()
    if "data" not in body:
        raise ApiError(400, "MANDATORY_NOT_FOUND", "required field not found", api_name="data", json_path="$.data")
    records = body["data"]
    if type(records) is not list or not records:
        raise invalid_data(expected_data_type="jsonarray", api_name="data", json_path="$.data")
    if len(records) > MAX_RECORDS:
        message = "Record insertion limit has been exceeded."
        raise ApiError(400, "LIMIT_EXCEEDED", message, limit=MAX_RECORDS, api_name="data", json_path="$.data")
    triggers = body.get("trigger")
    if triggers is not None and (type(triggers) is not list or not _TRIGGERS.issuperset(map(str, triggers))):
        raise invalid_data(expected_data_type="jsonarray", api_name="trigger", json_path="$.trigger")
    return records


def _check_fields(request: Request, store: ModuleStore) -> Sequence[str]:
    """Return the duplicate check fields in the order of zoho-api section 5.5.

    Unlisted unique fields are always checked too; the unlisted system field is not.

    Raises:
        ApiError: a listed field cannot be used for duplicate checks.
    """
    listed = request.json().get("duplicate_check_fields")
    if not store.keys:
        raise ApiError(400, "NOT_SUPPORTED", "upsert is not supported for the module", module=store.crm_module.api_name)
    if not listed:
        return tuple(store.keys)
    if type(listed) is not list:
        raise invalid_data(expected_data_type="jsonarray", api_name="duplicate_check_fields")
    for position, name in enumerate(listed):
        if type(name) is not str or name not in store.keys:
            raise invalid_data(
                api_name="duplicate_check_fields",
                json_path=f"$.duplicate_check_fields[{position}]",
                supported_values=list(store.keys),
            )
    return tuple(dict.fromkeys((*listed, *store.unique)))


def _write_all(
    request: Request,
    records: Sequence[Any],
    write: Callable[[Any, int], Result],
    *,
    inserted_status: int = 200,
) -> Response:
    if request.records_limit is not None:
        records = records[: request.records_limit]
    results = [write(record, position) for position, record in enumerate(records)]
    return results_response(request, results, inserted_status=inserted_status)


def results_response(request: Request, results: Sequence[Result], *, inserted_status: int = 200) -> Response:
    """Return the response with one result per record; the status says whether all, some or none were accepted."""
    body = b'{"data":[%s]}' % b",".join([each.encoded for each in results])
    accepted = sum(each.accepted for each in results)
    if accepted == len(results):
        all_new = all(each.inserted for each in results)
        return Response(status=inserted_status if all_new else 200, body=body)
    if accepted:
        return Response(status=request.crm.settings.strict.partial_success_status, body=body)
    modified = all(b'"ALREADY_MODIFIED"' in each.encoded for each in results)
    return Response(status=412 if modified else 400, body=body)


def _route(operation: str, method: str, handler: Any, scope: str) -> Route:
    return Route(operation=operation, method=method, handler=handler, scope=scope, price=write_price, writes=True)


MANY = (
    _route("insert", "POST", _insert, "modules.{}.CREATE"),
    _route("update", "PUT", _update, "modules.{}.UPDATE"),
)
ONE = (_route("update", "PUT", _update_one, "modules.{}.UPDATE"),)
UPSERT = (_route("upsert", "POST", _upsert, "modules.{}.CREATE"),)
