"""Choose the records that a query scans: those found by an index, otherwise all."""

from __future__ import annotations

from collections.abc import Iterator

from bulkzoho.sandbox.query.conditions import Condition, ConditionPair, Node
from bulkzoho.sandbox.state.module_store import ModuleStore

__all__ = ["candidate_ids"]


def candidate_ids(store: ModuleStore, where: Node | None, *, descending: bool = False) -> Iterator[int]:
    """Iterate over ids in order; they include all records that meet *where*."""
    indexed_ids = _ids_from_index(store, where)
    if indexed_ids is not None:
        return iter(sorted(indexed_ids, reverse=descending))
    if descending:
        return store.descending_ids()
    after_id, created_s = _lower_bounds(where)
    return store.ids_created_since(created_s) if created_s is not None and not after_id else store.ascending_ids(after_id)


def _ids_from_index(store: ModuleStore, node: Node | None) -> set[int] | None:
    """Return the ids found by an index, or None if no index applies."""
    if isinstance(node, ConditionPair):
        left, right = _ids_from_index(store, node.left), _ids_from_index(store, node.right)
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


def _lower_bounds(node: Node | None) -> tuple[int, int | None]:
    """Return an exclusive lower bound of the ids and an inclusive one of the creation times of all matching records."""
    if isinstance(node, ConditionPair):
        if not node.both:
            return 0, None
        (left, left_s), (right, right_s) = _lower_bounds(node.left), _lower_bounds(node.right)
        return max(left, right), left_s if right_s is None else right_s if left_s is None else max(left_s, right_s)
    if isinstance(node, Condition) and node.operator in (">", ">=", "between"):
        low = node.operand[0] if node.operator == "between" else node.operand
        if node.path == "id":
            return low - (node.operator != ">"), None
        if node.path == "Created_Time":
            return 0, low
    return 0, None
