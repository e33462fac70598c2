"""Change one field of many records: by ids at once, by a view as a job (zoho-api, section 5.10)."""

from __future__ import annotations

import asyncio
from typing import Any

from bulkzoho.sandbox.bulk.desk import begun
from bulkzoho.sandbox.records.values import record_id_of
from bulkzoho.sandbox.records.writing import Writer
from bulkzoho.sandbox.routes.write import results_reply
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.jobs import Job
from bulkzoho.sandbox.state.store import ModuleStore
from bulkzoho.sandbox.state.views import View, view_of
from bulkzoho.sandbox.wire.exchange import Exchange, Price, Route
from bulkzoho.sandbox.wire.refusals import Refusal, invalid_data, parameter_missing
from bulkzoho.sandbox.wire.replies import Reply, json_reply

__all__ = ["MASS_UPDATE"]

MAX_IDS = 500  # UNVERIFIED
MAX_OF_VIEW = 50_000  # UNVERIFIED
RECORDS_A_TURN = 200  # written before other calls get their turn


async def _start(exchange: Exchange) -> Reply:
    store, body, records = exchange.store(), exchange.json(), exchange.records()
    if not records or type(records[0]) is not dict:
        raise Refusal(400, "MANDATORY_NOT_FOUND", "required field not found", api_name="data", json_path="$.data")
    change: dict[str, Any] = records[0]
    if len(change) != 1:
        raise invalid_data(api_name="data", json_path="$.data[0]", maximum_length=1)  # one field a call (UNVERIFIED)
    if "ids" in body:
        return _by_ids(exchange, store, change, body["ids"])
    if "cvid" not in body:
        names = [{"api_name": each, "json_path": f"$.{each}"} for each in ("ids", "cvid")]
        raise Refusal(400, "EXPECTED_FIELD_MISSING", "One of the expected parameter is missing", expected_fields=names)
    view = view_of(exchange.crm, store, str(body["cvid"]))
    if view is None:
        raise invalid_data(api_name="cvid", json_path="$.cvid")
    return _by_view(exchange, store, change, view)


def _by_ids(exchange: Exchange, store: ModuleStore, change: dict[str, Any], ids: Any) -> Reply:
    if type(ids) is not list or not ids or len(ids) > MAX_IDS:
        raise Refusal(400, "LIMIT_EXCEEDED", "limit exceeded", limit=MAX_IDS, api_name="ids", json_path="$.ids")
    writer = Writer(exchange.crm, store)
    results = [writer.update(change, position, record_id_of(each) or 0) for position, each in enumerate(ids)]
    return results_reply(exchange, results)


def _by_view(exchange: Exchange, store: ModuleStore, change: dict[str, Any], view: View) -> Reply:
    crm, name = exchange.crm, store.crm_module.api_name
    running = [each for each in crm.jobs.unfinished("mass_update", crm.clock.wall()) if each.request["cvid"] == view.id]
    if running:
        raise Refusal(400, "ALREADY_SCHEDULED", "mass update already scheduled", job_id=str(running[0].id))
    crm.checkers[name].values(change)  # a wrong value is told at once
    job = begun(exchange, "mass_update", name, {"cvid": view.id})
    crm.jobs.start(job, _update(crm, store, job, change, view))
    details = {"job_id": str(job.id)}
    message = "mass update scheduled successfully"
    return json_reply({"data": [{"code": "SUCCESS", "status": "success", "message": message, "details": details}]})


async def _update(crm: Crm, store: ModuleStore, job: Job, change: dict[str, Any], view: View) -> None:
    ids = [each for each in store.rising() if view.shows(each)][:MAX_OF_VIEW]
    updated, writer = 0, Writer(crm, store)
    for number, record_id in enumerate(ids):
        if number % RECORDS_A_TURN == RECORDS_A_TURN - 1:
            await asyncio.sleep(0)
            writer = Writer(crm, store)
        updated += writer.update(change, number, record_id).accepted
    job.figures.update(Total_Count=len(ids), Updated_Count=updated, Failed_Count=len(ids) - updated, Not_Updated_Count=0)


async def _status(exchange: Exchange) -> Reply:
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


def _price(exchange: Exchange) -> Price:
    ids = exchange.fields_of_body().get("ids")
    return Price(records=len(ids) if type(ids) is list else 0)


MASS_UPDATE = (
    Route(operation="mass_update", method="POST", handler=_start, scope="modules.{}.UPDATE", price=_price),
    Route(operation="mass_update_status", method="GET", handler=_status, scope="modules.{}.READ"),
)
