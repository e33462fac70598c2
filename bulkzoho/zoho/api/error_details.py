"""Remove personal data from the ``details`` of an error; names, limits and ids of the CRM stay.

This is an allowlist: ``duplicate_record`` names its owner, a COQL error repeats the query, and future keys may contain more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["strip_personal_data"]

_KEPT: Final = frozenset({
    "allowed_count",
    "ambiguity_due_to",
    "api_name",
    "clause",
    "code",
    "column_name",
    "dependee",
    "dependency_error",
    "details",
    "errors",
    "expected_data_type",
    "expected_fields",
    "id",
    "index",
    "json_path",
    "limit",
    "maximum_length",
    "minimum_length",
    "more_records",
    "operator",
    "param",
    "param_name",
    "param_names",
    "permissions",
    "reason",
    "resource_path_index",
    "supported_values",
    "supported_version",
})  # fmt: skip
_MAX_VALUES: Final = 200  # per list: a pick list may have thousands
_MAX_DEPTH: Final = 4


def strip_personal_data(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return only the parts of *details* that are known to be free of personal data."""
    kept = _mapping(details, 0)
    duplicate = details.get("duplicate_record")
    if isinstance(duplicate, dict) and isinstance(duplicate.get("id"), str):
        kept.setdefault("id", duplicate["id"])
    return kept


def _mapping(value: Mapping[str, Any], depth: int) -> dict[str, Any]:
    return {key: _value(item, depth + 1) for key, item in value.items() if key in _KEPT and depth < _MAX_DEPTH}


def _value(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return _mapping(value, depth)
    if isinstance(value, list):
        return [_value(item, depth) for item in value[:_MAX_VALUES]]
    return value
