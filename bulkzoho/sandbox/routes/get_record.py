"""Get one record, with what belongs to it; and ids that are none (zoho-api, section 5.2)."""

from __future__ import annotations

from bulkzoho.sandbox.records.serializer import shown
from bulkzoho.sandbox.records.subforms import shown_children
from bulkzoho.sandbox.routes.list_records import asked_fields, field_names
from bulkzoho.sandbox.wire.errors import ApiError, invalid_url
from bulkzoho.sandbox.wire.request import Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_reply, no_content

__all__ = ["MALFORMED", "ONE"]

NO_CONTENT, NOT_FOUND = 204, 404


async def _get_one(exchange: Request) -> Response:
    store = exchange.store()
    record_id = int(exchange.parts["id"])
    names = field_names(exchange, store, required=False)
    if record_id not in store:
        return no_content()
    rows = shown_children(exchange.crm, store, record_id, asked_fields(exchange) or None) if store.children else {}
    return json_reply({"data": [shown(exchange.crm, store, record_id, names) | rows]})


async def _malformed(exchange: Request) -> Response:
    """Answer a call whose path has something else than digits for an id."""
    if exchange.crm_module not in exchange.crm.stores:
        raise invalid_url()
    status = exchange.crm.settings.strict.malformed_id_status
    if status == NO_CONTENT and exchange.call.method == "GET":
        return no_content()
    if status == NOT_FOUND:
        raise invalid_url()
    raise ApiError(400, "INVALID_DATA", "the id given seems to be invalid", resource_path_index=1)


ONE = (Route(operation="get", method="GET", handler=_get_one, scope="modules.{}.READ"),)
MALFORMED = tuple(
    Route(operation=operation, method=method, handler=_malformed, scope=f"modules.{{}}.{right}")
    for operation, method, right in (("get", "GET", "READ"), ("update", "PUT", "UPDATE"), ("delete", "DELETE", "DELETE"))
)
