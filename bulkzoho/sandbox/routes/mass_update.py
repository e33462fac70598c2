"""Routes of mass update: by ids immediately, by view as a job (zoho-api, section 5.10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import reduce
from typing import Any

from bulkzoho.sandbox.bulk.criteria import bind_criteria
from bulkzoho.sandbox.bulk.job_requests import new_job
from bulkzoho.sandbox.query.conditions import ConditionPair, Node, meets
from bulkzoho.sandbox.query.record_view import RecordView
from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.record_errors import RecordRefusedError
from bulkzoho.sandbox.records.validator import RecordChecker
from bulkzoho.sandbox.records.writer import Writer
from bulkzoho.sandbox.routes.write_records import results_response
from bulkzoho.sandbox.settings import Edition
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.jobs import Job
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.views import View, find_view
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data, parameter_missing
from bulkzoho.sandbox.wire.request import Price, Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response

__all__ = ["MASS_UPDATE"]

# Zoho docs v8, "Mass Update Records"
MAX_IDS = 500
MAX_OF_VIEW = 50_000
MAX_FIELDS = {"Deals": 3}  # fields per call; 1 in all other modules
EDITIONS_WITH_VIEWS = frozenset({Edition.ENTERPRISE, Edition.ULTIMATE})
RECORDS_PER_TURN = 200  # records written before other calls get a turn


async def _start(request: Request) -> Response:
    store, body, records = request.store(), request.json(), request.records()
    if not records or type(records[0]) is not dict:
        raise ApiError(400, "MANDATORY_NOT_FOUND", "required field not found", api_name="data", json_path="$.data")
    change: dict[str, Any] = records[0]
    _check_fields(store, change)
    if "ids" in body and "cvid" in body:
        due_to = [{"api_name": each, "json_path": f"$.{each}"} for each in ("ids", "cvid")]
        raise ApiError(400, "AMBIGUITY_DURING_PROCESSING", "Ambiguity while processing the request", ambiguity_due_to=due_to)
    if body.get("territory") is not None:  # the organization has no territories
        raise invalid_data(api_name="territory", json_path="$.territory")
    if "ids" in body:
        return _by_ids(request, store, change, body["ids"])
    if "cvid" not in body:
        names = [{"api_name": each, "json_path": f"$.{each}"} for each in ("ids", "cvid")]
        raise ApiError(400, "EXPECTED_FIELD_MISSING", "One of the expected parameter is missing", expected_fields=names)
    if request.crm.settings.edition not in EDITIONS_WITH_VIEWS:
        raise ApiError(
            400, "FEATURE_NOT_SUPPORTED", "the edition has no mass update of views", api_name="cvid", json_path="$.cvid"
        )
    view = find_view(request.crm, store, str(body["cvid"]))
    if view is None:
        raise ApiError(400, "INVALID_DATA", "the cvid given seems to be invalid", api_name="cvid", json_path="$.cvid")
    return _by_view(request, store, change, view, _criteria(request.crm, store, body.get("criteria")))


def _check_fields(store: ModuleStore, change: dict[str, Any]) -> None:
    limit = MAX_FIELDS.get(store.crm_module.api_name, 1)
    if not 0 < len(change) <= limit:
        raise invalid_data(api_name="data", json_path="$.data[0]", maximum_length=limit)
    for name in change:
        field = store.fields.get(name) or store.child_fields.get(name)
        if field is not None and not field.mass_updatable:
            raise invalid_data(api_name=name, json_path=f"$.data[0].{name}")


def _criteria(crm: Crm, store: ModuleStore, criteria: Any) -> Node | None:
    """Parse the criteria that filter a view; all of them must hold.

    Raises:
        ApiError: the criteria are invalid or do not fit the module.
    """
    if criteria is None:
        return None
    try:
        if type(criteria) is not list or not criteria:
            raise invalid_data()
        nodes = [bind_criteria(crm, store, _to_bulk_read_form(each)) for each in criteria]
    except ApiError:
        raise invalid_data(api_name="criteria", json_path="$.criteria") from None
    return reduce(lambda left, right: ConditionPair(both=True, left=left, right=right), nodes)


def _to_bulk_read_form(criteria: Any) -> Any:
    """Convert a condition to the bulk read form: the field as an object instead of a name (OpenAPI, "record")."""
    if type(criteria) is not dict:
        return criteria
    if type(criteria.get("group")) is list:
        return {**criteria, "group": [_to_bulk_read_form(each) for each in criteria["group"]]}
    return {**criteria, "field": {"api_name": criteria["field"]}} if type(criteria.get("field")) is str else criteria


def _by_ids(request: Request, store: ModuleStore, change: dict[str, Any], ids: Any) -> Response:
    if type(ids) is not list or not ids or len(ids) > MAX_IDS:
        raise ApiError(400, "LIMIT_EXCEEDED", "limit exceeded", limit=MAX_IDS, api_name="ids", json_path="$.ids")
    writer = Writer(request.crm, store)
    results = [writer.update(change, position, record_id_of(each) or 0) for position, each in enumerate(ids)]
    return results_response(request, results)


def _by_view(request: Request, store: ModuleStore, change: dict[str, Any], view: View, where: Node | None) -> Response:
    crm, name = request.crm, store.crm_module.api_name
    running = [each for each in crm.jobs.unfinished("mass_update", crm.clock.wall()) if each.request["cvid"] == view.id]
    if running:
        raise ApiError(400, "ALREADY_SCHEDULED", "mass update already scheduled", api_name="cvid")
    _check_values(crm.checkers[name], change)
    job = new_job(request, "mass_update", name, {"cvid": view.id})
    crm.jobs.start(
        job, _update(crm, store, job, change, lambda each: view.contains(each) and meets(where, RecordView(store, each)))
    )
    details = {"job_id": str(job.id)}
    message = "mass update scheduled successfully"
    return json_response({"data": [{"code": "SUCCESS", "status": "success", "message": message, "details": details}]})


def _check_values(checker: RecordChecker, change: dict[str, Any]) -> None:
    """Reject an invalid value before the job starts."""
    try:
        checker.forbid_clearing(checker.values(change))
    except RecordRefusedError as rejection:
        criteria = rejection.result(0)
        raise ApiError(400, criteria["code"], criteria["message"], **criteria["details"]) from None


async def _update(crm: Crm, store: ModuleStore, job: Job, change: dict[str, Any], in_view: Callable[[int], bool]) -> None:
    ids = [each for each in store.ascending_ids() if in_view(each)][:MAX_OF_VIEW]
    updated, writer = 0, Writer(crm, store)
    for number, record_id in enumerate(ids):
        if number % RECORDS_PER_TURN == RECORDS_PER_TURN - 1:
            await asyncio.sleep(0)
            writer = Writer(crm, store)
        updated += writer.update(change, number, record_id).accepted
    job.result.update(Total_Count=len(ids), Updated_Count=updated, Failed_Count=len(ids) - updated, Not_Updated_Count=0)


async def _status(request: Request) -> Response:
    request.store()
    job_id = request.query.get("job_id")
    if not job_id:
        raise parameter_missing("job_id")
    job = request.crm.jobs.find("mass_update", record_id_of(job_id) or 0)
    if job is None:
        raise invalid_data(param_name="job_id")
    share = job.share_done(request.crm.clock.wall())
    status = "SCHEDULED" if share < 0.2 else "RUNNING" if share < 1 else "FAILED" if job.error else "COMPLETED"  # noqa: PLR2004
    counts = {"Failed_Count": 0, "Updated_Count": 0, "Not_Updated_Count": 0, "Total_Count": 0}
    return json_response({"data": [{"Status": status, **counts, **(job.result if status == "COMPLETED" else {})}]})


def _price(request: Request) -> Price:
    ids = request.json_or_empty().get("ids")
    return Price(records=len(ids) if type(ids) is list else 0)


MASS_UPDATE = (
    Route(operation="mass_update", method="POST", handler=_start, scope="modules.{}.UPDATE", price=_price),
    Route(operation="mass_update_status", method="GET", handler=_status, scope="modules.{}.READ"),
)
