"""OAuth scopes: those of each call and command, and those that a token lacks (zoho-api 2.8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from bulkzoho.domain.model.account import AccountPurpose

__all__ = ["COMMAND_SCOPES", "SCOPES_OF_USE", "missing_scopes", "scope_of_call"]


_READ: Final = (
    "ZohoCRM.modules.READ",
    "ZohoCRM.settings.modules.READ",
    "ZohoCRM.settings.fields.READ",
    "ZohoCRM.coql.READ",
    "ZohoCRM.org.READ",
    "ZohoCRM.users.READ",
    "ZohoSearch.securesearch.READ",  # counting records (docs v7 "Search Records", OpenAPI record-count)
)
_IMPORT: Final = ("ZohoCRM.modules.ALL", *_READ[1:])
SCOPES_OF_USE: Final[Mapping[AccountPurpose, tuple[str, ...]]] = {
    AccountPurpose.READ: _READ,
    AccountPurpose.IMPORT: _IMPORT,
    AccountPurpose.BULK: (*_IMPORT, "ZohoCRM.bulk.ALL", "ZohoFiles.files.ALL"),
}

_METADATA: Final = ("ZohoCRM.settings.modules.READ", "ZohoCRM.settings.fields.READ")
_LOOKUP: Final = (
    "ZohoCRM.modules.READ",
    "ZohoCRM.coql.READ",
)  # requests without a response are looked up by COQL
COMMAND_SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "modules, fields": _METADATA,
    "import": (*_METADATA, "ZohoCRM.modules.CREATE", *_LOOKUP),
    "import --operation update": (*_METADATA, "ZohoCRM.modules.UPDATE", *_LOOKUP),
    "import --operation upsert": (*_METADATA, "ZohoCRM.modules.CREATE", "ZohoCRM.modules.UPDATE", *_LOOKUP),
    "import --operation delete": (*_METADATA, "ZohoCRM.modules.DELETE", *_LOOKUP),
    "export, verify": (*_METADATA, *_LOOKUP),
}
"""Scopes that each command needs; replay and resume need those of their run."""

# Standard modules; custom modules have no scope of their own name (docs v7: modules.custom)
_STANDARD: Final = frozenset({
    "Accounts",
    "Calls",
    "Campaigns",
    "Cases",
    "Contacts",
    "Deals",
    "Events",
    "Invoices",
    "Leads",
    "Notes",
    "Price_Books",
    "Products",
    "Purchase_Orders",
    "Quotes",
    "Sales_Orders",
    "Solutions",
    "Tasks",
    "Vendors",
})  # fmt: skip
_WRITING: Final = frozenset({"CREATE", "UPDATE"})
_CALL: Final = re.compile(r"/crm/v[0-9.]+/(?P<path>[^?]+)")
_VERBS: Final = {"GET": "READ", "POST": "CREATE", "PUT": "UPDATE", "DELETE": "DELETE"}
_FIXED: Final = {
    "org": "ZohoCRM.org.READ",
    "users": "ZohoCRM.users.READ",
    "coql": "ZohoCRM.coql.READ (and ZohoCRM.modules.READ)",
    "settings/modules": "ZohoCRM.settings.modules.READ",
    "settings/fields": "ZohoCRM.settings.fields.READ",
}


def scope_of_call(method: str, path: str) -> str | None:
    """Return the scope that a call needs, in words for a message, or None if unknown."""
    match = _CALL.match(path)
    if match is None:
        return None
    path = match["path"]
    if path in _FIXED:
        return _FIXED[path]
    name, _, rest = path.partition("/")
    crm_module = name if name in _STANDARD else "custom"
    if rest == "upsert":
        return f"ZohoCRM.modules.{crm_module}.CREATE and .UPDATE (or ZohoCRM.modules.ALL)"
    if rest == "actions/count":
        return f"ZohoSearch.securesearch.READ (and ZohoCRM.modules.{crm_module}.READ)"
    return f"ZohoCRM.modules.{crm_module}.{_VERBS.get(method, 'ALL')} (or ZohoCRM.modules.ALL)"


def missing_scopes(granted: Iterable[str], needed: Iterable[str], *, crm_module: str | None = None) -> list[str]:
    """Return the *needed* scopes that *granted* does not cover.

    With *crm_module* (API name), a scope for that module is sufficient.
    """
    have = {scope.casefold() for scope in granted}
    return [scope for scope in dict.fromkeys(needed) if have.isdisjoint(_covering(scope, crm_module))]


def _covering(scope: str, crm_module: str | None) -> set[str]:
    """Return the scopes that cover *scope*, in lower case."""
    service, *areas, verb = scope.split(".")
    verbs = {verb, "ALL"} | ({"WRITE"} if verb in _WRITING else set())
    prefixes = [areas[:depth] for depth in range(1, len(areas) + 1)]
    if areas == ["modules"] and crm_module is not None:
        prefixes.append(["modules", crm_module if crm_module in _STANDARD else "custom"])
    return {".".join([service, *prefix, verb]).casefold() for prefix in prefixes for verb in verbs}
