"""Which records of the recycle bin a restoration is about: conditions and groups on what the bin shows of a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bulkzoho.sandbox.state.clock import epoch
from bulkzoho.sandbox.wire.errors import ApiError

__all__ = ["filter_of"]

Told = Mapping[str, Any]  # an element of ``recycle_bin``
_FIELDS: dict[str, Callable[[Told], Any]] = {
    "module": lambda told: told["module"]["api_name"],
    "display_name": lambda told: told["display_name"] or "",
    "owner": lambda told: told["owner"]["id"],
    "deleted_by": lambda told: told["deleted_by"]["id"],
    "deleted_time": lambda told: epoch(told["deleted_time"]),
}
_COMPARATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equal": lambda value, wanted: bool(value == wanted),
    "not_equal": lambda value, wanted: bool(value != wanted),
    "contains": lambda value, wanted: str(wanted).casefold() in str(value).casefold(),
    "starts_with": lambda value, wanted: str(value).casefold().startswith(str(wanted).casefold()),
    "between": lambda value, wanted: bool(wanted[0] <= value <= wanted[1]),
    "greater_equal": lambda value, wanted: bool(value >= wanted),
    "less_equal": lambda value, wanted: bool(value <= wanted),
}


def filter_of(told: Any) -> Callable[[Told], bool]:
    """Make the test that ``filters`` asks for.

    Raises:
        Refusal: it cannot be read; the details name the key.
    """
    if type(told) is not dict:
        raise _wrong("filters", "$.filters")
    if "group" in told:
        if str(told.get("group_operator")).upper() not in ("AND", "OR") or type(told["group"]) is not list:
            raise _wrong("group_operator", "$.group_operator")
        tests = [filter_of(each) for each in told["group"]]
        joined = all if str(told["group_operator"]).upper() == "AND" else any
        return lambda record: joined(test(record) for test in tests)
    field = told.get("field")
    name = str(field.get("api_name")) if type(field) is dict else ""
    read = _FIELDS.get(name)
    if read is None:
        raise _wrong("field", "$.field")
    compare = _COMPARATORS.get(str(told.get("comparator")))
    if compare is None:
        raise _wrong("comparator", "$.comparator")
    wanted = _wanted(name, told.get("value"), str(told["comparator"]))
    return lambda record: compare(read(record), wanted)


def _wanted(name: str, value: Any, comparator: str) -> Any:
    """Give the value in the form that is compared: an instant, an id, or a text."""
    values = value if comparator == "between" else [value]
    if type(values) is not list or len(values) != (2 if comparator == "between" else 1):
        raise _wrong("value", "$.value")
    try:
        made = [epoch(each) if name == "deleted_time" else _text(each) for each in values]
    except (TypeError, ValueError):
        raise _wrong("value", "$.value") from None
    return made if comparator == "between" else made[0]


def _text(value: Any) -> str:
    """Give a text as it is, and what names a thing by its id or API name."""
    if type(value) is dict:
        value = value.get("id") or value.get("api_name")
    if type(value) is not str:
        raise TypeError(value)
    return value


def _wrong(name: str, path: str) -> ApiError:
    return ApiError(400, "INVALID_DATA", f"Please provide a valid {name}", api_name=name, json_path=path, param_name="filters")
