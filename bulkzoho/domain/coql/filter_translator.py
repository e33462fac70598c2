"""Translate conditions to COQL and to bulk-read criteria.  Pure.

Sources of what each API can compare: docs "COQL" (v7) and "Bulk Read: create job" (v7).  A condition that an API cannot express
is refused with the field and the operator, before anything is sent.  The list takes no conditions, and the search, which does,
is not fit for exports: see docs/decisions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from bulkzoho.domain.coql.builder import quoted
from bulkzoho.domain.coql.filter_parser import BooleanFilter, Comparison, Condition, Operator
from bulkzoho.domain.model.limits_and_costs import BULK_READ_IN_VALUES, COQL_IN_VALUES
from bulkzoho.domain.model.metadata import REFERENCE_TYPES, FieldMetadata
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.domain.transform.numbers import number_text
from bulkzoho.errors import RefusedError

__all__ = ["to_bulk_read", "to_coql"]

# Both take 25, of which an export needs some itself: two times, and for COQL converted leads and the limits of a range of ids
MAX_CONDITIONS: Final = {"COQL": 20, "bulk read": 23}
MAX_VALUES: Final = {"COQL": COQL_IN_VALUES, "bulk read": BULK_READ_IN_VALUES}

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_ID: Final = re.compile(r"[0-9]{1,19}").fullmatch
_NUMBERS: Final = frozenset({"integer", "bigint", "double", "currency", "percent"})
_REFERENCES: Final = REFERENCE_TYPES | {"id"}

_SAME: Final = frozenset({Operator.EQUAL, Operator.NOT_EQUAL, Operator.IN, Operator.NOT_IN, Operator.NULL, Operator.NOT_NULL})
_ORDER: Final = frozenset({
    Operator.GREATER,
    Operator.GREATER_EQUAL,
    Operator.LESS,
    Operator.LESS_EQUAL,
    Operator.BETWEEN,
    Operator.NOT_BETWEEN,
})  # fmt: skip
_LIKE: Final = frozenset({Operator.LIKE, Operator.NOT_LIKE})
_OPERATORS: Final[Mapping[str, frozenset[Operator]]] = {
    "text": _SAME | _LIKE,
    "number": _SAME | _ORDER,
    "day": _SAME | _ORDER,
    "time": _SAME | _ORDER,
    "reference": _SAME,
    "boolean": frozenset({Operator.EQUAL, Operator.NOT_EQUAL}),
}

_BULK_WORDS: Final = {
    Operator.EQUAL: "equal",
    Operator.NOT_EQUAL: "not_equal",
    Operator.IN: "in",
    Operator.NOT_IN: "not_in",
    Operator.GREATER: "greater_than",
    Operator.GREATER_EQUAL: "greater_equal",
    Operator.LESS: "less_than",
    Operator.LESS_EQUAL: "less_equal",
    Operator.BETWEEN: "between",
    Operator.NOT_BETWEEN: "not_between",
    Operator.NULL: "equal",
    Operator.NOT_NULL: "not_equal",
}
_EMPTY: Final = "${EMPTY}"  # no value; docs "Bulk Read" (v7)


def to_coql(condition: Condition) -> str:
    """Return *condition* (bound to its fields) as COQL, bracketed in pairs.

    Raises:
        RefusedError: COQL cannot express it.
    """
    _refuse_too_many(condition, route="COQL")
    return _coql(condition)


def to_bulk_read(condition: Condition) -> dict[str, Any]:
    """Return *condition* (bound to its fields) as the criteria of a bulk read.

    Raises:
        RefusedError: A bulk read cannot express it.
    """
    _refuse_too_many(condition, route="bulk read")
    return _bulk(condition)


def _coql(part: Condition) -> str:
    if isinstance(part, BooleanFilter):
        sides = [f"({_coql(side)})" if isinstance(side, BooleanFilter) else _coql(side) for side in (part.left, part.right)]
        return f"{sides[0]} {'and' if part.both else 'or'} {sides[1]}"
    field, kind = _checked(part, route="COQL")
    name, values = field.api_name, [_coql_value(value, kind) for value in part.values]
    match part.operator:
        case Operator.NULL | Operator.NOT_NULL:
            return f"{name} {part.operator}"
        case Operator.IN | Operator.NOT_IN:
            return f"{name} {part.operator} ({', '.join(values)})"
        case Operator.BETWEEN | Operator.NOT_BETWEEN:
            return f"{name} {part.operator} {values[0]} and {values[1]}"
        case Operator.NOT_EQUAL if kind == "boolean":  # COQL has only = for booleans
            return f"{name} = {'false' if values[0] == 'true' else 'true'}"
        case _:
            return f"{name} {part.operator} {values[0]}"


def _coql_value(value: str, kind: str) -> str:
    return value if kind == "number" else value.casefold() if kind == "boolean" else quoted(value)


def _bulk(part: Condition) -> dict[str, Any]:
    if isinstance(part, BooleanFilter):
        return {"group_operator": "and" if part.both else "or", "group": [_bulk(part.left), _bulk(part.right)]}
    field, kind = _checked(part, route="bulk read")
    operator, values = part.operator, [_bulk_value(value, kind) for value in part.values]
    value: Any
    if operator in _LIKE:
        word, value = _bulk_like(part)
    elif operator in (Operator.BETWEEN, Operator.NOT_BETWEEN) and kind == "number":
        raise _unsupported(part, route="bulk read")  # it has them only for times
    elif operator is Operator.NOT_EQUAL and kind == "boolean":
        word, value = "equal", not values[0]
    else:
        word = _BULK_WORDS[operator]
        several = operator in (Operator.IN, Operator.NOT_IN, Operator.BETWEEN, Operator.NOT_BETWEEN)
        value = values if several else values[0] if values else _EMPTY
    return {"field": {"api_name": field.api_name}, "comparator": word, "value": value}


def _bulk_like(part: Comparison) -> tuple[str, str]:
    pattern, negated = part.values[0], part.operator is Operator.NOT_LIKE
    begins, ends = pattern.startswith("%"), pattern.endswith("%")
    text = pattern.strip("%")
    if begins and ends:
        return ("not_contains" if negated else "contains"), text
    if negated or not (begins or ends):
        raise _unsupported(part, route="bulk read")
    return ("ends_with" if begins else "starts_with"), text


def _bulk_value(value: str, kind: str) -> Any:
    if kind == "number":
        return ExactNumber(number_text(value) or value)  # its own digits, never through a float
    return value.casefold() == "true" if kind == "boolean" else value


def _checked(part: Comparison, *, route: str) -> tuple[FieldMetadata, str]:
    """Return the field and its kind; refuse an operator or a value that it does not take."""
    field = part.field
    assert field is not None, "not bound to a module"
    kind = _kind(field)
    if part.operator not in _OPERATORS[kind]:
        raise _unsupported(part, route=route)
    if part.operator in _LIKE and "%" in part.values[0][1:-1]:
        raise _unsupported(part, route=route)
    if len(part.values) > MAX_VALUES[route]:
        raise RefusedError(
            f"--where: {field.api_name} {part.operator} has {len(part.values)} values; {route} takes {MAX_VALUES[route]}.",
            hint="Split it into several exports.",
            code="INVALID_WHERE",
        )
    for value in part.values:
        if not _fits(value, kind):
            raise RefusedError(
                f"--where: {field.api_name} is a {field.data_type}, and {value!r} is not.",
                hint="Write numbers with digits, days as 2026-02-01, times as 2026-02-01T10:00:00+01:00, lookups as ids.",
                code="INVALID_WHERE",
            )
    return field, kind


def _kind(field: FieldMetadata) -> str:
    if field.data_type in _NUMBERS:
        return "number"
    if field.data_type in _REFERENCES:
        return "reference"
    if field.data_type in ("date", "datetime"):
        return "day" if field.data_type == "date" else "time"
    return "boolean" if field.data_type == "boolean" else "text"


def _fits(value: str, kind: str) -> bool:
    match kind:
        case "number":
            return _NUMBER(value) is not None
        case "reference":
            return _ID(value) is not None
        case "boolean":
            return value.casefold() in ("true", "false")
        case "day" | "time":
            return _is_moment(value, day=kind == "day")
    return True


def _is_moment(value: str, *, day: bool) -> bool:
    try:
        if day:
            return "T" not in value and bool(date.fromisoformat(value))
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _refuse_too_many(condition: Condition, *, route: str) -> None:
    count, most = sum(1 for _ in _comparisons(condition)), MAX_CONDITIONS[route]
    if count > most:
        raise RefusedError(
            f"--where has {count} comparisons; {route} takes {most}.", hint="Split it into several exports.", code="INVALID_WHERE"
        )


def _comparisons(part: Condition) -> Iterator[Comparison]:
    if isinstance(part, BooleanFilter):
        yield from _comparisons(part.left)
        yield from _comparisons(part.right)
    else:
        yield part


def _unsupported(part: Comparison, *, route: str) -> RefusedError:
    field = part.field
    kind = field.data_type if field else "field"
    return RefusedError(
        f"--where: {route} cannot express {part.name} {part.operator} ({kind}).",
        hint="Use another operator or another --route.",
        code="INVALID_WHERE",
    )
