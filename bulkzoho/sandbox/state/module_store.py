"""Records of one module, compact enough for a million: one bytes value per record, one index per key field.

A record is stored as ``{"$c":SECONDS,"$m":SECONDS,...}`` with its non-empty fields; both times have ten digits, so that
they can be read without parsing the rest.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from bulkzoho.sandbox.state.key_index import KeyIndex
from bulkzoho.sandbox.state.schema import CHILDREN, CrmModule, DataType, Field
from bulkzoho.sandbox.state.search_lag import RecordHistory

__all__ = ["Deleted", "ModuleStore"]

CONVERTED_AT = "Converted_Date_Time"  # set on converted leads
_CREATED = slice(6, 16)
_MODIFIED = slice(22, 32)
_CREATOR = re.compile(rb'"Created_By":([0-9]+)').search  # quotes inside values are escaped, so this matches only the key


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A deleted record in the recycle bin."""

    at_s: int
    display_name: str | None
    by: int  #: id of the user who deleted it
    record: bytes | None  #: the stored record; None once purged

    def without_record(self) -> Deleted:
        """Return the entry that remains after a purge."""
        return replace(self, record=None)


class ModuleStore:
    """All records of one module."""

    def __init__(self, crm_module: CrmModule) -> None:
        self.crm_module = crm_module
        self.fields: dict[str, Field] = {each.api_name: each for each in crm_module.fields if each.data_type not in CHILDREN}
        self.child_fields: dict[str, Field] = {each.api_name: each for each in crm_module.fields if each.data_type in CHILDREN}
        self.children: tuple[ModuleStore, ...] = ()  # child modules (subforms, links); set once all stores exist
        self.unique = tuple(each.api_name for each in crm_module.fields if each.unique)
        self.keys = {name: KeyIndex() for name in dict.fromkeys((crm_module.system_key, *self.unique)) if name}
        parent_index = {crm_module.parent_field: KeyIndex()} if crm_module.parent_field else {}
        self._indexes = (*self.keys.items(), *parent_index.items())
        self.deleted: dict[int, Deleted] = {}
        self.deleted_keys = {name: KeyIndex() for name in (*self.unique, *parent_index)}  # indexes of the recycle bin
        self.converted: set[int] = set()  # ids of converted leads
        self.history = RecordHistory()
        self._records: dict[int, bytes] = {}
        self._oldest_deleted_s = -1  # lower bound of the deletion times in the recycle bin
        self._now_s, self._head = 0, b""  # prefix of records created in that second
        self._order = array("q")  # every id ever assigned, ascending; deleted ids are skipped when read
        self._creation_times_s = array("q")  # their creation times, ascending

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, record_id: int) -> bool:
        return record_id in self._records

    def insert(self, record_id: int, values: dict[str, Any], now_s: int) -> None:
        """Store a new record; *record_id* must be higher than all others."""
        if now_s != self._now_s:
            self._now_s, self._head = now_s, b'{"$c":%010d,"$m":%010d' % (now_s, now_s)
        # Copy the bytes: orjson over-allocates its result, and a million of them would take 8 GB.
        self._records[record_id] = self._head + _without_brace(orjson.dumps(values))
        self._order.append(record_id)
        self._creation_times_s.append(now_s)
        for name, index in self._indexes:
            if name in values:
                index.add(values[name], record_id)

    def update(self, record_id: int, changes: dict[str, Any], now_s: int) -> None:
        """Update a record; None clears a field."""
        before = self.values(record_id)
        for name, index in self._indexes:
            if name in changes and changes[name] != before.get(name):
                if name in before:
                    index.remove(before[name], record_id)
                if changes[name] is not None:
                    index.add(changes[name], record_id)
        if changes.get(CONVERTED_AT):
            self.converted.add(record_id)
        after = {name: value for name, value in {**before, **changes}.items() if value is not None}
        created_s = self.created_s(record_id)
        self.history.note(record_id, now_s, self._records[record_id])
        self._records[record_id] = b'{"$c":%010d,"$m":%010d%s' % (created_s, now_s, _without_brace(orjson.dumps(after)))

    def delete(self, record_id: int, now_s: int, by: int = 0) -> None:
        """Move a record and its children to the recycle bin as user *by*; 0 means the administrator."""
        for child in self.children:
            for each in child.children_of(record_id):
                child.delete(each, now_s, by)
        values = self.values(record_id)
        for name, index in self._indexes:
            if name in values:
                index.remove(values[name], record_id)
        for name, index in self.deleted_keys.items():
            if name in values:
                index.add(values[name], record_id)
        record = self._records.pop(record_id)
        self.history.note(record_id, now_s, record)
        label = display_name(self.crm_module, values)
        self.deleted[record_id] = Deleted(at_s=now_s, display_name=label, by=by, record=record)
        self.converted.discard(record_id)

    def conflicting_field(self, record_id: int) -> str:
        """Return the unique field of a deleted record whose value another record now has, or an empty string."""
        deleted = self.deleted[record_id].record
        values = {} if deleted is None else orjson.loads(deleted)
        return next((each for each in self.unique if each in values and self.keys[each].find(values[each])), "")

    def restore(self, record_id: int) -> None:
        """Restore a record and the children deleted with it.

        Raises:
            KeyError: the record is not in the recycle bin, or is purged.
        """
        deleted = self.deleted[record_id]
        if deleted.record is None:
            raise KeyError(record_id)
        for child in self.children:
            for each in child.deleted_children_of(record_id):
                if child.deleted[each].at_s == deleted.at_s:
                    child.restore(each)
        del self.deleted[record_id]
        self._records[record_id] = deleted.record
        values = self.values(record_id)
        self._index(record_id, values)
        for name, index in self.deleted_keys.items():
            if name in values:
                index.remove(values[name], record_id)

    def purge(self, record_id: int) -> None:
        """Delete a record permanently; only the fact of its deletion is kept.

        Raises:
            KeyError: the record is not in the recycle bin.
        """
        deleted = self.deleted[record_id]
        if deleted.record is None:
            raise KeyError(record_id)
        for child in self.children:
            for each in child.deleted_children_of(record_id):
                child.purge(each)
        values = orjson.loads(deleted.record)
        for name, index in self.deleted_keys.items():
            if name in values:
                index.remove(values[name], record_id)
        self.deleted[record_id] = deleted.without_record()

    def purge_until(self, deleted_s: int) -> None:
        """Purge all records deleted at *deleted_s* or earlier."""
        if deleted_s < self._oldest_deleted_s:
            return
        purgeable = [(deleted.at_s, each) for each, deleted in self.deleted.items() if deleted.record is not None]
        for at_s, record_id in purgeable:
            if at_s <= deleted_s and self.deleted[record_id].record is not None:
                self.purge(record_id)
        self._oldest_deleted_s = min((at_s for at_s, _ in purgeable if at_s > deleted_s), default=deleted_s + 1)

    def raw(self, record_id: int) -> bytes:
        """Return the stored bytes of a record.

        Raises:
            KeyError: the record does not exist.
        """
        return self._records[record_id]

    def version_at(self, record_id: int, seen_s: float) -> bytes | None:
        """Return the stored bytes of a record at time *seen_s*, within the search lag; None if it did not exist."""
        now = self._records.get(record_id)
        if now is not None and int(now[_MODIFIED]) <= seen_s:
            return now
        before = self.history.version(record_id, seen_s)
        return None if before is None or int(before[_CREATED]) > seen_s else before

    def load(self, record_id: int, record: bytes) -> None:
        """Load a record from its stored bytes; ids must be ascending."""
        self._records[record_id] = record
        self._order.append(record_id)
        self._creation_times_s.append(int(record[_CREATED]))
        if self._indexes:
            self._index(record_id, orjson.loads(record))

    def load_deleted(self, record_id: int, deleted: Deleted) -> None:
        """Load a deleted record into the recycle bin; ids must be ascending."""
        self.deleted[record_id] = deleted
        self._order.append(record_id)
        last_s = self._creation_times_s[-1] if self._creation_times_s else 0
        self._creation_times_s.append(last_s if deleted.record is None else int(deleted.record[_CREATED]))
        if deleted.record is not None:
            values = orjson.loads(deleted.record)
            for name, index in self.deleted_keys.items():
                if name in values:
                    index.add(values[name], record_id)

    def children_of(self, record_id: int) -> tuple[int, ...]:
        """Return the ids of the children of *record_id* of the parent module, oldest first."""
        return dict(self._indexes)[self.crm_module.parent_field].find(record_id)

    def deleted_children_of(self, record_id: int) -> tuple[int, ...]:
        """Return the ids of the deleted children of *record_id* of the parent module."""
        return self.deleted_keys[self.crm_module.parent_field].find(record_id)

    def created_by(self, record_id: int) -> int | None:
        """Return the id of the creating user; None means the administrator."""
        found = _CREATOR(self._records[record_id])
        return None if found is None else int(found[1])

    def _index(self, record_id: int, values: dict[str, Any]) -> None:
        for name, index in self._indexes:
            if name in values:
                index.add(values[name], record_id)
        if CONVERTED_AT in values:
            self.converted.add(record_id)

    def values(self, record_id: int) -> dict[str, Any]:
        """Return the non-empty fields of a record; references are plain ids.

        Raises:
            KeyError: the record does not exist.
        """
        return values_of(self._records[record_id])

    def created_s(self, record_id: int) -> int:
        """Return the creation time in seconds since 1970."""
        return int(self._records[record_id][_CREATED])

    def modified_s(self, record_id: int) -> int:
        """Return the modification time in seconds since 1970."""
        return int(self._records[record_id][_MODIFIED])

    def ascending_ids(self, after: int = 0) -> Iterator[int]:
        """Iterate over the ids above *after*, ascending.  Records may be added and deleted meanwhile."""
        position = bisect_right(self._order, after)
        while position < len(self._order):
            record_id = self._order[position]
            position += 1
            if record_id in self._records:
                yield record_id

    def all_ids(self) -> Iterator[int]:
        """Iterate over every id ever assigned, ascending, deleted ones included."""
        return iter(self._order)

    def ids_created_since(self, created_s: int) -> Iterator[int]:
        """Iterate over the ids created at *created_s* or later, ascending."""
        position = bisect_left(self._creation_times_s, created_s)
        if position < len(self._order):
            yield from self.ascending_ids(self._order[position] - 1)

    def descending_ids(self, before: int = 2**63 - 1) -> Iterator[int]:
        """Iterate over the ids below *before*, descending.  Records may be added and deleted meanwhile."""
        position = bisect_left(self._order, before)
        while position > 0:
            position -= 1
            record_id = self._order[position]
            if record_id in self._records:
                yield record_id


def values_of(record: bytes) -> dict[str, Any]:
    """Return the fields of a stored record."""
    values: dict[str, Any] = orjson.loads(record)
    del values["$c"], values["$m"]
    return values


def times_of(record: bytes) -> tuple[int, int]:
    """Return creation and modification time of a stored record, in seconds since 1970."""
    return int(record[_CREATED]), int(record[_MODIFIED])


def _without_brace(stored: bytes) -> bytes:
    """Return the JSON object without its opening brace, to append after the two times."""
    return b"}" if stored == b"{}" else b"," + stored[1:]


def display_name(crm_module: CrmModule, values: dict[str, Any]) -> str | None:
    """Return the display name of a record."""
    if crm_module.display_field == "Full_Name":
        return full_name(values)
    name = values.get(crm_module.display_field)
    return None if name is None else str(name)


def full_name(values: dict[str, Any]) -> str | None:
    """Return first and last name, as in the read-only field Full_Name."""
    return " ".join(each for each in (values.get("First_Name"), values.get("Last_Name")) if each) or None


def is_reference(field: Field) -> bool:
    """Return whether the field stores the id of a record or user."""
    return field.data_type in (DataType.LOOKUP, DataType.OWNER, DataType.USER)
