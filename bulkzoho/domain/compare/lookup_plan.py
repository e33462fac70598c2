"""Plan how the rows of an insert without a response are looked up, and collect the records found by key.  Pure.

A row with an import key, or with a unique field, is looked up by that value.  All other rows are compared with every record that
was created in the window: from the moment the request was sent until it can no longer have been running.
"""

from __future__ import annotations

import html
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bulkzoho.domain.compare.record_ownership import RecordOwnership
from bulkzoho.domain.compare.values import INCOMPARABLE, comparable_form
from bulkzoho.domain.coql.builder import OWNERSHIP_FIELDS
from bulkzoho.domain.model.limits_and_costs import COQL_SAFE_IN_VALUES, FIELDS_PER_CALL
from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata
from bulkzoho.domain.model.rows import Record

__all__ = ["KeyLookup", "LookupPlan", "compared_fields", "plan_lookup"]

_QUOTED: Final = frozenset({"text", "email", "phone", "website"})
_DIGITS: Final = frozenset({"integer", "bigint", "double", "currency", "percent"})
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII).fullmatch
# How a quote or a backslash is escaped in COQL is UNVERIFIED, and a line break in a query is not worth the risk
_NOT_QUERYABLE: Final = re.compile(r"['\\\x00-\x1f\x7f]").search


class KeyLookup:
    """Rows that are looked up by the value of one field, and the records found with these values.

    Attributes:
        field: The field.
        complete: Whether every record that may have one of the values was added; until then no row is absent.
    """

    def __init__(self, field: FieldMetadata, *, import_key: bool = False) -> None:
        self.field = field
        self.complete = False
        self._only_ours = field.unique and not import_key
        self._form = comparable_form(field)
        self._rows: dict[Hashable, list[int]] = {}
        self._values: dict[str, None] = {}  # as COQL, in order
        self._found: dict[Hashable, dict[str, RecordOwnership]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def add_row(self, index: int, value: Any) -> bool:
        """Add the row at *index* with its *value*; return False when the value cannot be compared."""
        form = None if self._form is None else self._form(value)
        if form is None or form is INCOMPARABLE:
            return False
        self._rows.setdefault(form, []).append(index)
        for text in _query_values(self.field, value) or ():
            self._values[text] = None
        return True

    def value_groups(self) -> Iterable[Sequence[str]]:
        """Return the values as COQL, as many at a time as one query takes."""
        values = list(self._values)
        return (values[at : at + COQL_SAFE_IN_VALUES] for at in range(0, len(values), COQL_SAFE_IN_VALUES))

    def add_record(self, record: Mapping[str, Any], ownership: RecordOwnership) -> None:
        """Add a record with any value; adding it again changes nothing."""
        form = None if self._form is None else self._form(record.get(self.field.api_name))
        if form in self._rows:
            self._found.setdefault(form, {})[str(record["id"])] = ownership

    def holders(self) -> dict[int, list[str]]:
        """Return the ids of all records with a row's value, by the row's index; rows without a record are left out."""
        return {index: [*self._found[form]] for form, rows in self._rows.items() if form in self._found for index in rows}

    def found(self) -> dict[int, str]:
        """Return the rows that are in the CRM, by index, with their ids: for each value as many as there are records."""
        pairs: dict[int, str] = {}
        for form, rows in self._rows.items():
            records = self._found.get(form, {})
            ids = [record_id for record_id, ownership in records.items() if ownership in self._counts_as_found]
            pairs.update(zip(rows, ids, strict=False))
        return pairs

    def absent(self) -> list[int]:
        """Return the rows that were not inserted, or that the CRM itself will reject when they are sent again."""
        if not self.complete:
            return []
        found = self.found()
        return [
            index
            for form, rows in self._rows.items()
            for index in rows
            if index not in found and not self._is_blocked(self._found.get(form, {}))
        ]

    @property
    def _counts_as_found(self) -> tuple[RecordOwnership, ...]:
        # an import key identifies run and row: the record that has it is that row, whatever the clocks say
        return (RecordOwnership.OURS,) if self._only_ours else (RecordOwnership.OURS, RecordOwnership.EARLIER)

    def _is_blocked(self, records: Mapping[str, RecordOwnership]) -> bool:
        if self._only_ours:  # the CRM rejects a second one as DUPLICATE_DATA
            return RecordOwnership.UNKNOWN in records.values()
        return bool(records)


@dataclass(slots=True)
class LookupPlan:
    """How each row of a batch is looked up."""

    by_key: list[KeyLookup] = field(default_factory=list)
    by_key_in_window: list[KeyLookup] = field(default_factory=list)  #: the value cannot be part of a query
    by_record: list[int] = field(default_factory=list)  #: rows without any key


def plan_lookup(
    records: Sequence[Record], crm_module: CrmModule, *, unique_fields: Sequence[str], import_key: str | None
) -> LookupPlan:
    """Choose for each record: the import key, else a field that the metadata mark unique, else the whole record."""
    keys = [key for name in unique_fields if (key := crm_module.by_api_name.get(name)) is not None and key.unique]
    if import_key is not None and import_key in crm_module.by_api_name:  # first: only this run writes it
        keys = [crm_module.by_api_name[import_key], *(key for key in keys if key.api_name != import_key)]
    queried, in_window = ({key.api_name: KeyLookup(key, import_key=key.api_name == import_key) for key in keys} for _ in range(2))
    by_record: list[int] = []
    for index, record in enumerate(records):
        for key in keys:
            value = record.get(key.api_name)
            lookups = in_window if _query_values(key, value) is None else queried
            if lookups[key.api_name].add_row(index, value):
                break
        else:
            by_record.append(index)
    return LookupPlan(
        by_key=[lookup for lookup in queried.values() if lookup],
        by_key_in_window=[lookup for lookup in in_window.values() if lookup],
        by_record=by_record,
    )


def compared_fields(records: Iterable[Record], crm_module: CrmModule, *, others: int) -> list[str]:
    """Return the fields by which whole records are compared, most distinguishing first.

    Fields that cannot be compared, or have a value that cannot be, are left out; *others* columns are selected besides.
    """
    forms: dict[str, set[Hashable]] = {}
    incomparable: set[str] = set()
    for record in records:
        for name, value in record.items():
            metadata = crm_module.by_api_name.get(name)
            to_form = None if metadata is None or name in OWNERSHIP_FIELDS else comparable_form(metadata)
            form = INCOMPARABLE if to_form is None else to_form(value)
            if form is INCOMPARABLE:
                incomparable.add(name)
            else:
                forms.setdefault(name, set()).add(form)
    names = [name for name, values in forms.items() if name not in incomparable and values != {None}]
    names.sort(key=lambda name: -len(forms[name]))
    return names[: FIELDS_PER_CALL - len(OWNERSHIP_FIELDS) - others]


def _query_values(metadata: FieldMetadata, value: Any) -> Sequence[str] | None:
    """Return *value* as COQL in every form the service may store it in; None when it cannot be part of a query."""
    if value is None:
        return ()
    raw = str(value)
    text = raw.strip()
    if metadata.data_type in _DIGITS:
        return (text,) if _NUMBER(text) else None
    if metadata.data_type not in _QUOTED or _NOT_QUERYABLE(text):
        return None
    if _NOT_QUERYABLE(raw):
        raw = text
    # Undocumented: whether IN ignores case, as unique fields do, and how outer blanks, & and < are stored
    forms = (text, text.lower(), raw, raw.lower()) if metadata.unique else (text, raw)
    return tuple(f"'{form}'" for form in dict.fromkeys((*forms, *(html.escape(form, quote=False) for form in forms))))
