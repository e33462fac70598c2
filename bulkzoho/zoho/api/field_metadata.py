"""Decode one field of ``/settings/fields`` (Zoho's OpenAPI ``fields``, v8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bulkzoho.domain.model.metadata import FieldMetadata

__all__ = ["field_from"]

_UNUSED: Final = "unused"  # a pick list value that is no longer in use


def field_from(field: Mapping[str, Any]) -> FieldMetadata:
    """Decode one field.

    Raises:
        KeyError: It has no API name.
    """
    api_name = str(field["api_name"])
    read_only = field.get("field_read_only") is True
    writable = field.get("operation_type")
    return FieldMetadata(
        api_name=api_name,
        label=str(field.get("field_label") or field.get("display_label") or api_name),
        data_type=str(field.get("data_type") or "text"),
        json_type=str(field.get("json_type") or "string"),
        length=_whole(field.get("length")),
        decimal_place=_whole(field.get("decimal_place")),
        mandatory=field.get("system_mandatory") is True,
        unique=bool(field.get("unique")),  # {} is "not unique"
        api_create=_may(writable, "api_create", read_only=read_only),
        api_update=_may(writable, "api_update", read_only=read_only),
        read_only=read_only,
        pick_list=_pick_list(field.get("pick_list_values")),
        lookup_module=_lookup_module(field.get("lookup")),
        custom=field.get("custom_field") is True,
    )


def _may(writable: Any, operation: str, *, read_only: bool) -> bool:
    """Return the value of ``operation_type``; versions without it have only ``field_read_only``."""
    if isinstance(writable, dict) and isinstance(writable.get(operation), bool):
        return bool(writable[operation])
    return not read_only


def _pick_list(values: Any) -> tuple[str, ...]:
    """Return the values that the API accepts: ``actual_value``, if it differs from the display value."""
    if not isinstance(values, list):
        return ()
    words = []
    for value in values:
        if isinstance(value, dict) and value.get("type") != _UNUSED:
            word = value.get("actual_value", value.get("display_value"))
            if isinstance(word, str):
                words.append(word)
    return tuple(words)


def _lookup_module(lookup: Any) -> str | None:
    """Return the API name of the target; a mapping in v8, plain text in v2."""
    module = lookup.get("module") if isinstance(lookup, dict) else None
    name = module.get("api_name") if isinstance(module, dict) else module
    return name if isinstance(name, str) and name else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
