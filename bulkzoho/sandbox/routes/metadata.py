"""Modules and fields as metadata (zoho-api, sections 6.3 and 6.4)."""

from __future__ import annotations

from typing import Any

from bulkzoho.sandbox.state.schema import describe_field, describe_module
from bulkzoho.sandbox.state.views import describe_views
from bulkzoho.sandbox.wire.errors import invalid_module, parameter_missing
from bulkzoho.sandbox.wire.permissions import with_rights
from bulkzoho.sandbox.wire.request import Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_reply, no_content

__all__ = ["FIELDS", "MODULES", "ONE_FIELD", "ONE_MODULE", "VIEWS"]


async def _modules(exchange: Request) -> Response:
    crm = exchange.crm
    if "visible" not in exchange.query.get("status", "visible").split(","):
        return no_content()
    return json_reply({"modules": [with_rights(crm, describe_module(each.crm_module)) for each in crm.stores.values()]})


async def _one_module(exchange: Request) -> Response:
    return json_reply({"modules": [with_rights(exchange.crm, describe_module(exchange.store().crm_module))]})


async def _fields(exchange: Request) -> Response:
    return json_reply({"fields": _described(exchange)})


async def _one_field(exchange: Request) -> Response:
    found = [each for each in _described(exchange) if each["id"] == exchange.parts["id"]]
    return json_reply({"fields": found}) if found else no_content()


def _described(exchange: Request) -> list[dict[str, Any]]:
    """Give all fields of the module that ``module`` names.

    Raises:
        Refusal: it names none.
    """
    name = exchange.query.get("module")
    if not name:
        raise parameter_missing("module")
    store = exchange.crm.stores.get(name)
    if store is None:
        raise invalid_module()
    crm_module = store.crm_module
    described = [describe_field(crm_module, position) for position in range(len(crm_module.fields))]
    for each in described:
        linked = each["multiselectlookup"].get("linking_details", {}).get("module")
        for module in filter(None, (each["lookup"].get("module"), linked, each["subform"])):
            module["id"] = exchange.crm.stores[module["api_name"]].crm_module.id
        each["associated_module"] = each["subform"]
    return described


async def _views(exchange: Request) -> Response:
    name = exchange.query.get("module")
    if not name:
        raise parameter_missing("module")
    store = exchange.crm.stores.get(name)
    if store is None:
        raise invalid_module()
    views = describe_views(exchange.crm, store)
    info = {"per_page": 200, "default": views[0]["id"], "count": len(views), "page": 1, "more_records": False}
    return json_reply({"custom_views": views, "info": info})


FIELDS = (Route(operation="fields", method="GET", handler=_fields, scope="settings.fields.READ"),)
ONE_FIELD = (Route(operation="fields", method="GET", handler=_one_field, scope="settings.fields.READ"),)
MODULES = (Route(operation="modules", method="GET", handler=_modules, scope="settings.modules.READ"),)
ONE_MODULE = (Route(operation="module", method="GET", handler=_one_module, scope="settings.modules.READ"),)
VIEWS = (Route(operation="custom_views", method="GET", handler=_views, scope="settings.custom_views.READ"),)
