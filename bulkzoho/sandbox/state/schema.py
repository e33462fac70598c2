"""Modules and fields, and their metadata in Zoho's format (zoho-api, sections 6.1 to 6.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["CHILDREN", "CrmModule", "DataType", "Field", "describe_field", "describe_module"]

ID_PREFIX = 5_725_767 * 10**12  # 19 digits in all, as in Zoho's samples


class DataType(StrEnum):
    """Zoho's names of field types."""

    TEXT = "text"
    TEXTAREA = "textarea"
    EMAIL = "email"
    PHONE = "phone"
    WEBSITE = "website"
    PICKLIST = "picklist"
    MULTI_PICKLIST = "multiselectpicklist"
    INTEGER = "integer"
    BIGINT = "bigint"
    DOUBLE = "double"
    CURRENCY = "currency"
    PERCENT = "percent"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    LOOKUP = "lookup"
    OWNER = "ownerlookup"
    USER = "userlookup"
    SUBFORM = "subform"
    MULTI_LOOKUP = "multiselectlookup"


CHILDREN = frozenset({DataType.SUBFORM, DataType.MULTI_LOOKUP})  # their values are records of a child module


_JSON_TYPES = {
    DataType.MULTI_PICKLIST: "jsonarray",
    DataType.INTEGER: "integer",
    DataType.DOUBLE: "double",
    DataType.CURRENCY: "double",
    DataType.PERCENT: "double",
    DataType.BOOLEAN: "boolean",
    DataType.LOOKUP: "jsonobject",
    DataType.OWNER: "jsonobject",
    DataType.USER: "jsonobject",
    DataType.SUBFORM: "jsonarray",
    DataType.MULTI_LOOKUP: "jsonarray",
}


_NOT_MASS_UPDATABLE = CHILDREN | {DataType.EMAIL, DataType.LOOKUP, DataType.TEXTAREA}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a module."""

    api_name: str
    data_type: DataType
    length: int  #: characters or digits
    mandatory: bool = False
    unique: bool = False  #: "do not allow duplicate values"; compared without case
    writable: bool = True  #: writable through the API
    custom: bool = False
    decimal_place: int | None = None
    values: tuple[str, ...] = ()  #: values of a picklist
    restricted: bool = True  #: a picklist accepts only its values
    target: str = ""  #: API name of the module that a lookup points to, or of the child module
    textarea: str = ""  #: small, large or rich_text

    @property
    def mass_updatable(self) -> bool:
        """Whether mass update accepts it: not e-mail, lookups, long texts, child rows (Zoho docs v8, "Mass Update Records")."""
        return self.writable and self.data_type not in _NOT_MASS_UPDATABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmModule:
    """One module and its fields, in the order of its form."""

    api_name: str
    singular: str
    number: int  #: determines the ids of the module and its fields
    display_field: str  #: field shown by lookups and the recycle bin
    system_key: str  #: the system-defined duplicate-check field (zoho-api, section 5.5)
    fields: tuple[Field, ...]
    custom: bool = False
    generated: str = ""  #: subform or linking: a child module of another module
    parent_field: str = ""  #: lookup of a child module that points to the parent

    @property
    def id(self) -> str:
        """Id of the module."""
        return str(ID_PREFIX + 2_000 + self.number)

    def field_id(self, position: int) -> str:
        """Return the id of the field at *position*."""
        return str(ID_PREFIX + 10_000 * (self.number + 1) + position)


def describe_field(crm_module: CrmModule, position: int) -> dict[str, Any]:
    """Return one element of ``fields`` (zoho-api, section 6.3)."""
    field = crm_module.fields[position]
    writable = field.writable
    return {
        "id": crm_module.field_id(position),
        "api_name": field.api_name,
        "field_label": field.api_name.replace("_", " "),
        "display_label": field.api_name.replace("_", " "),
        "data_type": field.data_type.value,
        "json_type": _JSON_TYPES.get(field.data_type, "string"),
        "length": field.length,
        "decimal_place": field.decimal_place,
        "system_mandatory": field.mandatory,
        "read_only": not writable,
        "field_read_only": not writable,
        "operation_type": {
            "web_update": writable,
            "api_create": writable,
            "web_create": writable,
            "api_update": writable,
        },
        "unique": {"case_sensitive": False} if field.unique else {},
        "external": None,
        "pick_list_values": _describe_values(crm_module, position),
        "lookup": _describe_lookup(field),
        "multiselectlookup": {"linking_details": {"module": _module_reference(field)}}
        if field.data_type is DataType.MULTI_LOOKUP
        else {},
        "multiuserlookup": {},
        "subform": _module_reference(field) if field.data_type is DataType.SUBFORM else None,
        "associated_module": _module_reference(field) if field.data_type is DataType.SUBFORM else None,
        "currency": {"rounding_option": "normal", "precision": field.decimal_place}
        if field.data_type is DataType.CURRENCY
        else {},
        "auto_number": {},
        "formula": {},
        "rollup_summary": {},
        "crypt": None,
        "textarea": {"type": field.textarea} if field.textarea else None,
        **_flags(crm_module, field),
    }


def _flags(crm_module: CrmModule, field: Field) -> dict[str, Any]:
    permission = "read_write" if field.writable else "read_only"
    return {
        "custom_field": field.custom,
        "created_source": "default",
        "visible": True,
        "searchable": True,
        "filterable": True,
        "sortable": True,
        "mass_update": field.mass_updatable,
        "virtual_field": False,
        "separator": False,
        "display_field": field.api_name == crm_module.display_field,
        "global_picklist": None,
        "history_tracking": None,
        "hipaa_compliance": None,
        "private": None,
        "tooltip": None,
        "view_type": {"view": True, "edit": field.writable, "quick_create": field.mandatory, "create": field.writable},
        "profiles": [{"permission_type": permission, "name": "Administrator", "id": str(ID_PREFIX + 26_011)}],
    }


def _describe_values(crm_module: CrmModule, position: int) -> list[dict[str, Any]]:
    first = int(crm_module.field_id(position)) * 1_000 % 10**12 + ID_PREFIX
    return [
        {
            "display_value": value,
            "actual_value": value,
            "reference_value": value,
            "sequence_number": number,
            "colour_code": None,
            "id": str(first + number),
            "type": "used",
        }
        for number, value in enumerate(crm_module.fields[position].values, start=1)
    ]


def _describe_lookup(field: Field) -> dict[str, Any]:
    if field.data_type is not DataType.LOOKUP:
        return {}
    return {
        "display_label": field.target,
        "api_name": None,
        "id": None,
        "query_details": {},
        "module": _module_reference(field),
    }


def _module_reference(field: Field) -> dict[str, Any]:
    return {"api_name": field.target, "id": None}


def describe_module(crm_module: CrmModule) -> dict[str, Any]:
    """Return one element of ``modules`` (zoho-api, section 6.4)."""
    return {
        "id": crm_module.id,
        "api_name": crm_module.api_name,
        "module_name": f"CustomModule{crm_module.number}" if crm_module.custom else crm_module.api_name,
        "singular_label": crm_module.singular,
        "plural_label": crm_module.api_name,
        "generated_type": crm_module.generated or ("custom" if crm_module.custom else "default"),
        "api_supported": True,
        "creatable": crm_module.generated != "subform",
        "editable": crm_module.generated != "subform",
        "viewable": True,
        "deletable": crm_module.generated != "subform",
        "convertable": crm_module.api_name == "Leads",
        "visibility": 1,
        "status": "visible",
        "parent_module": {},
        "profiles": [{"name": "Administrator", "id": str(ID_PREFIX + 26_011)}],
        "business_card_field_limit": 5,
        "show_as_tab": not crm_module.generated,
        "quick_create": True,
        "triggers_supported": True,
        "global_search_supported": True,
        "recycle_bin_on_delete": True,
        "isBlueprintSupported": True,
        "sequence_number": crm_module.number,
        "modified_time": None,
        "access_type": "org_based",
    }
