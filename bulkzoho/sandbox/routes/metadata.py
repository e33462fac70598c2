"""Routes of module, field and view metadata (zoho-api, sections 6.3 and 6.4)."""

from __future__ import annotations

from typing import Any

from bulkzoho.sandbox.state.schema import describe_field, describe_module
from bulkzoho.sandbox.state.views import describe_views
from bulkzoho.sandbox.wire.errors import invalid_module, parameter_missing
from bulkzoho.sandbox.wire.permissions import with_permissions
from bulkzoho.sandbox.wire.request import Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response, no_content

__all__ = ["FIELDS", "MODULES", "ONE_FIELD", "ONE_MODULE", "VIEWS"]


async def _modules(request: Request) -> Response:
    crm = request.crm
    if "visible" not in request.query.get("status", "visible").split(","):
        return no_content()
    return json_response({"modules": [with_permissions(crm, describe_module(each.crm_module)) for each in crm.stores.values()]})


async def _one_module(request: Request) -> Response:
    return json_response({"modules": [with_permissions(request.crm, describe_module(request.store().crm_module))]})


async def _fields(request: Request) -> Response:
    return json_response({"fields": _describe_fields(request)})


async def _one_field(request: Request) -> Response:
    found = [each for each in _describe_fields(request) if each["id"] == request.parts["id"]]
    return json_response({"fields": found}) if found else no_content()


def _describe_fields(request: Request) -> list[dict[str, Any]]:
    """Return all fields of the module in the parameter ``module``.

    Raises:
        ApiError: the parameter is missing or the module unknown.
    """
    name = request.query.get("module")
    if not name:
        raise parameter_missing("module")
    store = request.crm.stores.get(name)
    if store is None:
        raise invalid_module()
    crm_module = store.crm_module
    descriptions = [describe_field(crm_module, position) for position in range(len(crm_module.fields))]
    for each in descriptions:
        linking_module = each["multiselectlookup"].get("linking_details", {}).get("module")
        for module in filter(None, (each["lookup"].get("module"), linking_module, each["subform"])):
            module["id"] = request.crm.stores[module["api_name"]].crm_module.id
        each["associated_module"] = each["subform"]
    return descriptions


async def _views(request: Request) -> Response:
    name = request.query.get("module")
    if not name:
        raise parameter_missing("module")
    store = request.crm.stores.get(name)
    if store is None:
        raise invalid_module()
    views = describe_views(request.crm, store)
    info = {"per_page": 200, "default": views[0]["id"], "count": len(views), "page": 1, "more_records": False}
    return json_response({"custom_views": views, "info": info})


FIELDS = (Route(operation="fields", method="GET", handler=_fields, scope="settings.fields.READ"),)
ONE_FIELD = (Route(operation="fields", method="GET", handler=_one_field, scope="settings.fields.READ"),)
MODULES = (Route(operation="modules", method="GET", handler=_modules, scope="settings.modules.READ"),)
ONE_MODULE = (Route(operation="module", method="GET", handler=_one_module, scope="settings.modules.READ"),)
VIEWS = (Route(operation="custom_views", method="GET", handler=_views, scope="settings.custom_views.READ"),)
