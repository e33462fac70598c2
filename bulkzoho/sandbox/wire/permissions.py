"""Rights of the user's profile (zoho-api, section 3.4: 403 ``NO_PERMISSION``)."""

from __future__ import annotations

from typing import Any

from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.wire.errors import ApiError, no_permission
from bulkzoho.sandbox.wire.request import Request

__all__ = ["check_permissions", "with_permissions"]

_RIGHTS_NEEDED = {
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
_WRITING = {"insert", "upsert", "update", "delete", "mass_update"}
_RIGHT_OF_FLAG = {"creatable": "create", "editable": "edit", "viewable": "read", "deletable": "delete"}


def check_permissions(request: Request) -> None:
    """Check that the user has the rights that the call needs.

    Raises:
        ApiError: 403 with the missing permission; 400 for a subform, which is not writable directly.
    """
    store = request.crm.stores.get(request.crm_module)
    if store is not None and store.crm_module.generated == "subform" and request.route.operation in _WRITING:
        raise ApiError(400, "NOT_SUPPORTED", "rows of a subform are written with their parent", module=request.crm_module)
    for right in _RIGHTS_NEEDED.get(request.route.operation, ()):
        if _is_denied(request.crm, request.crm_module, right):
            raise no_permission(f"Crm_Implied_{right.title()}_{request.crm_module}")


def with_permissions(crm: Crm, description: dict[str, Any]) -> dict[str, Any]:
    """Return a module's description with the user's missing rights, if the switch says so."""
    if not crm.settings.strict.rights_in_metadata:
        return description
    return description | {
        name: not _is_denied(crm, str(description["api_name"]), right)
        for name, right in _RIGHT_OF_FLAG.items()
        if description[name]
    }


def _is_denied(crm: Crm, crm_module: str, right: str) -> bool:
    return not {f"{crm_module}.{right}", f"*.{right}"}.isdisjoint(crm.settings.denied)
