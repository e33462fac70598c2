"""Records as seen by queries: parsed lazily, with fields in comparable form."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from bulkzoho.sandbox.records.serializer import value_of
from bulkzoho.sandbox.state.clock import parse_timestamp
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import ModuleStore, full_name, is_reference, times_of, values_of
from bulkzoho.sandbox.state.schema import DataType, Field

__all__ = ["CONVERTED", "FieldPath", "RecordView", "UnknownPathError"]

CONVERTED = "Converted__s"  # whether a lead is converted; not part of the module's fields

MAX_JOINS = 5  # Zoho docs, "COQL limitations" (v7); COQL itself allows fewer by a switch
_NUMBERS = {DataType.INTEGER, DataType.BIGINT, DataType.DOUBLE, DataType.CURRENCY, DataType.PERCENT}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII).fullmatch


class UnknownPathError(Exception):
    """A query names an unknown field."""


class RecordView:
    """One record, current or as the stored version *record*; values are parsed on first use."""

    __slots__ = ("_record", "_values", "record_id", "store")

    def __init__(self, store: ModuleStore, record_id: int, record: bytes | None = None) -> None:
        self.store = store
        self.record_id = record_id
        self._record = record
        self._values: dict[str, Any] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The non-empty fields."""
        if self._values is None:
            self._values = values_of(self.stored)
        return self._values

    @property
    def stored(self) -> bytes:
        """The stored bytes of the record."""
        return self.store.raw(self.record_id) if self._record is None else self._record


class FieldPath:
    """A field, optionally through lookups: ``Account_Name.Industry``.

    Raises:
        UnknownPathError: a part is not a field or not a lookup, or there are too many parts.
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
        self.field: Field | None = store.fields.get(name)  # None for id and Converted__s
        self.kind = self._kind()  #: text, number, date, datetime, boolean, reference, multi or id
        self.get = self._getter()

    def _kind(self) -> str:
        if self.field is None:
            return "boolean" if self.name == CONVERTED else "id"
        if is_reference(self.field):
            return "reference"
        if self.field.data_type in _NUMBERS:
            return "number"
        kinds = {
            DataType.DATE: "date",
            DataType.DATETIME: "datetime",
            DataType.BOOLEAN: "boolean",
            DataType.MULTI_PICKLIST: "multi",
        }
        return kinds.get(self.field.data_type, "text")

    def comparable(self, value: Any, *, fold: bool = True) -> Any:
        """Convert a query value to the comparable form that ``get`` returns.

        Raises:
            ValueError: the value does not fit the field's kind.
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
                return int(parse_timestamp(text))
            case "boolean":
                return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _not_a_boolean(text)
        return text.casefold() if fold else text

    def output(self, row: RecordView) -> Any:
        """Return the value as in a COQL response: a reference has only its id."""
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
        computed: dict[str, Callable[[RecordView], Any]] = {
            "id": lambda row: row.record_id,
            CONVERTED: lambda row: row.record_id in row.store.converted,
            "Created_Time": lambda row: times_of(row.stored)[0],
            "Modified_Time": lambda row: times_of(row.stored)[1],
            "Full_Name": lambda row: (full_name(row.values) or "").casefold() or None,
            **{each: self._user_getter(each) for each in ("Created_By", "Modified_By", "Owner")},
        }
        if name in computed:
            return computed[name]
        match self.kind, self.field and self.field.data_type:
            case "datetime", _:
                return lambda row: None if (text := row.values.get(name)) is None else int(parse_timestamp(text))
            case "multi", _:
                return lambda row: None if (chosen := row.values.get(name)) is None else ";".join(chosen).casefold()
            case "number", DataType.BIGINT:
                return lambda row: None if (digits := row.values.get(name)) is None else int(digits)
            case "text", _:
                return lambda row: None if (text := row.values.get(name)) is None else text.casefold()
        return lambda row: row.values.get(name)

    def _user_getter(self, name: str) -> Callable[[RecordView], Any]:
        administrator = self._crm.administrator.id  # stored values omit the administrator
        return lambda row: row.values.get(name, administrator)


def _not_a_boolean(text: str) -> Any:
    raise ValueError(text)
