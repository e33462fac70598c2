"""Change one field of many records: by ids at once, by a view as a job (zoho-api, section 5.10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import reduce
from typing import Any

from bulkzoho.sandbox.bulk.criteria import bind_criteria
from bulkzoho.sandbox.bulk.job_requests import begun
from bulkzoho.sandbox.query.conditions import ConditionPair, Node, meets
from bulkzoho.sandbox.query.record_view import RecordView
from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.record_errors import RecordRefusedError
from bulkzoho.sandbox.records.validator import RecordChecker
from bulkzoho.sandbox.records.writer import Writer
from bulkzoho.sandbox.routes.write_records import results_reply
from bulkzoho.sandbox.settings import Edition
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.jobs import Job
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.views import View, view_of
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data, parameter_missing
from bulkzoho.sandbox.wire.request import Price, Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_reply

__all__ = ["MASS_UPDATE"]

# Zoho docs v8, "Mass Update Records"
MAX_IDS = 500
MAX_OF_VIEW = 50_000
MAX_FIELDS = {"Deals": 3}  # of one call; 1 in all other modules
VIEWS_IN = frozenset({Edition.ENTERPRISE, Edition.ULTIMATE})
RECORDS_A_TURN = 200  # written before other calls get their turn


async def _start(exchange: Request) -> Response:
    store, body, records = exchange.store(), exchange.json(), exchange.records()
    if not records or type(records[0]) is not dict:
        raise ApiError(400, "MANDATORY_NOT_FOUND", "required field not found", api_name="data", json_path="$.data")
    change: dict[str, Any] = records[0]
    _refuse_fields(store, change)
    if "ids" in body and "cvid" in body:
        due_to = [{"api_name": each, "json_path": f"$.{each}"} for each in ("ids", "cvid")]
        raise ApiError(400, "AMBIGUITY_DURING_PROCESSING", "Ambiguity while processing the request", ambiguity_due_to=due_to)
    if body.get("territory") is not None:  # only a view's records can be narrowed so, and the organization has no territories
        raise invalid_data(api_name="territory", json_path="$.territory")
    if "ids" in body:
        return _by_ids(exchange, store, change, body["ids"])
    if "cvid" not in body:
        names = [{"api_name": each, "json_path": f"$.{each}"} for each in ("ids", "cvid")]
        raise ApiError(400, "EXPECTED_FIELD_MISSING", "One of the expected parameter is missing", expected_fields=names)
    if exchange.crm.settings.edition not in VIEWS_IN:
        raise ApiError(
            400, "FEATURE_NOT_SUPPORTED", "the edition has no mass update of views", api_name="cvid", json_path="$.cvid"
        )
    view = view_of(exchange.crm, store, str(body["cvid"]))
    if view is None:
        raise ApiError(400, "INVALID_DATA", "the cvid given seems to be invalid", api_name="cvid", json_path="$.cvid")
    return _by_view(exchange, store, change, view, _criteria(exchange.crm, store, body.get("criteria")))


def _refuse_fields(store: ModuleStore, change: dict[str, Any]) -> None:
    most = MAX_FIELDS.get(store.crm_module.api_name, 1)
    if not 0 < len(change) <= most:
        raise invalid_data(api_name="data", json_path="$.data[0]", maximum_length=most)
    for name in change:
        field = store.fields.get(name) or store.child_fields.get(name)
        if field is not None and not field.mass_updatable:
            raise invalid_data(api_name=name, json_path=f"$.data[0].{name}")


def _criteria(crm: Crm, store: ModuleStore, told: Any) -> Node | None:
    """Read the criteria that narrow a view: conditions and groups, all of which must hold.

    Raises:
        Refusal: they cannot be read, or do not fit the module.
    """
    if told is None:
        return None
    try:
        if type(told) is not list or not told:
            raise invalid_data()
        nodes = [bind_criteria(crm, store, _as_in_bulk_read(each)) for each in told]
    except ApiError:
        raise invalid_data(api_name="criteria", json_path="$.criteria") from None
    return reduce(lambda left, right: ConditionPair(both=True, left=left, right=right), nodes)


def _as_in_bulk_read(told: Any) -> Any:
    """Give a condition with its field as an object, which is a plain name here (OpenAPI, "record")."""
    if type(told) is not dict:
        return told
    if type(told.get("group")) is list:
        return {**told, "group": [_as_in_bulk_read(each) for each in told["group"]]}
    return {**told, "field": {"api_name": told["field"]}} if type(told.get("field")) is str else told


def _by_ids(exchange: Request, store: ModuleStore, change: dict[str, Any], ids: Any) -> Response:
    if type(ids) is not list or not ids or len(ids) > MAX_IDS:
        raise ApiError(400, "LIMIT_EXCEEDED", "limit exceeded", limit=MAX_IDS, api_name="ids", json_path="$.ids")
    writer = Writer(exchange.crm, store)
    results = [writer.update(change, position, record_id_of(each) or 0) for position, each in enumerate(ids)]
    return results_reply(exchange, results)


def _by_view(exchange: Request, store: ModuleStore, change: dict[str, Any], view: View, where: Node | None) -> Response:
    crm, name = exchange.crm, store.crm_module.api_name
    running = [each for each in crm.jobs.unfinished("mass_update", crm.clock.wall()) if each.request["cvid"] == view.id]
    if running:
        raise ApiError(400, "ALREADY_SCHEDULED", "mass update already scheduled", api_name="cvid")
    _refuse_values(crm.checkers[name], change)
    job = begun(exchange, "mass_update", name, {"cvid": view.id})
    crm.jobs.start(job, _update(crm, store, job, change, lambda each: view.shows(each) and meets(where, RecordView(store, each))))
    details = {"job_id": str(job.id)}
    message = "mass update scheduled successfully"
    return json_reply({"data": [{"code": "SUCCESS", "status": "success", "message": message, "details": details}]})


def _refuse_values(checker: RecordChecker, change: dict[str, Any]) -> None:
    """Tell a wrong value at once, not by a job that fails everywhere."""
    try:
        checker.refuse_clearing(checker.values(change))
    except RecordRefusedError as refused:
        told = refused.result(0)
        raise ApiError(400, told["code"], told["message"], **told["details"]) from None


async def _update(crm: Crm, store: ModuleStore, job: Job, change: dict[str, Any], shows: Callable[[int], bool]) -> None:
    ids = [each for each in store.rising() if shows(each)][:MAX_OF_VIEW]
    updated, writer = 0, Writer(crm, store)
    for number, record_id in enumerate(ids):
        if number % RECORDS_A_TURN == RECORDS_A_TURN - 1:
            await asyncio.sleep(0)
            writer = Writer(crm, store)
        updated += writer.update(change, number, record_id).accepted
    job.figures.update(Total_Count=len(ids), Updated_Count=updated, Failed_Count=len(ids) - updated, Not_Updated_Count=0)


async def _status(exchange: Request) -> Response:
    exchange.store()
    given = exchange.query.get("job_id")
    if not given:
        raise parameter_missing("job_id")
    job = exchange.crm.jobs.find("mass_update", record_id_of(given) or 0)
    if job is None:
        raise invalid_data(param_name="job_id")
    share = job.share_done(exchange.crm.clock.wall())
    status = "SCHEDULED" if share < 0.2 else "RUNNING" if share < 1 else "FAILED" if job.error else "COMPLETED"  # noqa: PLR2004
    counts = {"Failed_Count": 0, "Updated_Count": 0, "Not_Updated_Count": 0, "Total_Count": 0}
    return json_reply({"data": [{"Status": status, **counts, **(job.figures if status == "COMPLETED" else {})}]})


def _price(exchange: Request) -> Price:
    ids = exchange.fields_of_body().get("ids")
    return Price(records=len(ids) if type(ids) is list else 0)


MASS_UPDATE = (
    Route(operation="mass_update", method="POST", handler=_start, scope="modules.{}.UPDATE", price=_price),
    Route(operation="mass_update_status", method="GET", handler=_status, scope="modules.{}.READ"),
)
