"""Child records: subform rows and links of multi-select lookups (zoho-api, 6.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.record_errors import RecordRefusedError, invalid
from bulkzoho.sandbox.records.serializer import value_of
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.schema import DataType, Field

__all__ = ["SubformRows", "serialize_children", "take_child_rows"]

MAX_ROWS = 200  # rows of one subform; Zoho docs, "Bulk Write limitations"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubformRows:
    """Validated rows of one child field of one record."""

    store: ModuleStore  #: store of the child module
    new: list[dict[str, Any]]
    changed: dict[int, dict[str, Any]]
    dropped: list[int]

    def write(self, crm: Crm, parent_id: int, now_s: int, by: int) -> None:
        """Write the rows as children of *parent_id*."""
        parent = {self.store.crm_module.parent_field: parent_id}
        for values in self.new:
            filled = {name: value for name, value in values.items() if value is not None}
            self.store.insert(crm.next_id(), {**filled, **parent}, now_s)
        for record_id, values in self.changed.items():
            self.store.update(record_id, {**values, **parent}, now_s)
        for record_id in self.dropped:
            self.store.delete(record_id, now_s, by)


def take_child_rows(crm: Crm, store: ModuleStore, values: dict[str, Any], record_id: int | None) -> list[SubformRows]:
    """Remove the child rows from *values* and return them validated; *record_id* is None for a new record.

    Raises:
        RecordRefusedError: a row is invalid, or its id belongs to another record.
    """
    children = []
    for name, field in store.child_fields.items():
        if name in values:
            rows = values.pop(name)
            child = crm.stores[field.target]
            if rows is None:  # clears the field
                own_ids = child.children_of(record_id) if record_id is not None else ()
                children.append(SubformRows(store=child, new=[], changed={}, dropped=list(own_ids)))
            else:
                children.append(_validate(crm, field, child, rows, record_id))
    return children


def _validate(crm: Crm, field: Field, child: ModuleStore, rows: list[dict[str, Any]], record_id: int | None) -> SubformRows:
    checker, own_ids = crm.checkers[child.crm_module.api_name], child.children_of(record_id) if record_id is not None else ()
    result = SubformRows(store=child, new=[], changed={}, dropped=[])
    for position, row in enumerate(rows):
        path = f"{field.api_name}[{position}]"
        row_id = record_id_of(row["id"]) if "id" in row else None
        if "id" in row and row_id not in own_ids:
            raise _at_row(invalid(), path, "id")
        if row_id is not None and "_delete" in row:
            result.dropped.append(row_id)
            continue
        try:
            values = checker.values(row)
            if row_id is None:
                checker.require_mandatory(values)
        except RecordRefusedError as rejection:
            raise _at_row(rejection, path, rejection.api_name) from None
        if row_id is None:
            result.new.append(values)
        else:
            result.changed[row_id] = values
    if len(own_ids) + len(result.new) - len(result.dropped) > MAX_ROWS:
        raise _at_row(RecordRefusedError("LIMIT_EXCEEDED", "limit exceeded", limit=MAX_ROWS), field.api_name, "")
    return result


def _at_row(rejection: RecordRefusedError, path: str, name: str) -> RecordRefusedError:
    rejection.api_name = f"{path}.{name}" if name else path
    return rejection


def serialize_children(crm: Crm, store: ModuleStore, record_id: int, names: list[str] | None = None) -> dict[str, Any]:
    """Return the child rows of a record as in the single-record call, for the fields *names* or all."""
    rows_by_field: dict[str, Any] = {}
    for name, field in store.child_fields.items():
        if names is None or name in names:
            child = crm.stores[field.target]
            rows_by_field[name] = [_serialize_row(crm, field, child, each) for each in child.children_of(record_id)]
    if rows_by_field:
        rows_by_field["$has_more"] = dict.fromkeys(rows_by_field, False)
    return rows_by_field


def _serialize_row(crm: Crm, field: Field, child: ModuleStore, record_id: int) -> dict[str, Any]:
    values, parent = child.values(record_id), child.crm_module.parent_field
    names = [each.api_name for each in child.crm_module.fields if each.writable and each.api_name not in ("Owner", parent)]
    row = {name: value_of(crm, child, record_id, values, name) for name in names}
    if field.data_type is DataType.SUBFORM:
        row[parent] = value_of(crm, child, record_id, values, parent)
    return {"id": str(record_id), **row}
