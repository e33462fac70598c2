"""What belongs to a record and stands in a module of its own: rows of a subform, links to several records (zoho-api, 6.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.record_errors import RecordRefusedError, invalid
from bulkzoho.sandbox.records.serializer import value_of
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.schema import DataType, Field

__all__ = ["SubformRows", "shown_children", "taken_rows"]

MAX_ROWS = 200  # of one subform; Zoho docs, "Bulk Write limitations"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubformRows:
    """The checked rows of one field of one record."""

    store: ModuleStore  #: of the rows
    new: list[dict[str, Any]]
    changed: dict[int, dict[str, Any]]
    dropped: list[int]

    def write(self, crm: Crm, parent_id: int, now_s: int, by: int) -> None:
        """Write them, all of them belonging to *parent_id*."""
        parent = {self.store.crm_module.parent_field: parent_id}
        for values in self.new:
            given = {name: value for name, value in values.items() if value is not None}
            self.store.insert(crm.next_id(), {**given, **parent}, now_s)
        for record_id, values in self.changed.items():
            self.store.update(record_id, {**values, **parent}, now_s)
        for record_id in self.dropped:
            self.store.delete(record_id, now_s, by)


def taken_rows(crm: Crm, store: ModuleStore, values: dict[str, Any], record_id: int | None) -> list[SubformRows]:
    """Take the rows out of *values*, checked; *record_id* is None for a new record.

    Raises:
        RecordRefusedError: a row is wrong, or names one that is not this record's.
    """
    taken = []
    for name, field in store.child_fields.items():
        if name in values:
            rows = values.pop(name)
            child = crm.stores[field.target]
            if rows is None:  # clears the field
                mine = child.of_parent(record_id) if record_id is not None else ()
                taken.append(SubformRows(store=child, new=[], changed={}, dropped=list(mine)))
            else:
                taken.append(_checked(crm, field, child, rows, record_id))
    return taken


def _checked(crm: Crm, field: Field, child: ModuleStore, rows: list[dict[str, Any]], record_id: int | None) -> SubformRows:
    checker, mine = crm.checkers[child.crm_module.api_name], child.of_parent(record_id) if record_id is not None else ()
    found = SubformRows(store=child, new=[], changed={}, dropped=[])
    for position, row in enumerate(rows):
        path = f"{field.api_name}[{position}]"
        row_id = record_id_of(row["id"]) if "id" in row else None
        if "id" in row and row_id not in mine:
            raise _of_row(invalid(), path, "id")
        if row_id is not None and "_delete" in row:
            found.dropped.append(row_id)
            continue
        try:
            values = checker.values(row)
            if row_id is None:
                checker.refuse_incomplete(values)
        except RecordRefusedError as refused:
            raise _of_row(refused, path, refused.api_name) from None
        if row_id is None:
            found.new.append(values)
        else:
            found.changed[row_id] = values
    if len(mine) + len(found.new) - len(found.dropped) > MAX_ROWS:
        raise _of_row(RecordRefusedError("LIMIT_EXCEEDED", "limit exceeded", limit=MAX_ROWS), field.api_name, "")
    return found


def _of_row(refused: RecordRefusedError, path: str, name: str) -> RecordRefusedError:
    refused.api_name = f"{path}.{name}" if name else path
    return refused


def shown_children(crm: Crm, store: ModuleStore, record_id: int, names: list[str] | None = None) -> dict[str, Any]:
    """Give the rows of a record as the single-record call shows them: those of the fields *names*, or all."""
    told: dict[str, Any] = {}
    for name, field in store.child_fields.items():
        if names is None or name in names:
            child = crm.stores[field.target]
            told[name] = [_shown(crm, field, child, each) for each in child.of_parent(record_id)]
    if told:
        told["$has_more"] = dict.fromkeys(told, False)
    return told


def _shown(crm: Crm, field: Field, child: ModuleStore, record_id: int) -> dict[str, Any]:
    values, parent = child.values(record_id), child.crm_module.parent_field
    names = [each.api_name for each in child.crm_module.fields if each.writable and each.api_name not in ("Owner", parent)]
    row = {name: value_of(crm, child, record_id, values, name) for name in names}
    if field.data_type is DataType.SUBFORM:
        row[parent] = value_of(crm, child, record_id, values, parent)
    return {"id": str(record_id), **row}
