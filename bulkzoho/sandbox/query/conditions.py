"""Condition trees and their evaluation, shared by COQL, search and bulk read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bulkzoho.sandbox.query.record_view import RecordView

__all__ = ["Condition", "ConditionPair", "Node", "Operator", "count_conditions", "meets"]

Operator = (
    str  # = != < <= > >= like, not like, in, not in, between, not between, is null, is not null, (not) contains, starts, ends
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison.  *operand* is in comparable form: see ``FieldPath.comparable``."""

    path: str
    operator: Operator
    operand: Any
    get: Callable[[RecordView], Any]  #: returns the record's comparable value, or None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionPair:
    """Two conditions joined by AND or OR."""

    both: bool
    left: Node
    right: Node


Node = Condition | ConditionPair


def meets(node: Node | None, row: RecordView) -> bool:
    """Return whether *row* meets the conditions; None matches every record."""
    if node is None:
        return True
    if isinstance(node, ConditionPair):
        if node.both:
            return meets(node.left, row) and meets(node.right, row)
        return meets(node.left, row) or meets(node.right, row)
    return _TESTS[node.operator](node.get(row), node.operand)


def count_conditions(node: Node | None) -> int:
    """Return the number of comparisons in the tree."""
    if isinstance(node, ConditionPair):
        return count_conditions(node.left) + count_conditions(node.right)
    return 0 if node is None else 1


def like(pattern: str) -> Callable[[str], bool]:
    """Build a test for a pattern with ``%`` wildcards."""
    expression = ".*".join(re.escape(piece) for piece in pattern.split("%"))
    fits = re.compile(expression, re.DOTALL).fullmatch
    return lambda text: fits(text) is not None


_TESTS: dict[Operator, Callable[[Any, Any], bool]] = {
    "=": lambda value, operand: value is not None and value == operand,
    "!=": lambda value, operand: value is None or value != operand,
    "<": lambda value, operand: value is not None and value < operand,
    "<=": lambda value, operand: value is not None and value <= operand,
    ">": lambda value, operand: value is not None and value > operand,
    ">=": lambda value, operand: value is not None and value >= operand,
    "in": lambda value, operand: value is not None and value in operand,
    "not in": lambda value, operand: value is None or value not in operand,
    "between": lambda value, operand: value is not None and operand[0] <= value <= operand[1],
    "not between": lambda value, operand: value is None or not operand[0] <= value <= operand[1],
    "like": lambda value, operand: value is not None and operand(value),
    "not like": lambda value, operand: value is None or not operand(value),
    "is null": lambda value, _operand: value is None,
    "is not null": lambda value, _operand: value is not None,
    "contains": lambda value, operand: value is not None and operand in value,
    "not contains": lambda value, operand: value is None or operand not in value,
    "ends": lambda value, operand: value is not None and value.endswith(operand),
    "starts": lambda value, operand: value is not None and value.startswith(operand),
}
