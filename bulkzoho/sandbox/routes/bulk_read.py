"""Routes of bulk read: jobs that export a module as CSV in a zip (zoho-api, section 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bulkzoho.sandbox.bulk.cell_formatter import CellFormatter, cell_formatter
from bulkzoho.sandbox.bulk.criteria import bind_criteria
from bulkzoho.sandbox.bulk.job_requests import (
    DAY_S,
    find_job,
    job_price,
    module_name,
    new_job,
    not_found,
    parse_body,
    parse_callback,
    post_callback,
    step_price,
)
from bulkzoho.sandbox.bulk.read_job import MAX_RECORDS, BulkReadRequest, run_read_job
from bulkzoho.sandbox.query.record_view import UnknownPathError
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.jobs import Job
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.views import find_view, views_of
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data, scope_mismatch, too_many_requests
from bulkzoho.sandbox.wire.request import Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response

__all__ = ["CREATE", "RESULT", "STATUS"]

CREDITS = 50  # Zoho docs, "API limits"
MAX_FIELDS = 200
MAX_PAGE = 500
_STATES = ((0.1, "ADDED"), (0.4, "QUEUED"), (1.0, "IN PROGRESS"))  # (progress up to which the state is shown, state)


async def _create(request: Request) -> Response:
    body = parse_body(request)
    query, address = body.get("query"), parse_callback(body)
    if type(query) is not dict:
        raise ApiError(400, "QUERY_NOT_SUPPORTED", "query is not supported")
    if body.get("file_type", "csv") != "csv":
        raise invalid_data(api_name="file_type", supported_values=["csv"])
    after = 0
    if "page_token" in query:
        query, after = _continue_from_token(request, query)
    store = _store(request, query)
    job = new_job(request, "read", store.crm_module.api_name, {**query, "page": query.get("page", 1)})
    job.request.pop("page_token", None)
    request.crm.jobs.start(job, run_read_job(job, _job_request(request.crm, store, query, after)))
    if address:
        request.crm.jobs.spawn(post_callback(request, job, address, lambda: _detail(request.crm, job)))
    created = request.crm.zone.format(int(job.created_s))
    details = {"id": str(job.id), "operation": "read", "state": "ADDED", "created_by": job.made_by, "created_time": created}
    result = {"status": "success", "code": "ADDED_SUCCESSFULLY", "message": "Added successfully.", "details": details}
    return json_response({"data": [result], "info": {}}, 201)


def _continue_from_token(request: Request, query: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return the query of a page token and the id after which it continues."""
    token = str(query["page_token"])
    last = next((each for each in request.crm.jobs.of_kind("read") if each.result.get("token") == token), None)
    if last is None:
        raise invalid_data(api_name="page_token")
    if request.crm.clock.wall() >= last.ends_s + DAY_S:
        raise ApiError(400, "EXPIRED_VALUE", "page_token is expired", api_name="page_token")
    if query.keys() != {"page_token"}:
        raise ApiError(400, "TOKEN_BOUND_DATA_MISMATCH", "page_token stands alone", api_name="page_token")
    return {**last.request, "page": last.request["page"] + 1}, int(last.result["last_id"])


def _store(request: Request, query: dict[str, Any]) -> ModuleStore:
    name = module_name(request, query.get("module"))
    store = request.crm.stores.get(name)
    if store is None:
        message = "the module is not available"
        raise ApiError(400, "MODULE_NOT_AVAILABLE", message, api_name="module", module=name, reason="unknown module")
    if not request.crm.allows("modules.{}.READ", store.crm_module):
        raise scope_mismatch()
    return store


def _job_request(crm: Crm, store: ModuleStore, query: dict[str, Any], after: int) -> BulkReadRequest:
    page = query.get("page", 1)
    if type(page) is not int or not 1 <= page <= MAX_PAGE:
        raise ApiError(400, "PAGE_RANGE_EXCEEDED", "page range exceeded", max_limit=MAX_PAGE)
    if page > 1 and not after and not crm.settings.strict.bulk_read_pages:
        raise ApiError(400, "PAGE_NOT_SUPPORTED", "page is not supported, use page_token", api_name="page")
    view = find_view(crm, store, str(query["cvid"])) if query.get("cvid") else views_of(crm, store)[0]
    if view is None:
        raise ApiError(400, "CVID_NOT_SUPPORTED", "cvid is not supported", cvid=str(query["cvid"]))
    header, cells = _columns(crm, store, query.get("fields"))
    criteria = query.get("criteria")
    return BulkReadRequest(
        store=store,
        header=header,
        cells=cells,
        where=None if criteria is None else bind_criteria(crm, store, criteria),
        in_view=view.contains,
        page=page,
        after=after,
        switches=crm.settings.strict,
    )


def _columns(crm: Crm, store: ModuleStore, names: Any) -> tuple[Sequence[str], Sequence[CellFormatter]]:
    if names is None:
        names = list(store.fields)
    if type(names) is not list or len(names) > MAX_FIELDS:
        raise ApiError(400, "LIMIT_EXCEEDED", "too many fields", max_limit=MAX_FIELDS)
    wanted = [str(each) for each in names if str(each).lower() != "id"]
    cells = []
    for name in ("id", *wanted):
        try:
            cells.append(cell_formatter(crm, store, name))
        except UnknownPathError:
            raise ApiError(400, "FIELD_NOT_AVAILABLE", "the field is not available", api_name=name) from None
    return [crm.settings.strict.id_header, *wanted], cells


async def _status(request: Request) -> Response:
    return json_response(_detail(request.crm, find_job(request, "read")))


def _detail(crm: Crm, job: Job) -> dict[str, Any]:
    share = job.share_done(crm.clock.wall())
    state = next((word for until, word in _STATES if share < until), "FAILURE" if job.error else "COMPLETED")
    store = crm.stores[job.crm_module]
    detail: dict[str, Any] = {
        "id": str(job.id),
        "operation": "read",
        "state": state,
        "query": _echo(store, job.request),
        "created_by": job.made_by,
        "created_time": crm.zone.format(int(job.created_s)),
        "file_type": "csv",
    }
    if state == "COMPLETED":
        detail["result"] = _result(crm, job)
    elif state == "FAILURE":
        message = "Internal server error occurred."
        detail["result"] = {"error_message": {"status": "error", "code": job.error, "message": message, "details": {}}}
    return {"data": [detail]}


def _echo(store: ModuleStore, query: dict[str, Any]) -> dict[str, Any]:
    """Return the query as the service echoes it: with ids, and for Leads with the view's condition."""
    module = {"id": store.crm_module.id, "api_name": store.crm_module.api_name}
    echo: dict[str, Any] = {"module": module, "fields": query.get("fields") or list(store.fields), "page": query["page"]}
    if query.get("cvid"):
        echo["cvid"] = str(query["cvid"])
    criteria = query.get("criteria")
    if store.crm_module.api_name == "Leads":
        open_only = {"field": {"api_name": "$converted"}, "comparator": "equal", "value": False}
        criteria = {"group_operator": "and", "group": [criteria, open_only]} if criteria else open_only
    if criteria is not None:
        echo["criteria"] = criteria
    return echo


def _result(crm: Crm, job: Job) -> dict[str, Any]:
    result: dict[str, Any] = {
        "page": job.request["page"],
        "per_page": MAX_RECORDS,
        "count": job.result["count"],
        "download_url": f"/crm/bulk/v8/read/{job.id}/result",
        "more_records": job.result["more_records"],
    }
    if job.result["more_records"]:
        token = job.result.setdefault("token", f"{crm.rng.getrandbits(100):025x}")
        result["next_page_token"] = token
    return result


async def _download(request: Request) -> Response:
    crm, job = request.crm, find_job(request, "read")
    now_s = crm.clock.wall()
    if job.share_done(now_s) < 1 or job.error or now_s >= job.ends_s + DAY_S:
        raise not_found(str(job.id))
    if crm.downloads.refuses(crm.clock.monotonic()):
        crm.violations.add("over_download_quota", request.call.number)
        raise too_many_requests("over_download_quota" if crm.settings.strict.quota_named else "")
    disposition = {"Content-Disposition": f'attachment; filename="{job.id}.zip"'}
    return Response(status=200, body=job.archive, content_type="application/zip", headers=disposition)


CREATE = (Route(operation="bulk_read", method="POST", handler=_create, scope="bulk.READ", price=job_price(CREDITS)),)
STATUS = (Route(operation="bulk_read_status", method="GET", handler=_status, scope="bulk.READ", price=step_price),)
RESULT = (Route(operation="bulk_read_result", method="GET", handler=_download, scope="bulk.READ", price=step_price),)
