"""What may be kept of an error's ``details``: names, limits and ids of the CRM, never what a person is called.

A whitelist: ``duplicate_record`` names its owner, a COQL error repeats the query, and whatever is added tomorrow may hold more.
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
_MOST_VALUES: Final = 200  # of a list: a pick list may have thousands
_DEEPEST: Final = 4


def strip_personal_data(details: Mapping[str, Any]) -> dict[str, Any]:
    """Give *details* without anything that is not known to be free of personal data."""
    kept = _mapping(details, 0)
    duplicate = details.get("duplicate_record")
    if isinstance(duplicate, dict) and isinstance(duplicate.get("id"), str):
        kept.setdefault("id", duplicate["id"])
    return kept


def _mapping(value: Mapping[str, Any], depth: int) -> dict[str, Any]:
    return {key: _value(one, depth + 1) for key, one in value.items() if key in _KEPT and depth < _DEEPEST}


def _value(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return _mapping(value, depth)
    if isinstance(value, list):
        return [_value(one, depth) for one in value[:_MOST_VALUES]]
    return value
