"""The fields by which an upsert can find records.  Pure.

Only unique fields and the module's own duplicate-check field are allowed (docs "Upsert Records" v7 and v8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.transform.field_names import ID, FieldResolver
from bulkzoho.errors import RefusedError, UsageError

__all__ = ["check_match_on"]

_SYSTEM_KEYS: Final[Mapping[str, str]] = {  # docs "Upsert Records" v7, "system-defined duplicate check fields"
    "Leads": "Email",
    "Contacts": "Email",
    "Accounts": "Account_Name",
    "Deals": "Deal_Name",
    "Campaigns": "Campaign_Name",
    "Cases": "Subject",
    "Quotes": "Subject",
    "Sales_Orders": "Subject",
    "Purchase_Orders": "Subject",
    "Invoices": "Subject",
    "Solutions": "Solution_Title",
    "Products": "Product_Name",
    "Vendors": "Vendor_Name",
    "Price_Books": "Price_Book_Name",
}
_CUSTOM_MODULE_KEY: Final = "Name"
_NOT_UPSERTED: Final = frozenset({"Tasks", "Events", "Calls", "Notes"})  # docs "Upsert Records" v8


def check_match_on(crm_module: CrmModule, operation: Operation, match_on: Sequence[str]) -> None:
    """Check that *match_on* fits the operation and the module.

    Raises:
        UsageError: An upsert has no *match_on*.
        RefusedError: A field does not exist or cannot be matched on, an update or delete has another key than id, or the module
            has no upsert.
    """
    if operation is Operation.UPSERT:
        _check_upsert(crm_module, match_on)
    elif operation in (Operation.UPDATE, Operation.DELETE) and any(name != ID.api_name for name in match_on):
        raise RefusedError(
            f"{operation.value} finds records by their id; --match-on {match_on[0]} is not built yet.",
            hint="Add an id column to the file, or use --operation upsert with --match-on.",
            code="NOT_BUILT",
        )
    resolver = FieldResolver(crm_module)
    for name in match_on:
        if resolver.exactly(name) is None:
            near = resolver.nearest(name)
            raise RefusedError(
                f"--match-on {name}: {crm_module.api_name} has no field of this API name"
                + (f"; did you mean {near}?" if near else "."),
                hint=f"Use the API name of the field; `bulkzoho fields {crm_module.api_name}` lists them.",
                code="UNKNOWN_FIELD",
            )


def _check_upsert(crm_module: CrmModule, match_on: Sequence[str]) -> None:
    module = crm_module.api_name
    system_key = _SYSTEM_KEYS.get(module, _CUSTOM_MODULE_KEY)
    if not match_on:
        raise UsageError(
            "an upsert needs --match-on, the field by which it finds existing records.",
            hint=f"For {module} it is usually --match-on {system_key}.",
        )
    if module in _NOT_UPSERTED:
        raise RefusedError(f"the API has no upsert for {module}.", hint="Use --operation insert or update.", code="NOT_SUPPORTED")
    for name in match_on:
        field = crm_module.by_api_name.get(name)
        if field is not None and not field.unique and name != system_key:
            allowed = dict.fromkeys([system_key, *(field.api_name for field in crm_module.fields if field.unique)])
            raise RefusedError(
                f"--match-on {name}: the field is not unique in {module}, and Zoho matches on unique fields only.",
                hint=f"Match on {' or '.join(allowed)}, or mark the field unique in the CRM.",
                code="NOT_UNIQUE",
            )
