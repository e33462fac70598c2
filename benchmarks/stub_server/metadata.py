"""Metadata of the stub server: organization, user, modules and fields of Leads, in the format of Zoho's OpenAPI (v8)."""

from __future__ import annotations

from typing import Any, Final

ORG: Final = {
    "org": [
        {
            "id": "5725767000000000001",
            "zgid": "700000001",
            "company_name": "Bench",
            "type": "production",
            "time_zone": "Europe/Stockholm",
            "currency": "Euro",
            "license_details": {"paid": True, "paid_type": "ultimate", "users_license_purchased": 100},
        }
    ]
}
_USER: Final = {"id": "5725767000000000002", "full_name": "Bench", "email": "bench@example.com", "status": "active"}
USERS: Final = {"users": [_USER], "info": {"more_records": False}}
MODULES: Final = {
    "modules": [
        {
            "api_name": "Leads",
            "module_name": "Leads",
            "singular_label": "Lead",
            "plural_label": "Leads",
            "api_supported": True,
            "creatable": True,
            "editable": True,
            "deletable": True,
        }
    ]
}
SOURCES: Final = ("Advertisement", "Cold Call", "Employee Referral", "Partner", "Trade Show", "Web Download", "Web")
_JSON_TYPES: Final = {"integer": "integer", "currency": "double"}  # JSON types; the others are strings
_WRITABLE: Final = (
    ("Last_Name", "text", 80),
    ("First_Name", "text", 40),
    ("Company", "text", 200),
    ("Designation", "text", 100),
    ("Email", "email", 100),
    ("Phone", "phone", 30),
    ("Street", "text", 250),
    ("City", "text", 100),
    ("Zip_Code", "text", 30),
    ("Country", "text", 100),
    ("Lead_Source", "picklist", 120),
    ("No_of_Employees", "integer", 9),
    ("Annual_Revenue", "currency", 16),
    ("Website", "website", 450),
    ("Description", "textarea", 32_000),
    ("External_Id", "text", 100),
)
_SYSTEM: Final = (("id", "bigint", 20), ("Created_Time", "datetime", 120), ("Modified_Time", "datetime", 120))
NAMES: Final = tuple(name for name, _, _ in _WRITABLE)


def _field(name: str, data_type: str, length: int, *, writable: bool) -> dict[str, Any]:
    allowed = {"api_create": writable, "api_update": writable, "web_create": writable, "web_update": writable}
    values = (
        [{"display_value": entry, "actual_value": entry, "type": "used"} for entry in SOURCES] if data_type == "picklist" else []
    )
    return {
        "id": f"57257670000000{len(name):05d}",
        "api_name": name,
        "field_label": name.replace("_", " "),
        "display_label": name.replace("_", " "),
        "data_type": data_type,
        "json_type": _JSON_TYPES.get(data_type, "string"),
        "length": length,
        "decimal_place": 2 if data_type == "currency" else None,
        "system_mandatory": name == "Last_Name",
        "read_only": False,
        "field_read_only": False,
        "custom_field": False,
        "unique": {},
        "lookup": {},
        "pick_list_values": values,
        "operation_type": allowed,
        "view_type": {"view": True, "edit": writable, "create": writable, "quick_create": False},
        "visible": True,
    }


FIELDS: Final = {
    "fields": [
        *(_field(*entry, writable=True) for entry in _WRITABLE),
        *(_field(*entry, writable=False) for entry in _SYSTEM),
    ]
}
