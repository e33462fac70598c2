"""Which records a query needs to look at: those of an index where one helps, else all."""

from __future__ import annotations

from collections.abc import Iterator

from bulkzoho.sandbox.query.conditions import Condition, ConditionPair, Node
from bulkzoho.sandbox.state.module_store import ModuleStore

__all__ = ["candidates"]


def candidates(store: ModuleStore, where: Node | None, *, falling: bool = False) -> Iterator[int]:
    """Give ids that hold all records which meet *where*, in the order of their ids."""
    known = _known(store, where)
    if known is not None:
        return iter(sorted(known, reverse=falling))
    if falling:
        return store.falling()
    after, made_s = _bounds(where)
    return store.made_since(made_s) if made_s is not None and not after else store.rising(after)


def _known(store: ModuleStore, node: Node | None) -> set[int] | None:
    """Give the ids that an index names, or None where none helps."""
    if isinstance(node, ConditionPair):
        left, right = _known(store, node.left), _known(store, node.right)
        if node.both:
            return right if left is None else left if right is None else left & right
        return None if left is None or right is None else left | right
    if not isinstance(node, Condition) or node.operator not in ("=", "in"):
        return None
    values = node.operand if node.operator == "in" else [node.operand]
    if node.path == "id":
        return {each for each in values if each in store}
    index = store.keys.get(node.path)
    return None if index is None else {found for each in values for found in index.find(each)}


def _bounds(node: Node | None) -> tuple[int, int | None]:
    """Give what all records that meet the conditions have: an id above this one, and made at this second or later."""
    if isinstance(node, ConditionPair):
        if not node.both:
            return 0, None
        (left, left_s), (right, right_s) = _bounds(node.left), _bounds(node.right)
        return max(left, right), left_s if right_s is None else right_s if left_s is None else max(left_s, right_s)
    if isinstance(node, Condition) and node.operator in (">", ">=", "between"):
        low = node.operand[0] if node.operator == "between" else node.operand
        if node.path == "id":
            return low - (node.operator != ">"), None
        if node.path == "Created_Time":
            return 0, low
    return 0, None
