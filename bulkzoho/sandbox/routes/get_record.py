"""Routes for one record with its child rows, and for malformed ids (zoho-api, section 5.2)."""

from __future__ import annotations

from bulkzoho.sandbox.records.serializer import serialize
from bulkzoho.sandbox.records.subforms import serialize_children
from bulkzoho.sandbox.routes.list_records import field_names, requested_fields
from bulkzoho.sandbox.wire.errors import ApiError, invalid_url
from bulkzoho.sandbox.wire.request import Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response, no_content

__all__ = ["MALFORMED", "ONE"]

NO_CONTENT, NOT_FOUND = 204, 404


async def _get_one(request: Request) -> Response:
    store = request.store()
    record_id = int(request.parts["id"])
    names = field_names(request, store, required=False)
    if record_id not in store:
        return no_content()
    rows = serialize_children(request.crm, store, record_id, requested_fields(request) or None) if store.children else {}
    return json_response({"data": [serialize(request.crm, store, record_id, names) | rows]})


async def _malformed(request: Request) -> Response:
    """Handle a call whose path has a malformed id."""
    if request.crm_module not in request.crm.stores:
        raise invalid_url()
    status = request.crm.settings.strict.malformed_id_status
    if status == NO_CONTENT and request.call.method == "GET":
        return no_content()
    if status == NOT_FOUND:
        raise invalid_url()
    raise ApiError(400, "INVALID_DATA", "the id given seems to be invalid", resource_path_index=1)


ONE = (Route(operation="get", method="GET", handler=_get_one, scope="modules.{}.READ"),)
MALFORMED = tuple(
    Route(operation=operation, method=method, handler=_malformed, scope=f"modules.{{}}.{right}")
    for operation, method, right in (("get", "GET", "READ"), ("update", "PUT", "UPDATE"), ("delete", "DELETE", "DELETE"))
)
