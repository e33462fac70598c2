"""A module with a field of every type, for the tests of this folder."""

from __future__ import annotations

from typing import Any

from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata, ModuleInfo

JSON_TYPES = {
    "integer": "integer",
    "bigint": "long",
    "double": "double",
    "currency": "double",
    "percent": "double",
    "boolean": "boolean",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
    "multiselectpicklist": "jsonarray",
    "subform": "jsonarray",
}


def crm_field(api_name: str, data_type: str = "text", **facts: Any) -> FieldMetadata:
    """Return a field; its label is its API name with spaces."""
    facts.setdefault("label", api_name.replace("_", " "))
    return FieldMetadata(api_name=api_name, data_type=data_type, json_type=JSON_TYPES.get(data_type, "string"), **facts)


def crm_module(*fields: FieldMetadata, name: str = "Leads") -> CrmModule:
    """Return a module of these fields."""
    return CrmModule(name=ModuleInfo(api_name=name, singular_label=name, plural_label=name), fields=fields)


LEADS = crm_module(
    crm_field("Last_Name", length=80, mandatory=True),
    crm_field("First_Name", length=40),
    crm_field("Company", length=200),
    crm_field("Email", "email", length=100),
    crm_field("Customer_Number", length=20, unique=True, custom=True),
    crm_field("Annual_Revenue", "currency", length=16, decimal_place=2),
    crm_field("No_of_Employees", "integer", length=9),
    crm_field("Email_Opt_Out", "boolean"),
    crm_field("Founded", "date"),
    crm_field("Last_Call", "datetime"),
    crm_field("Lead_Source", "picklist", length=120),
    crm_field("Interests", "multiselectpicklist"),
    crm_field("Parent_Account", "lookup", lookup_module="Accounts"),
    crm_field("Owner", "ownerlookup"),
    crm_field("Created_Time", "datetime", api_create=False, api_update=False),
    crm_field("Full_Name", read_only=True),
    crm_field("First_Touch", api_update=False),
)
