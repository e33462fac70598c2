"""Parse the filters of a restore call: conditions and groups on entries of the recycle bin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bulkzoho.sandbox.state.clock import parse_timestamp
from bulkzoho.sandbox.wire.errors import ApiError

__all__ = ["parse_filters"]

Entry = Mapping[str, Any]  # an element of ``recycle_bin``
_FIELDS: dict[str, Callable[[Entry], Any]] = {
    "module": lambda entry: entry["module"]["api_name"],
    "display_name": lambda entry: entry["display_name"] or "",
    "owner": lambda entry: entry["owner"]["id"],
    "deleted_by": lambda entry: entry["deleted_by"]["id"],
    "deleted_time": lambda entry: parse_timestamp(entry["deleted_time"]),
}
_COMPARATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equal": lambda value, expected: bool(value == expected),
    "not_equal": lambda value, expected: bool(value != expected),
    "contains": lambda value, expected: str(expected).casefold() in str(value).casefold(),
    "starts_with": lambda value, expected: str(value).casefold().startswith(str(expected).casefold()),
    "between": lambda value, expected: bool(expected[0] <= value <= expected[1]),
    "greater_equal": lambda value, expected: bool(value >= expected),
    "less_equal": lambda value, expected: bool(value <= expected),
}


def parse_filters(entry: Any) -> Callable[[Entry], bool]:
    """Build the test of ``filters``.

    Raises:
        ApiError: the filters are invalid; the details name the key.
    """
    if type(entry) is not dict:
        raise _invalid_filter("filters", "$.filters")
    if "group" in entry:
        if str(entry.get("group_operator")).upper() not in ("AND", "OR") or type(entry["group"]) is not list:
            raise _invalid_filter("group_operator", "$.group_operator")
        tests = [parse_filters(each) for each in entry["group"]]
        joined = all if str(entry["group_operator"]).upper() == "AND" else any
        return lambda record: joined(test(record) for test in tests)
    field = entry.get("field")
    name = str(field.get("api_name")) if type(field) is dict else ""
    read = _FIELDS.get(name)
    if read is None:
        raise _invalid_filter("field", "$.field")
    compare = _COMPARATORS.get(str(entry.get("comparator")))
    if compare is None:
        raise _invalid_filter("comparator", "$.comparator")
    expected = _parse_value(name, entry.get("value"), str(entry["comparator"]))
    return lambda record: compare(read(record), expected)


def _parse_value(name: str, value: Any, comparator: str) -> Any:
    """Return the value in comparable form: a timestamp, an id or a string."""
    values = value if comparator == "between" else [value]
    if type(values) is not list or len(values) != (2 if comparator == "between" else 1):
        raise _invalid_filter("value", "$.value")
    try:
        parsed = [parse_timestamp(each) if name == "deleted_time" else _text(each) for each in values]
    except (TypeError, ValueError):
        raise _invalid_filter("value", "$.value") from None
    return parsed if comparator == "between" else parsed[0]


def _text(value: Any) -> str:
    """Return a string, or the id or API name of an object."""
    if type(value) is dict:
        value = value.get("id") or value.get("api_name")
    if type(value) is not str:
        raise TypeError(value)
    return value


def _invalid_filter(name: str, path: str) -> ApiError:
    return ApiError(400, "INVALID_DATA", f"Please provide a valid {name}", api_name=name, json_path=path, param_name="filters")
