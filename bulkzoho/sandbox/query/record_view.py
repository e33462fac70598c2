"""A record as queries see it: parsed only when a condition needs it, each field in a form that can be compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from bulkzoho.sandbox.records.serializer import value_of
from bulkzoho.sandbox.state.clock import epoch
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import ModuleStore, full_name, is_reference, times_of, values_of
from bulkzoho.sandbox.state.schema import DataType, Field

__all__ = ["CONVERTED", "FieldPath", "RecordView", "UnknownPathError"]

CONVERTED = "Converted__s"  # whether a lead became other records; a field of no form

MAX_JOINS = 5  # Zoho docs, "COQL limitations" (v7); COQL itself allows fewer by a switch
_NUMBERS = {DataType.INTEGER, DataType.BIGINT, DataType.DOUBLE, DataType.CURRENCY, DataType.PERCENT}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII).fullmatch


class UnknownPathError(Exception):
    """A query names a field that is not there."""


class RecordView:
    """One record, as it is stored now or as *record*; its values are parsed at the first question."""

    __slots__ = ("_record", "_values", "record_id", "store")

    def __init__(self, store: ModuleStore, record_id: int, record: bytes | None = None) -> None:
        self.store = store
        self.record_id = record_id
        self._record = record
        self._values: dict[str, Any] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The fields that have a value."""
        if self._values is None:
            self._values = values_of(self.stored)
        return self._values

    @property
    def stored(self) -> bytes:
        """The record as it is stored."""
        return self.store.raw(self.record_id) if self._record is None else self._record


class FieldPath:
    """A field, perhaps through lookups: ``Account_Name.Industry``.

    Raises:
        UnknownPathError: a part is no field, or no lookup where one must be, or there are too many.
    """

    def __init__(self, crm: Crm, store: ModuleStore, path: str) -> None:
        *hops, name = path.split(".")
        if len(hops) > MAX_JOINS:
            raise UnknownPathError(path)
        self.path = path
        self._crm = crm
        self._hops: list[tuple[str, ModuleStore]] = []
        for hop in hops:
            field = store.fields.get(hop)
            if field is None or field.data_type is not DataType.LOOKUP:
                raise UnknownPathError(path)
            store = crm.stores[field.target]
            self._hops.append((hop, store))
        is_conversion = name == CONVERTED and store.crm_module.api_name == "Leads"
        if name != "id" and name not in store.fields and not is_conversion:
            raise UnknownPathError(path)
        self.name = name
        self.field: Field | None = store.fields.get(name)  # None for the id, and for whether a lead was converted
        self.kind = self._kind()  #: one of text, number, date, datetime, boolean, reference, multi, id
        self.get = self._getter()

    def _kind(self) -> str:
        if self.field is None:
            return "boolean" if self.name == CONVERTED else "id"
        if is_reference(self.field):
            return "reference"
        if self.field.data_type in _NUMBERS:
            return "number"
        plain = {
            DataType.DATE: "date",
            DataType.DATETIME: "datetime",
            DataType.BOOLEAN: "boolean",
            DataType.MULTI_PICKLIST: "multi",
        }
        return plain.get(self.field.data_type, "text")

    def comparable(self, value: Any, *, fold: bool = True) -> Any:
        """Bring a value of a query into the form that ``get`` gives.

        Raises:
            ValueError: the value is not of the field's kind.
        """
        text = str(value)
        match self.kind:
            case "id" | "reference":
                return int(text)
            case "number":
                if not _NUMBER(text):
                    raise ValueError(text)
                return float(text) if "." in text else int(text)
            case "date":
                return date.fromisoformat(text).isoformat()
            case "datetime":
                return int(epoch(text))
            case "boolean":
                return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _no(text)
        return text.casefold() if fold else text

    def shown(self, row: RecordView) -> Any:
        """Give the value as COQL answers it: a reference is its bare id."""
        target = self._target(row) if self._hops else row
        if target is None:
            return None
        value = value_of(self._crm, target.store, target.record_id, target.values, self.name)
        return {"id": value["id"]} if self.kind == "reference" and value is not None else value

    def _target(self, row: RecordView) -> RecordView | None:
        for hop, store in self._hops:
            record_id = row.values.get(hop)
            if record_id is None or record_id not in store:
                return None
            row = RecordView(store, record_id)
        return row

    def _getter(self) -> Callable[[RecordView], Any]:
        own = self._own_getter()
        if not self._hops:
            return own

        def get(row: RecordView) -> Any:
            target = self._target(row)
            return None if target is None else own(target)

        return get

    def _own_getter(self) -> Callable[[RecordView], Any]:
        name = self.name
        special: dict[str, Callable[[RecordView], Any]] = {
            "id": lambda row: row.record_id,
            CONVERTED: lambda row: row.record_id in row.store.converted,
            "Created_Time": lambda row: times_of(row.stored)[0],
            "Modified_Time": lambda row: times_of(row.stored)[1],
            "Full_Name": lambda row: (full_name(row.values) or "").casefold() or None,
            **{each: self._user_getter(each) for each in ("Created_By", "Modified_By", "Owner")},
        }
        if name in special:
            return special[name]
        match self.kind, self.field and self.field.data_type:
            case "datetime", _:
                return lambda row: None if (text := row.values.get(name)) is None else int(epoch(text))
            case "multi", _:
                return lambda row: None if (chosen := row.values.get(name)) is None else ";".join(chosen).casefold()
            case "number", DataType.BIGINT:
                return lambda row: None if (digits := row.values.get(name)) is None else int(digits)
            case "text", _:
                return lambda row: None if (text := row.values.get(name)) is None else text.casefold()
        return lambda row: row.values.get(name)

    def _user_getter(self, name: str) -> Callable[[RecordView], Any]:
        founder = self._crm.founder.id  # who made and changed everything of which nobody else is named
        return lambda row: row.values.get(name, founder)


def _no(text: str) -> Any:
    raise ValueError(text)
