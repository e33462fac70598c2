"""Format field values as cells of a bulk read file (zoho-api, sections 6.1 and 8.4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from bulkzoho.sandbox.query.record_view import FieldPath, RecordView, UnknownPathError
from bulkzoho.sandbox.records.serializer import value_of
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import ModuleStore, is_reference
from bulkzoho.sandbox.state.schema import DataType
from bulkzoho.sandbox.unverified_behaviors import UnverifiedBehavior

__all__ = ["CellFormatter", "cell_formatter"]

CellFormatter = Callable[[RecordView], str]

_USER_ATTRIBUTES = ("id", "first_name", "last_name", "full_name", "email")  # selectable by a dotted name


def cell_formatter(crm: Crm, store: ModuleStore, name: str) -> CellFormatter:
    """Build the formatter of a field, optionally through lookups or users: ``Owner.last_name``.

    Raises:
        UnknownPathError: the field does not exist.
    """
    head, _, tail = name.rpartition(".")
    if head in store.fields and store.fields[head].data_type in (DataType.OWNER, DataType.USER):
        if tail not in _USER_ATTRIBUTES:
            raise UnknownPathError(name)
        get = FieldPath(crm, store, head).get
        return lambda row: str(getattr(crm.user(get(row)) or crm.administrator, tail))
    path, strict = FieldPath(crm, store, name), crm.settings.strict
    if path.field is not None and (format_value := _switched_format(path.field.data_type, strict)):
        return _as_text(lambda row: format_value(value) if (value := path.output(row)) is not None else None)
    return _default_format(crm, path, through_lookup=bool(head))


def _default_format(crm: Crm, path: FieldPath, *, through_lookup: bool) -> CellFormatter:
    if path.field is not None and is_reference(path.field):
        return _as_text(path.get)  # a lookup is written as its id
    if through_lookup or path.name in ("Created_Time", "Modified_Time", "Full_Name"):
        return _as_text(path.output)
    if path.field is None:
        return lambda row: str(row.record_id)
    if path.name not in _COMPUTED_FIELDS:
        name = path.name
        return _as_text(lambda row: row.values.get(name))
    return _as_text(lambda row: value_of(crm, row.store, row.record_id, row.values, path.name))


_COMPUTED_FIELDS = {"Tag"}


def _switched_format(data_type: DataType, strict: UnverifiedBehavior) -> Callable[[Any], str] | None:
    """Return the formatter that a switch selects for this type, if any."""
    if strict.bulk_read_us_dates and data_type is DataType.DATE:
        return lambda value: date.fromisoformat(value).strftime("%m/%d/%Y")
    if strict.bulk_read_us_dates and data_type is DataType.DATETIME:
        return lambda value: datetime.fromisoformat(value).strftime("%m/%d/%Y %H:%M:%S")
    if strict.bulk_read_capital_booleans and data_type is DataType.BOOLEAN:
        return lambda value: str(value).upper()
    return None


def _as_text(get: Callable[[RecordView], Any]) -> CellFormatter:
    def format_cell(row: RecordView) -> str:
        value = get(row)
        if type(value) is str:
            return value
        if value is None:
            return ""
        if type(value) is bool:
            return "true" if value else "false"
        if type(value) is list:
            return ";".join(map(str, value))
        if type(value) is dict:
            return str(value.get("id", ""))
        return str(value)

    return format_cell
