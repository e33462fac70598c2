"""Run COQL queries: resolve names, check limits, select, group and sort rows (zoho-api, section 7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from bulkzoho.sandbox.query.conditions import Condition, ConditionPair, Node, count_conditions, like, meets
from bulkzoho.sandbox.query.coql_grammar import Column, Comparison, Query, Tree
from bulkzoho.sandbox.query.grouping import AggregateCell
from bulkzoho.sandbox.query.index_choice import candidate_ids
from bulkzoho.sandbox.query.record_view import CONVERTED, FieldPath, RecordView, UnknownPathError
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.views import find_view
from bulkzoho.sandbox.unverified_behaviors import UnverifiedBehavior
from bulkzoho.sandbox.wire.errors import ApiError, invalid_module

__all__ = ["run"]

# Zoho docs, "COQL limitations" (v7); criteria from third-party notes; rows and fields are switches
MAX_REACH = 100_000  # rows by offset
MAX_CONDITIONS = 25
MAX_IN = 100
MAX_ORDER, MAX_GROUP, MAX_AGGREGATES = 10, 4, 5
ROWS_PER_TURN = 2_000  # rows scanned before other calls get a turn

_EQUALITY = {"=", "!=", "in", "not in", "is null", "is not null"}
_ORDER = {">", ">=", "<", "<=", "between", "not between"}
_OPERATORS = {
    "text": _EQUALITY | {"like", "not like"},
    "multi": _EQUALITY | {"like", "not like"},
    "number": _EQUALITY | _ORDER,
    "date": _EQUALITY | _ORDER,
    "datetime": _EQUALITY | _ORDER,
    "id": _EQUALITY | _ORDER,
    "reference": _EQUALITY,
    "boolean": {"=", "is null", "is not null"},
}


async def run(crm: Crm, query: Query) -> tuple[list[dict[str, Any]], bool]:
    """Return the rows of a query and whether there are more.

    Raises:
        ApiError: the query names unknown things or exceeds a limit.
    """
    store = crm.stores.get(_exact_name(crm, query.crm_module, crm.stores))
    if store is None:
        raise invalid_module()
    query = _expand_star(store, query)
    _check_limits(query, crm.settings.strict)
    if query.where is None and crm.settings.strict.coql_where_required:
        raise _invalid_query(reason="where clause is required", clause="where")
    where = None if query.where is None else _bind_names(crm, store, query.where)
    if count_conditions(where) > MAX_CONDITIONS:
        raise _limit_exceeded("criteria", MAX_CONDITIONS)
    in_view = _view_filter(crm, store, query.view, where)
    if query.group_by or any(each.aggregate for each in query.columns):
        rows = await _group_rows(crm, store, query, where, in_view)
        return rows[query.offset : query.offset + query.limit], len(rows) > query.offset + query.limit
    found, more = await _select_rows(crm, store, query, where, in_view)
    columns = [(each.key, _path(crm, store, each.path)) for each in query.columns]
    return [{**{key: path.output(row) for key, path in columns}, "id": str(row.record_id)} for row in found], more


def _exact_name(crm: Crm, name: str, names: Iterable[str]) -> str:
    """Return the exact spelling of *name* if names are case-insensitive."""
    if not crm.settings.strict.coql_any_case_names:
        return name
    return next((each for each in names if each.casefold() == name.casefold()), name)


def _expand_star(store: ModuleStore, query: Query) -> Query:
    """Replace ``*`` by all fields."""
    if all(each.path != "*" for each in query.columns):
        return query
    return replace(query, columns=tuple(Column(path=each) for each in store.fields))


def _view_filter(crm: Crm, store: ModuleStore, view_id: str, where: Node | None) -> Callable[[int], bool]:
    """Build the test whether a record is in the view of the query.

    Converted leads appear only in queries that mention ``Converted__s`` (seen with v8, September 2026).
    """
    if not view_id:
        if not store.converted or _mentions(where, CONVERTED) or not crm.settings.strict.coql_hides_converted:
            return lambda _record_id: True
        return lambda record_id: record_id not in store.converted
    view = find_view(crm, store, view_id)
    if view is None:
        raise _invalid_query(cvid=view_id, module=store.crm_module.api_name)
    return view.contains


def _mentions(node: Node | None, path: str) -> bool:
    """Return whether a condition mentions the field *path*."""
    if isinstance(node, ConditionPair):
        return _mentions(node.left, path) or _mentions(node.right, path)
    return node is not None and node.path == path


async def _select_rows(
    crm: Crm, store: ModuleStore, query: Query, where: Node | None, in_view: Callable[[int], bool]
) -> tuple[list[RecordView], bool]:
    """Return the rows of the page; in id order the scan stops as early as possible."""
    order = [(_path(crm, store, path), descending) for path, descending in query.order_by]
    by_id = not order or order[0][0].path in ("id", "Created_Time")  # both have the same order
    end = query.offset + query.limit
    descending = by_id and bool(order) and order[0][1]
    found: list[RecordView] = []
    for number, record_id in enumerate(candidate_ids(store, where, descending=descending)):
        if number % ROWS_PER_TURN == ROWS_PER_TURN - 1:
            await asyncio.sleep(0)
        row = RecordView(store, record_id)
        if record_id in store and meets(where, row) and in_view(record_id):
            found.append(row)
            if by_id and len(found) > end:
                break
    if not by_id:
        for path, down in reversed(order):
            found.sort(key=_sort_key(path), reverse=down)
    return found[query.offset : end], len(found) > end


def _sort_key(path: FieldPath) -> Callable[[RecordView], tuple[bool, Any]]:
    """Build a sort key that puts empty values first."""

    def key(row: RecordView) -> tuple[bool, Any]:
        value = path.get(row)
        return (False, 0) if value is None else (True, value)

    return key


async def _group_rows(
    crm: Crm, store: ModuleStore, query: Query, where: Node | None, in_view: Callable[[int], bool]
) -> list[dict[str, Any]]:
    """Return one row per group, in order of first appearance or of ORDER BY."""
    paths = {each: _path(crm, store, each) for each in query.group_by}
    columns = [(each, _path(crm, store, each.path)) for each in query.columns]
    for column, path in columns:
        if column.aggregate in ("SUM", "AVG") and path.kind != "number":
            raise _invalid_query(column_name=column.path, reason="not a number")
    if ungrouped := [each.path for each, _ in columns if not each.aggregate and each.path not in paths]:
        raise _invalid_query(column_name=ungrouped[0], clause="group by")
    groups: dict[tuple[Any, ...], list[AggregateCell]] = {} if paths else {(): _new_cells(columns)}
    for number, record_id in enumerate(candidate_ids(store, where)):
        if number % ROWS_PER_TURN == ROWS_PER_TURN - 1:
            await asyncio.sleep(0)
        row = RecordView(store, record_id)
        if record_id in store and meets(where, row) and in_view(record_id):
            key = tuple(path.get(row) for path in paths.values())
            if key not in groups:
                groups[key] = _new_cells(columns)
            for cell in groups[key]:
                cell.add(row)
    keys = [column.key for column, _ in columns]
    rows = [dict(zip(keys, [cell.value() for cell in cells], strict=True)) for cells in groups.values()]
    _sort_groups(rows, query)
    return rows


def _new_cells(columns: list[tuple[Column, FieldPath]]) -> list[AggregateCell]:
    return [AggregateCell(column, path) for column, path in columns]


def _sort_groups(rows: list[dict[str, Any]], query: Query) -> None:
    for name, descending in reversed(query.order_by):
        if rows and name not in rows[0]:
            raise _invalid_query(column_name=name, clause="order by")

        def key(row: dict[str, Any], name: str = name) -> tuple[bool, Any]:
            return row[name] is not None, row[name] or 0

        rows.sort(key=key, reverse=descending)


def _bind_names(crm: Crm, store: ModuleStore, tree: Tree) -> Node:
    if not isinstance(tree, Comparison):
        return ConditionPair(both=tree.both, left=_bind_names(crm, store, tree.left), right=_bind_names(crm, store, tree.right))
    path = _path(crm, store, tree.path)
    if tree.operator not in _OPERATORS[path.kind]:
        raise _invalid_query(column_name=tree.path, operator=tree.operator)
    try:
        operand = _operand(path, tree)
    except ValueError:
        raise _invalid_query(column_name=tree.path, operator=tree.operator, reason="invalid value") from None
    return Condition(path=tree.path, operator=tree.operator, operand=operand, get=path.get)


def _operand(path: FieldPath, tree: Comparison) -> Any:
    if tree.operand is None:
        return None
    if tree.operator.endswith("like"):
        return like(str(tree.operand).casefold())
    if isinstance(tree.operand, list):
        if len(tree.operand) > MAX_IN:
            raise _limit_exceeded("in", MAX_IN)
        values = [path.comparable(each) for each in tree.operand]
        return values if tree.operator.endswith("between") else set(values)
    return path.comparable(tree.operand)


def _check_limits(query: Query, strict: UnverifiedBehavior) -> None:
    aggregates = sum(bool(each.aggregate) for each in query.columns)
    for clause, count, limit in (
        ("select", len(query.columns), strict.coql_fields),
        ("order by", len(query.order_by), MAX_ORDER),
        ("group by", len(query.group_by), MAX_GROUP),
        ("aggregate", aggregates, MAX_AGGREGATES),
        ("limit", query.limit, strict.coql_rows),
        ("offset", query.offset + query.limit, MAX_REACH),
    ):
        if count > limit:
            raise _limit_exceeded(clause, limit)
    keys = [each.key for each in query.columns]
    if repeated := [each for each in keys if keys.count(each) > 1]:
        aliased = any(each.alias == repeated[0] for each in query.columns)
        code, message = ("DUPLICATE_ALIAS", "duplicate alias") if aliased else ("DUPLICATE_DATA", "duplicate data")
        raise ApiError(400, code, message, column_name=repeated[0])


def _exact_path(crm: Crm, store: ModuleStore, path: str) -> str:
    if not crm.settings.strict.coql_any_case_names:
        return path
    exact = []
    for part in path.split("."):
        name = _exact_name(crm, part, store.fields)
        exact.append(name)
        field = store.fields.get(name)
        if field is not None and field.target:
            store = crm.stores[field.target]
    return ".".join(exact)


def _path(crm: Crm, store: ModuleStore, path: str) -> FieldPath:
    if path.count(".") > crm.settings.strict.coql_joins:
        raise _invalid_query(column_name=path, module=store.crm_module.api_name)
    try:
        return FieldPath(crm, store, _exact_path(crm, store, path))
    except UnknownPathError:
        raise _invalid_query(column_name=path, module=store.crm_module.api_name) from None


def _invalid_query(**details: Any) -> ApiError:
    return ApiError(400, "INVALID_QUERY", "invalid query formed", **details)


def _limit_exceeded(clause: str, limit: int) -> ApiError:
    return ApiError(400, "LIMIT_EXCEEDED", "limit exceeded", clause=clause, limit=limit)
