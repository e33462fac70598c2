"""Parse the JSON criteria of bulk read and mass update (zoho-api, section 8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bulkzoho.sandbox.query.conditions import Condition, ConditionPair, Node
from bulkzoho.sandbox.query.record_view import FieldPath, UnknownPathError
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.wire.errors import ApiError

__all__ = ["bind_criteria"]

MAX_CONDITIONS = 25  # OpenAPI 3.1, "bulk-read": CRITERIA_LIMIT_EXCEEDED
MAX_VALUES = 200  # OpenAPI 3.1, "bulk-read": VALUE_LIMIT_EXCEEDED_IN_CRITERIA
MAX_JOINS = 2  # chained lookups; Zoho docs, "COQL" (v7); undocumented for bulk read
MAX_TEXT = 255  # characters of a text value; Zoho docs, "Create Bulk Read Job" (v7)
EMPTY = "${EMPTY}"

_EQUAL = {"equal": "=", "not_equal": "!=", "in": "in", "not_in": "not in"}
_RANGE = {"less_than": "<", "less_equal": "<=", "greater_than": ">", "greater_equal": ">="}
_BETWEEN = {"between": "between", "not_between": "not between"}
_TEXT = {"contains": "contains", "not_contains": "not contains", "starts_with": "starts", "ends_with": "ends"}
_OPERATORS_OF_KIND: dict[str, Mapping[str, str]] = {
    "number": _EQUAL | _RANGE,
    "text": _EQUAL | _TEXT,
    "multi": _EQUAL | _TEXT,
    "date": _EQUAL | _RANGE | _BETWEEN,
    "datetime": _EQUAL | _RANGE | _BETWEEN,
    "boolean": {"equal": "="},
    "reference": _EQUAL,
    "id": _EQUAL,
}


def bind_criteria(crm: Crm, store: ModuleStore, criteria: Any) -> Node:
    """Build the condition tree of *criteria*: one condition, or a group of conditions and groups.

    Raises:
        ApiError: the criteria are invalid or do not fit the module.
    """
    node, count = _bind_node(crm, store, criteria)
    if count > MAX_CONDITIONS:
        raise _error("CRITERIA_LIMIT_EXCEEDED", "criteria limit exceeded", max_limit=MAX_CONDITIONS)
    return node


def _bind_node(crm: Crm, store: ModuleStore, criteria: Any) -> tuple[Node, int]:
    if type(criteria) is not dict:
        raise _error("INVALID_CRITERIA", "invalid criteria")
    if "group" not in criteria:
        return _condition(crm, store, criteria), 1
    if "comparator" in criteria or "field" in criteria:
        raise _error("AMBIGUOUS_CRITERIA", "criteria is both a condition and a group")
    word, group = criteria.get("group_operator"), criteria["group"]
    if str(word).lower() not in ("and", "or"):
        raise _error("GROUP_OPERATOR_NOT_SUPPORTED", "group operator is not supported", supported=["and", "or"])
    if type(group) is not list or len(group) < 2:  # noqa: PLR2004 - a group joins two or more
        raise _error("INVALID_CRITERIA", "invalid criteria")
    node, count = _bind_node(crm, store, group[0])
    for each in group[1:]:
        right, more = _bind_node(crm, store, each)
        node, count = ConditionPair(both=str(word).lower() == "and", left=node, right=right), count + more
    return node, count


def _condition(crm: Crm, store: ModuleStore, criteria: Mapping[str, Any]) -> Node:
    field = criteria.get("field")
    # v2 has the name in the condition itself
    name = str(field.get("api_name", "") if type(field) is dict else criteria.get("api_name", ""))
    if not name or "comparator" not in criteria or "value" not in criteria:
        raise _error("INVALID_CRITERIA", "invalid criteria")
    if name.count(".") > MAX_JOINS:
        raise _error("JOIN_LIMIT_EXCEEDED", "join limit exceeded", api_name=name)
    try:
        path = FieldPath(crm, store, name)
    except UnknownPathError:
        raise _error("FIELD_IN_CRITERIA_NOT_AVAILABLE", "field in criteria is not available", api_name=name) from None
    comparator, operators = str(criteria["comparator"]), _OPERATORS_OF_KIND[path.kind]
    operator = operators.get(comparator)
    if operator is None:
        code, message = "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED", "comparator is not supported for the field"
        raise _error(code, message, api_name=name, supported=list(operators))
    return _bind_value(path, comparator, operator, criteria["value"])


def _bind_value(path: FieldPath, comparator: str, operator: str, value: Any) -> Node:
    if value == EMPTY or value is None:
        if comparator not in ("equal", "not_equal"):
            raise _not_compatible(path, comparator)
        return Condition(path=path.path, operator="is null" if operator == "=" else "is not null", operand=None, get=path.get)
    is_list = operator.endswith(("in", "between"))
    values = value if type(value) is list else str(value).split(",") if is_list else [value]
    if is_list and len(values) > MAX_VALUES:
        raise _error("VALUE_LIMIT_EXCEEDED_IN_CRITERIA", "value limit exceeded", max_limit=MAX_VALUES, api_name=path.path)
    if (type(value) is list and not is_list) or (operator.endswith("between") and len(values) != 2):  # noqa: PLR2004 - low and high
        raise _not_compatible(path, comparator)
    try:
        operands = [path.comparable(_as_text(each)) for each in values]
    except ValueError:
        message = "value does not fit the field"
        raise _error("FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", message, api_name=path.path) from None
    operand: Any = set(operands) if operator.endswith("in") else operands if is_list else operands[0]
    return Condition(path=path.path, operator=operator, operand=operand, get=path.get)


def _as_text(value: Any) -> str:
    """Return a value as text for ``FieldPath.comparable``."""
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is dict:
        value = value.get("id")
    text = str(value)
    if len(text) > MAX_TEXT:
        raise ValueError(text)
    return text


def _not_compatible(path: FieldPath, comparator: str) -> ApiError:
    message = "comparator and value do not go together"
    return _error("COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", message, api_name=path.path, comparator=comparator)


def _error(code: str, message: str, **details: Any) -> ApiError:
    return ApiError(400, code, message, **details)
