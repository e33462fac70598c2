"""What the user's profile does not allow (zoho-api, section 3.4: 403 ``NO_PERMISSION``)."""

from __future__ import annotations

from typing import Any

from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.wire.errors import ApiError, no_permission
from bulkzoho.sandbox.wire.request import Request

__all__ = ["check_rights", "with_rights"]

_NEEDED = {
    "insert": ("create",),
    "upsert": ("create", "edit"),
    "update": ("edit",),
    "delete": ("delete",),
    "list": ("read",),
    "get": ("read",),
    "search": ("read",),
    "count": ("read",),
    "deleted": ("read",),
}
_CHANGING = {"insert", "upsert", "update", "delete", "mass_update"}
_TOLD = {"creatable": "create", "editable": "edit", "viewable": "read", "deletable": "delete"}


def check_rights(exchange: Request) -> None:
    """Let a call pass whose user may do what it does.

    Raises:
        Refusal: 403, naming the permission; 400 where nobody may, since the module is a subform.
    """
    store = exchange.crm.stores.get(exchange.crm_module)
    if store is not None and store.crm_module.generated == "subform" and exchange.route.operation in _CHANGING:
        raise ApiError(400, "NOT_SUPPORTED", "rows of a subform are written with their parent", module=exchange.crm_module)
    for right in _NEEDED.get(exchange.route.operation, ()):
        if _is_denied(exchange.crm, exchange.crm_module, right):
            raise no_permission(f"Crm_Implied_{right.title()}_{exchange.crm_module}")


def with_rights(crm: Crm, described: dict[str, Any]) -> dict[str, Any]:
    """Give a module's description with what the user may not do, where the settings say that it is told."""
    if not crm.settings.strict.rights_in_metadata:
        return described
    return described | {
        name: not _is_denied(crm, str(described["api_name"]), right) for name, right in _TOLD.items() if described[name]
    }


def _is_denied(crm: Crm, crm_module: str, right: str) -> bool:
    return not {f"{crm_module}.{right}", f"*.{right}"}.isdisjoint(crm.settings.denied)
