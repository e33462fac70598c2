"""How a field is written into the file of a bulk read (zoho-api, sections 6.1 and 8.4)."""

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

__all__ = ["Cell", "column"]

Cell = Callable[[RecordView], str]

_OF_USERS = ("id", "first_name", "last_name", "full_name", "email")  # what a dotted name takes of a user


def column(crm: Crm, store: ModuleStore, name: str) -> Cell:
    """Make the writer of a field, perhaps through lookups or users: ``Owner.last_name``.

    Raises:
        UnknownPathError: there is no such field.
    """
    head, _, tail = name.rpartition(".")
    if head in store.fields and store.fields[head].data_type in (DataType.OWNER, DataType.USER):
        if tail not in _OF_USERS:
            raise UnknownPathError(name)
        get = FieldPath(crm, store, head).get
        return lambda row: str(getattr(crm.user(get(row)) or crm.founder, tail))
    path, strict = FieldPath(crm, store, name), crm.settings.strict
    if path.field is not None and (kind := _other_form(path.field.data_type, strict)):
        return _text_of(lambda row: kind(value) if (value := path.shown(row)) is not None else None)
    return _plain(crm, path, linked=bool(head))


def _plain(crm: Crm, path: FieldPath, *, linked: bool) -> Cell:
    if path.field is not None and is_reference(path.field):
        return _text_of(path.get)  # a lookup is its id
    if linked or path.name in ("Created_Time", "Modified_Time", "Full_Name"):
        return _text_of(path.shown)
    if path.field is None:
        return lambda row: str(row.record_id)
    if path.name not in _STORED_ELSEWHERE:
        own = path.name
        return _text_of(lambda row: row.values.get(own))
    return _text_of(lambda row: value_of(crm, row.store, row.record_id, row.values, path.name))


_STORED_ELSEWHERE = {"Tag"}


def _other_form(kind: DataType, strict: UnverifiedBehavior) -> Callable[[Any], str] | None:
    """Give what writes a value of that kind in the form that a switch asks for, if one does."""
    if strict.bulk_read_us_dates and kind is DataType.DATE:
        return lambda value: date.fromisoformat(value).strftime("%m/%d/%Y")
    if strict.bulk_read_us_dates and kind is DataType.DATETIME:
        return lambda value: datetime.fromisoformat(value).strftime("%m/%d/%Y %H:%M:%S")
    if strict.bulk_read_capital_booleans and kind is DataType.BOOLEAN:
        return lambda value: str(value).upper()
    return None


def _text_of(get: Callable[[RecordView], Any]) -> Cell:
    def cell(row: RecordView) -> str:
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

    return cell
