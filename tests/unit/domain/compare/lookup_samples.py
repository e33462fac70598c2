"""A module and times for tests of lookups."""

from __future__ import annotations

from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata, ModuleInfo


def field(api_name: str, data_type: str = "text", json_type: str = "string", *, unique: bool = False) -> FieldMetadata:
    return FieldMetadata(api_name=api_name, label=api_name, data_type=data_type, json_type=json_type, unique=unique)


MODULE = CrmModule(
    name=ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads"),
    fields=(
        field("Last_Name"),
        field("City"),
        field("State"),
        field("Email", "email", unique=True),
        field("Number", "integer", "integer", unique=True),
        field("Stamp"),
        field("Open", "boolean", "boolean"),
        field("Lines", "subform", "jsonarray"),
        field("Account", "lookup", "jsonobject"),
    ),
)


def at(seconds: int) -> str:
    return f"1970-01-01T00:{seconds // 60:02}:{seconds % 60:02}+00:00"
