"""Parse search criteria (zoho-api, section 5.7).  ``equals`` on text means contains."""

from __future__ import annotations

import re
from typing import Any

from bulkzoho.sandbox.query.conditions import Condition, ConditionPair, Node, count_conditions
from bulkzoho.sandbox.query.record_view import FieldPath, UnknownPathError
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.wire.errors import ApiError

__all__ = ["parse_criteria"]

MAX_CRITERIA = 10  # Zoho docs, "Search Records" (v7)
MAX_IN = 100
_OPERATOR_OF = {
    "equals": "=",
    "not_equal": "!=",
    "greater_than": ">",
    "greater_equal": ">=",
    "less_than": "<",
    "less_equal": "<=",
    "between": "between",
    "in": "in",
    "starts_with": "starts",
}
_ORDERED = {"equals", "not_equal", "greater_equal", "greater_than", "less_equal", "less_than", "between", "in"}
_OPERATORS = {
    "text": {"equals", "not_equal", "starts_with", "in"},
    "multi": {"equals", "not_equal", "starts_with", "in"},
    "number": _ORDERED,
    "date": _ORDERED,
    "datetime": _ORDERED,
    "boolean": {"equals", "not_equal"},
    "reference": {"equals", "not_equal", "in"},
    "id": {"equals", "not_equal", "in"},
}
_PIECE = re.compile(r"\\.|[^\\]", re.DOTALL)


def parse_criteria(crm: Crm, store: ModuleStore, text: str) -> Node:
    r"""Parse criteria such as ``((Last_Name:equals:Burns\\,B)and(City:equals:Oslo))``.

    Raises:
        ApiError: INVALID_QUERY, or too many criteria.
    """
    node = _CriteriaParser(crm, store, text).parse()
    if count_conditions(node) > MAX_CRITERIA:
        raise ApiError(400, "LIMIT_EXCEEDED", "criteria limit exceeded", limit=MAX_CRITERIA, param_name="criteria")
    return node


class _CriteriaParser:
    """Parser of criteria; an escaped character is one piece and never syntax."""

    def __init__(self, crm: Crm, store: ModuleStore, text: str) -> None:
        self._crm = crm
        self._store = store
        self._pieces = _PIECE.findall(text)
        self._at = 0

    def parse(self) -> Node:
        """Parse the whole text; a single criterion needs no parentheses."""
        node = self._group() if self._next() == "(" else self._criterion()
        while self._at < len(self._pieces):  # (A)and(B) without outer parentheses
            node = self._join(node)
        return node

    def _group(self) -> Node:
        self._take("(")
        if self._next() != "(":
            node = self._criterion()
        else:
            node = self._group()
            while self._next() != ")":
                node = self._join(node)
        self._take(")")
        return node

    def _join(self, left: Node) -> Node:
        for word in ("and", "or"):
            if "".join(self._pieces[self._at : self._at + len(word)]) == word:
                self._at += len(word)
                return ConditionPair(both=word == "and", left=left, right=self._group())
        raise _invalid_criteria("the criteria cannot be read")

    def _criterion(self) -> Node:
        start, depth = self._at, 0
        while self._at < len(self._pieces) and not (self._next() == ")" and depth == 0):
            self._at += 1
        pieces = self._pieces[start : self._at]
        raw = "".join(pieces)
        name, _, rest = raw.partition(":")
        operator, colon, value = rest.partition(":")
        if not colon:
            raise _invalid_criteria("a criterion is field:operator:value")
        return self._bind(name.strip(), operator.strip(), value)

    def _bind(self, name: str, operator: str, value: str) -> Node:
        try:
            path = FieldPath(self._crm, self._store, name)
        except UnknownPathError:
            raise _invalid_criteria("the field is not there", api_name=name) from None
        if operator not in _OPERATORS[path.kind]:
            raise _invalid_criteria("the operator does not fit the field", operator=operator, api_name=name)
        values = _split_values(value) if operator in ("in", "between") else [_unescape(value)]
        if len(values) > MAX_IN or (operator == "between" and len(values) != 2):  # noqa: PLR2004 - low and high
            raise _invalid_criteria("wrong number of values", operator=operator)
        try:
            operands = [path.comparable(each) for each in values]
        except ValueError:
            raise _invalid_criteria("the value does not fit the field", api_name=name, value=value) from None
        query_operator = "contains" if operator == "equals" and path.kind in ("text", "multi") else _OPERATOR_OF[operator]
        operand: Any = set(operands) if query_operator == "in" else operands if query_operator == "between" else operands[0]
        return Condition(path=name, operator=query_operator, operand=operand, get=path.get)

    def _next(self) -> str:
        return self._pieces[self._at] if self._at < len(self._pieces) else ""

    def _take(self, wanted: str) -> None:
        if self._next() != wanted:
            raise _invalid_criteria("the criteria cannot be read")
        self._at += 1


def _split_values(text: str) -> list[str]:
    """Split at unescaped commas."""
    values = [""]
    for piece in _PIECE.findall(text):
        if piece == ",":
            values.append("")
        else:
            values[-1] += piece[-1]
    return values


def _unescape(text: str) -> str:
    return "".join(piece[-1] for piece in _PIECE.findall(text))


def _invalid_criteria(reason: str, **details: Any) -> ApiError:
    return ApiError(400, "INVALID_QUERY", "Invalid query formed", reason=reason, param_name="criteria", **details)
