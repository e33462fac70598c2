"""Routes of bulk write: jobs that import an uploaded CSV (zoho-api, sections 9.4 to 9.6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bulkzoho.sandbox.bulk.field_mapping import ColumnMap, Parents, map_headers, parse_field_mappings
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
from bulkzoho.sandbox.bulk.result_file import BulkWriteRequest, Operation
from bulkzoho.sandbox.bulk.uploaded_csv import UploadedCsv, read_csv
from bulkzoho.sandbox.bulk.write_job import ChildRows, run_write_job
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.jobs import Job
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data
from bulkzoho.sandbox.wire.request import Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response

__all__ = ["CREATE", "RESULT", "STATUS"]

CREDITS = 500  # Zoho docs, "API limits"
KEPT_S = 7 * DAY_S  # lifetime of a result; third-party notes from Zoho's pages
MAX_SUBFORM_ROWS = 200  # rows of a subform file; Zoho docs, "Bulk Write limitations" (v8)
ADDED_UNTIL = 0.2  # progress up to which the status is ADDED
_MAPPED = ("api_name", "index", "format", "find_by", "default_value", "module", "parent_column_index")


async def _create(request: Request) -> Response:
    crm, body = request.crm, parse_body(request)
    operation, address = _operation(body), parse_callback(body)
    first, *others = _resources(body)
    job_request = _job_request(request, body, operation, first)
    children = [_child(request, body, job_request, each) for each in others]
    job = new_job(request, "write", job_request.store.crm_module.api_name, body)
    crm.jobs.start(job, run_write_job(crm, job, job_request, children))
    if address:
        crm.jobs.spawn(post_callback(request, job, address, lambda: _detail(crm, job)))
    details = {"id": str(job.id), "created_by": job.made_by}
    return json_response({"status": "success", "code": "SUCCESS", "message": "success", "details": details}, 201)


def _job_request(request: Request, body: dict[str, Any], operation: Operation, resource: dict[str, Any]) -> BulkWriteRequest:
    """Parse the request for the first file."""
    crm, store = request.crm, _store(request, resource)
    if store.crm_module.generated == "subform":
        raise ApiError(400, "MODULE_NOT_AVAILABLE", f"Requested module '{store.crm_module.api_name}' is not available.")
    find_by = _find_by(store, resource, operation)
    csv_file = _csv_file(request, resource, str(body.get("character_encoding") or ""))
    mappings = resource.get("field_mappings")
    columns = (
        parse_field_mappings(crm, store, mappings, len(csv_file.header)) if mappings else map_headers(crm, store, csv_file.header)
    )
    _require_mapped(store, columns, operation, find_by)
    return BulkWriteRequest(
        store=store,
        operation=operation,
        csv_file=csv_file,
        columns=columns,
        find_by=find_by,
        ignore_empty=bool(body.get("ignore_empty") or resource.get("ignore_empty")),
        by=crm.current_user,
    )


def _child(request: Request, body: dict[str, Any], parent: BulkWriteRequest, resource: dict[str, Any]) -> ChildRows:
    """Parse the request for a file with children of the first file's records.

    Its rows are inserted, except those matched by its own ``find_by``.
    """
    store = _store(request, resource)
    if store not in parent.store.children:
        raise ApiError(400, "INVALID_DATA", "the module is no child of the first one", api_name=store.crm_module.api_name)
    if str(resource["file_id"]) != str(body["resource"][0]["file_id"]) or not resource.get("file_names"):
        raise _missing_key("file_names" if not resource.get("file_names") else "file_id", "$.resource")
    csv_file = _csv_file(request, resource, str(body.get("character_encoding") or ""))
    if store.crm_module.generated == "subform" and len(csv_file.rows) > MAX_SUBFORM_ROWS:
        raise ApiError(400, "LIMIT_EXCEEDED", "limit exceeded", limit=MAX_SUBFORM_ROWS, file_name=csv_file.name)
    parents: Parents = {}
    columns = parse_field_mappings(request.crm, store, resource.get("field_mappings"), len(csv_file.header), parents)
    link = next(each.parent_index for each in columns if each.parent_index is not None)
    if link >= len(parent.csv_file.header):
        raise ApiError(400, "COLUMN_INDEX_NOT_FOUND", "column index is not found", api_name="parent_column_index", index=link)
    find_by = "id" if str(resource.get("find_by") or "").lower() == "id" else ""
    job_request = replace(parent, store=store, csv_file=csv_file, columns=columns, find_by=find_by)
    if not find_by:
        job_request = replace(job_request, operation=Operation.INSERT)
    return ChildRows(job_request=job_request, parent_index=link, parents=parents)


def _operation(body: dict[str, Any]) -> Operation:
    if "operation" not in body:
        raise _missing_key("operation", "$.operation")
    try:
        return Operation(str(body["operation"]))
    except ValueError:
        raise invalid_data(api_name="operation", supported_values=[each.value for each in Operation]) from None


def _resources(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the resources of the job, the parent first; nested children, as in older samples, are rejected."""
    resources = body.get("resource")
    if type(resources) is not list or not resources or any(type(each) is not dict for each in resources):
        raise _missing_key("resource", "$.resource")
    for number, resource in enumerate(resources):
        for name in ("type", "module", "file_id"):
            if name not in resource:
                raise _missing_key(name, f"$.resource[{number}].{name}")
    return resources


def _store(request: Request, resource: dict[str, Any]) -> ModuleStore:
    name = module_name(request, resource["module"])
    store = request.crm.stores.get(name)
    if store is None:
        raise ApiError(400, "MODULE_NOT_AVAILABLE", f"Requested module '{name}' is not available.")
    return store


def _find_by(store: ModuleStore, resource: dict[str, Any], operation: Operation) -> str:
    find_by = str(resource.get("find_by") or "")
    if not find_by and operation is not Operation.INSERT:
        raise ApiError(400, "MANDATORY_NOT_FOUND", "Required key find_by is not available", api_name="find_by")
    if find_by and find_by != "id" and find_by not in store.keys:
        raise ApiError(400, "INVALID_FIELD", f"invalid mapping. invalid api_name {find_by}.", api_name="find_by")
    return find_by


def _csv_file(request: Request, resource: dict[str, Any], encoding: str) -> UploadedCsv:
    file = request.crm.uploads.find(str(resource["file_id"]))
    if file is None or request.crm.clock.wall() >= file.uploaded_s + request.crm.settings.upload_life_s:
        raise ApiError(400, "INVALID_FILE_ID", "improper file id", api_name="file_id")
    names = resource.get("file_names") or []
    if type(names) is not list:
        raise _missing_key("file_names", "$.resource")
    return read_csv(file.content, [str(each) for each in names], encoding, request.crm.settings.strict)


def _require_mapped(store: ModuleStore, columns: list[ColumnMap], operation: Operation, find_by: str) -> None:
    mapped = {each.api_name for each in columns}
    mandatory = [] if operation is Operation.UPDATE else [each.api_name for each in store.crm_module.fields if each.mandatory]
    if unmapped := [each for each in mandatory if each not in mapped]:
        message = "All mandatory fields are not mapped for the layout"
        raise ApiError(400, "MANDATORY_FIELDS_NOT_MAPPED", message, fields=unmapped)
    if find_by and find_by not in mapped:
        raise ApiError(400, "INVALID_FIELD", f"invalid mapping. invalid api_name {find_by}.", api_name="find_by")


def _missing_key(name: str, path: str) -> ApiError:
    message = f"required key {name} is not found in request body."
    return ApiError(400, "MISSING_REQUIRED_KEY", message, json_path=path)


async def _status(request: Request) -> Response:
    return json_response(_detail(request.crm, find_job(request, "write")))


def _detail(crm: Crm, job: Job) -> dict[str, Any]:
    share = job.share_done(crm.clock.wall())
    status = "ADDED" if share < ADDED_UNTIL else "INPROGRESS" if share < 1 else "FAILED" if job.error else "COMPLETED"
    detail: dict[str, Any] = {
        "status": status,
        "character_encoding": job.request.get("character_encoding") or "UTF-8",
        "resource": [_resource_detail(crm, job, status, number) for number in range(len(job.request["resource"]))],
        "id": str(job.id),
        "created_by": job.made_by,
        "operation": job.request["operation"],
        "created_time": crm.zone.format(int(job.created_s)),
    }
    if callback := job.request.get("callback"):
        detail["callback"] = callback
    if status == "COMPLETED":
        path = f"/v2/crm/{crm.settings.org_id}/bulk-write/{job.id}/{job.id}.zip"
        relative = f"/v8/crm/org{crm.settings.org_id}/bulk-write/{job.id}/{job.id}.zip"
        detail["result"] = {"download_url": relative if crm.settings.strict.relative_download_url else crm.url + path}
    return detail


def _resource_detail(crm: Crm, job: Job, status: str, number: int) -> dict[str, Any]:
    resource = job.request["resource"][number]
    module = resource["module"]
    crm_module = crm.stores[module if type(module) is str else module["api_name"]].crm_module
    resource_status = "INPROGRESS" if status == "ADDED" else status  # as in Zoho's sample of a new job
    file: dict[str, Any] = {"status": resource_status}
    if status == "COMPLETED":
        file.update(job.result["files"][number])
    mappings = resource.get("field_mappings") or []
    code = {"ADDED": "ADDED", "INPROGRESS": "INPROGRESS", "COMPLETED": "SUCCESS"}.get(status, job.error)
    return {
        "status": resource_status,
        "type": "data",
        "code": code,
        "module": {"api_name": crm_module.api_name, "id": crm_module.id},
        "field_mappings": [{name: each.get(name) for name in _MAPPED} for each in mappings],
        "file": file,
    }


async def _download(request: Request) -> Response:
    crm, job = request.crm, find_job(request, "write")
    now_s = crm.clock.wall()
    if job.share_done(now_s) < 1 or job.error or now_s >= job.ends_s + KEPT_S:
        raise not_found(str(job.id))
    disposition = {"Content-Disposition": f'attachment; filename="{job.id}.zip"'}
    return Response(status=200, body=job.archive, content_type="application/zip", headers=disposition)


CREATE = (Route(operation="bulk_write", method="POST", handler=_create, scope="bulk.CREATE", price=job_price(CREDITS)),)
STATUS = (Route(operation="bulk_write_status", method="GET", handler=_status, scope="bulk.CREATE", price=step_price),)
RESULT = (Route(operation="bulk_write_result", method="GET", handler=_download, scope="bulk.CREATE", price=step_price),)
