"""Serialize records: references as objects, times in the organization's zone, null for requested empty fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import CONVERTED_AT, ModuleStore, display_name, full_name
from bulkzoho.sandbox.state.schema import DataType, Field

__all__ = ["full_record", "is_known", "serialize", "value_of"]


def value_of(crm: Crm, store: ModuleStore, record_id: int, values: dict[str, Any], name: str) -> Any:
    """Return one field of a record in response format; None if it is empty."""
    if name in _COMPUTED:
        return _COMPUTED[name](crm, store, record_id, values)
    field, value = store.fields.get(name), values.get(name)
    if field is None:
        return None
    if field.data_type in (DataType.OWNER, DataType.USER):
        user = crm.user(value) if value is not None else crm.administrator
        return user and {"name": user.full_name, "id": str(user.id), "email": user.email}
    if field.data_type is DataType.LOOKUP and value is not None:
        return {"name": _display_name_of(crm, field, value), "id": str(value)}
    if type(value) is str and crm.settings.strict.escaped_entities:
        return escape(value, quote=False)
    return value


_COMPUTED: dict[str, Callable[[Crm, ModuleStore, int, dict[str, Any]], Any]] = {
    "id": lambda _crm, _store, record_id, _values: str(record_id),
    "Created_Time": lambda crm, store, record_id, _values: crm.zone.format(store.created_s(record_id)),
    "Modified_Time": lambda crm, store, record_id, _values: crm.zone.format(store.modified_s(record_id)),
    "Full_Name": lambda _crm, _store, _record_id, values: full_name(values),
    "$approval_state": lambda *_: "approved",
    "Record_Status__s": lambda *_: "Available",
    "Locked__s": lambda *_: False,
    "Converted__s": lambda _crm, store, record_id, _values: record_id in store.converted,
    CONVERTED_AT: lambda _crm, _store, _record_id, values: values.get(CONVERTED_AT),
}


def is_known(store: ModuleStore, name: str) -> bool:
    """Return whether responses can include a field of this name."""
    return name in store.fields or (name in _COMPUTED and name != "Full_Name")


def _display_name_of(crm: Crm, field: Field, record_id: int) -> str | None:
    target = crm.stores[field.target]
    return display_name(target.crm_module, target.values(record_id)) if record_id in target else None


def serialize(crm: Crm, store: ModuleStore, record_id: int, names: Sequence[str]) -> dict[str, Any]:
    """Return the fields *names* of a record and its id."""
    values = store.values(record_id)
    return {"id": str(record_id), **{name: value_of(crm, store, record_id, values, name) for name in names}}


def full_record(crm: Crm, store: ModuleStore, record_id: int) -> dict[str, Any]:
    """Return the non-empty fields of a record, its id and both times; for tests, not for responses."""
    values = store.values(record_id)
    names = (*values, "Created_Time", "Modified_Time")
    return {"id": str(record_id), **{name: value_of(crm, store, record_id, values, name) for name in names}}
