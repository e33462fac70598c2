"""Which OAuth scopes a call needs, which a use of bulkzoho needs, and whether those of a token are enough (zoho-api 2.8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

__all__ = ["COMMAND_SCOPES", "SCOPES_OF_USE", "AccountPurpose", "missing_scopes", "scope_of_call"]


class AccountPurpose(StrEnum):
    """What an account is wanted for."""

    READ = "read"  #: look at modules, fields and records; nothing is ever written
    IMPORT = "import"  #: everything that bulkzoho does through the records API
    BULK = "bulk"  #: the same, and Zoho's bulk jobs


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
_LOOKUP: Final = ("ZohoCRM.modules.READ", "ZohoCRM.coql.READ")  # a lost reply is looked up by COQL
COMMAND_SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "modules, fields": _METADATA,
    "import": (*_METADATA, "ZohoCRM.modules.CREATE", *_LOOKUP),
    "import --operation update": (*_METADATA, "ZohoCRM.modules.UPDATE", *_LOOKUP),
    "import --operation upsert": (*_METADATA, "ZohoCRM.modules.CREATE", "ZohoCRM.modules.UPDATE", *_LOOKUP),
    "import --operation delete": (*_METADATA, "ZohoCRM.modules.DELETE", *_LOOKUP),
    "export, verify": (*_METADATA, *_LOOKUP),
}
"""What each command cannot do without; replay and resume need what their run needs."""

# Modules that Zoho delivers; those of an organization's own making have no scope of their name (docs v7: modules.custom)
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
    """Give the scope that a call needs, as one says it to a person; None when it is not known."""
    match = _CALL.match(path)
    if match is None:
        return None
    place = match["path"]
    if place in _FIXED:
        return _FIXED[place]
    name, _, rest = place.partition("/")
    crm_module = name if name in _STANDARD else "custom"
    if rest == "upsert":
        return f"ZohoCRM.modules.{crm_module}.CREATE and .UPDATE (or ZohoCRM.modules.ALL)"
    if rest == "actions/count":
        return f"ZohoSearch.securesearch.READ (and ZohoCRM.modules.{crm_module}.READ)"
    return f"ZohoCRM.modules.{crm_module}.{_VERBS.get(method, 'ALL')} (or ZohoCRM.modules.ALL)"


def missing_scopes(granted: Iterable[str], needed: Iterable[str], *, crm_module: str | None = None) -> list[str]:
    """Give those of *needed* that *granted* does not cover.

    With *crm_module* (API name) a scope for that module alone is enough, too.
    """
    have = {one.casefold() for one in granted}
    return [one for one in dict.fromkeys(needed) if have.isdisjoint(_covering(one, crm_module))]


def _covering(scope: str, crm_module: str | None) -> set[str]:
    """Give the scopes of which one is enough for *scope*, in lower case."""
    service, *areas, verb = scope.split(".")
    verbs = {verb, "ALL"} | ({"WRITE"} if verb in _WRITING else set())
    places = [areas[:depth] for depth in range(1, len(areas) + 1)]
    if areas == ["modules"] and crm_module is not None:
        places.append(["modules", crm_module if crm_module in _STANDARD else "custom"])
    return {".".join([service, *place, one]).casefold() for place in places for one in verbs}
