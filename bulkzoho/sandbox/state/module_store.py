"""The records of one module, kept so that a million fit: one bytes value a record, and an index a key field.

A record is stored as ``{"$c":SECONDS,"$m":SECONDS,...}`` with its fields that have a value; both times have ten digits,
so that they are read without parsing the rest.
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

CONVERTED_AT = "Converted_Date_Time"  # a lead that has it is converted
_CREATED = slice(6, 16)
_MODIFIED = slice(22, 32)
_CREATOR = re.compile(rb'"Created_By":([0-9]+)').search  # a quote within a value is escaped, so this can only be the key


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What the recycle bin knows of a record."""

    at_s: int
    display_name: str | None
    by: int  #: id of the user who deleted it
    record: bytes | None  #: as it was; None once it is purged

    def purged(self) -> Deleted:
        """Give what is left when it is gone for good."""
        return replace(self, record=None)


class ModuleStore:
    """All records of one module."""

    def __init__(self, crm_module: CrmModule) -> None:
        self.crm_module = crm_module
        self.fields: dict[str, Field] = {each.api_name: each for each in crm_module.fields if each.data_type not in CHILDREN}
        self.child_fields: dict[str, Field] = {each.api_name: each for each in crm_module.fields if each.data_type in CHILDREN}
        self.children: tuple[ModuleStore, ...] = ()  # whose records belong to those of this module; set once all are made
        self.unique = tuple(each.api_name for each in crm_module.fields if each.unique)
        self.keys = {name: KeyIndex() for name in dict.fromkeys((crm_module.system_key, *self.unique)) if name}
        of_parents = {crm_module.parent_field: KeyIndex()} if crm_module.parent_field else {}
        self._indexes = (*self.keys.items(), *of_parents.items())
        self.deleted: dict[int, Deleted] = {}
        self.deleted_keys = {name: KeyIndex() for name in (*self.unique, *of_parents)}  # of what lies in the recycle bin
        self.converted: set[int] = set()  # leads that are other records now
        self.past = RecordHistory()
        self._records: dict[int, bytes] = {}
        self._oldest_deleted_s = -1  # nothing in the recycle bin was deleted before that
        self._now_s, self._head = 0, b""  # how records made in that second begin
        self._order = array("q")  # every id ever given, rising; those deleted are passed over
        self._made_s = array("q")  # when each of them was made; never falls

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, record_id: int) -> bool:
        return record_id in self._records

    def insert(self, record_id: int, values: dict[str, Any], now_s: int) -> None:
        """Store a new record; *record_id* is higher than any before."""
        if now_s != self._now_s:
            self._now_s, self._head = now_s, b'{"$c":%010d,"$m":%010d' % (now_s, now_s)
        # What orjson made must not be kept itself: it is longer inside than it shows, and a million of them take 8 GB.
        self._records[record_id] = self._head + _rest(orjson.dumps(values))
        self._order.append(record_id)
        self._made_s.append(now_s)
        for name, index in self._indexes:
            if name in values:
                index.add(values[name], record_id)

    def update(self, record_id: int, changes: dict[str, Any], now_s: int) -> None:
        """Change a record; a value of None clears its field."""
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
        self.past.note(record_id, now_s, self._records[record_id])
        self._records[record_id] = b'{"$c":%010d,"$m":%010d%s' % (created_s, now_s, _rest(orjson.dumps(after)))

    def delete(self, record_id: int, now_s: int, by: int = 0) -> None:
        """Move a record and those that belong to it to the recycle bin, as the user *by*; 0 means the administrator."""
        for child in self.children:
            for each in child.of_parent(record_id):
                child.delete(each, now_s, by)
        values = self.values(record_id)
        for name, index in self._indexes:
            if name in values:
                index.remove(values[name], record_id)
        for name, index in self.deleted_keys.items():
            if name in values:
                index.add(values[name], record_id)
        record = self._records.pop(record_id)
        self.past.note(record_id, now_s, record)
        shown = display_name(self.crm_module, values)
        self.deleted[record_id] = Deleted(at_s=now_s, display_name=shown, by=by, record=record)
        self.converted.discard(record_id)

    def taken_by_now(self, record_id: int) -> str:
        """Name the unique field of a deleted record whose value another record has by now, if there is one."""
        kept = self.deleted[record_id].record
        values = {} if kept is None else orjson.loads(kept)
        return next((each for each in self.unique if each in values and self.keys[each].find(values[each])), "")

    def restore(self, record_id: int) -> None:
        """Take a record out of the recycle bin, with those that belong to it and went with it.

        Raises:
            KeyError: it is not there, or purged.
        """
        kept = self.deleted[record_id]
        if kept.record is None:
            raise KeyError(record_id)
        for child in self.children:
            for each in child.deleted_of(record_id):
                if child.deleted[each].at_s == kept.at_s:
                    child.restore(each)
        del self.deleted[record_id]
        self._records[record_id] = kept.record
        values = self.values(record_id)
        self._index(record_id, values)
        for name, index in self.deleted_keys.items():
            if name in values:
                index.remove(values[name], record_id)

    def purge(self, record_id: int) -> None:
        """Let a deleted record go for good; only that it was deleted stays known.

        Raises:
            KeyError: it is not in the recycle bin.
        """
        kept = self.deleted[record_id]
        if kept.record is None:
            raise KeyError(record_id)
        for child in self.children:
            for each in child.deleted_of(record_id):
                child.purge(each)
        values = orjson.loads(kept.record)
        for name, index in self.deleted_keys.items():
            if name in values:
                index.remove(values[name], record_id)
        self.deleted[record_id] = kept.purged()

    def purge_until(self, deleted_s: int) -> None:
        """Purge what was deleted at *deleted_s* or earlier."""
        if deleted_s < self._oldest_deleted_s:
            return
        lying = [(kept.at_s, each) for each, kept in self.deleted.items() if kept.record is not None]
        for at_s, record_id in lying:
            if at_s <= deleted_s and self.deleted[record_id].record is not None:
                self.purge(record_id)
        self._oldest_deleted_s = min((at_s for at_s, _ in lying if at_s > deleted_s), default=deleted_s + 1)

    def raw(self, record_id: int) -> bytes:
        """Give a record as it is stored.

        Raises:
            KeyError: there is no such record.
        """
        return self._records[record_id]

    def as_it_was(self, record_id: int, seen_s: float) -> bytes | None:
        """Give a record as it was stored at *seen_s*, as far as the lag of the search index reaches; None if it was not there."""
        now = self._records.get(record_id)
        if now is not None and int(now[_MODIFIED]) <= seen_s:
            return now
        before = self.past.version(record_id, seen_s)
        return None if before is None or int(before[_CREATED]) > seen_s else before

    def put_back(self, record_id: int, record: bytes) -> None:
        """Store a record as ``raw`` gave it; ids come in rising order."""
        self._records[record_id] = record
        self._order.append(record_id)
        self._made_s.append(int(record[_CREATED]))
        if self._indexes:
            self._index(record_id, orjson.loads(record))

    def note_deleted(self, record_id: int, kept: Deleted) -> None:
        """Put what ``deleted`` held back into the recycle bin; ids come in rising order."""
        self.deleted[record_id] = kept
        self._order.append(record_id)
        last_s = self._made_s[-1] if self._made_s else 0
        self._made_s.append(last_s if kept.record is None else int(kept.record[_CREATED]))
        if kept.record is not None:
            values = orjson.loads(kept.record)
            for name, index in self.deleted_keys.items():
                if name in values:
                    index.add(values[name], record_id)

    def of_parent(self, record_id: int) -> tuple[int, ...]:
        """Give the records that belong to *record_id* of the parent's module, oldest first."""
        return dict(self._indexes)[self.crm_module.parent_field].find(record_id)

    def deleted_of(self, record_id: int) -> tuple[int, ...]:
        """Give the records in the recycle bin that belonged to *record_id* of the parent's module."""
        return self.deleted_keys[self.crm_module.parent_field].find(record_id)

    def creator(self, record_id: int) -> int | None:
        """Give the id of the user who made the record, or None where it was the administrator."""
        found = _CREATOR(self._records[record_id])
        return None if found is None else int(found[1])

    def _index(self, record_id: int, values: dict[str, Any]) -> None:
        for name, index in self._indexes:
            if name in values:
                index.add(values[name], record_id)
        if CONVERTED_AT in values:
            self.converted.add(record_id)

    def values(self, record_id: int) -> dict[str, Any]:
        """Give the fields of a record that have a value; references as bare numbers.

        Raises:
            KeyError: there is no such record.
        """
        return values_of(self._records[record_id])

    def created_s(self, record_id: int) -> int:
        """Give when the record was made, in seconds since 1970."""
        return int(self._records[record_id][_CREATED])

    def modified_s(self, record_id: int) -> int:
        """Give when the record was last changed, in seconds since 1970."""
        return int(self._records[record_id][_MODIFIED])

    def rising(self, after: int = 0) -> Iterator[int]:
        """Give the ids above *after*, lowest first.  Records may come and go meanwhile."""
        position = bisect_right(self._order, after)
        while position < len(self._order):
            record_id = self._order[position]
            position += 1
            if record_id in self._records:
                yield record_id

    def every_id(self) -> Iterator[int]:
        """Give every id that was ever given, lowest first, those of the recycle bin too."""
        return iter(self._order)

    def made_since(self, created_s: int) -> Iterator[int]:
        """Give the ids made at *created_s* or later, lowest first."""
        position = bisect_left(self._made_s, created_s)
        if position < len(self._order):
            yield from self.rising(self._order[position] - 1)

    def falling(self, before: int = 2**63 - 1) -> Iterator[int]:
        """Give the ids below *before*, highest first.  Records may come and go meanwhile."""
        position = bisect_left(self._order, before)
        while position > 0:
            position -= 1
            record_id = self._order[position]
            if record_id in self._records:
                yield record_id


def values_of(record: bytes) -> dict[str, Any]:
    """Give the fields of a record as it is stored."""
    values: dict[str, Any] = orjson.loads(record)
    del values["$c"], values["$m"]
    return values


def times_of(record: bytes) -> tuple[int, int]:
    """Give when a record as it is stored was made and last changed, in seconds since 1970."""
    return int(record[_CREATED]), int(record[_MODIFIED])


def _rest(stored: bytes) -> bytes:
    """Give what follows the two times: the fields without their opening brace."""
    return b"}" if stored == b"{}" else b"," + stored[1:]


def display_name(crm_module: CrmModule, values: dict[str, Any]) -> str | None:
    """Give what a person sees as the record's name."""
    if crm_module.display_field == "Full_Name":
        return full_name(values)
    name = values.get(crm_module.display_field)
    return None if name is None else str(name)


def full_name(values: dict[str, Any]) -> str | None:
    """Give first and last name together, as the read-only Full_Name."""
    return " ".join(each for each in (values.get("First_Name"), values.get("Last_Name")) if each) or None


def is_reference(field: Field) -> bool:
    """Whether the field's stored value is the id of a record or user."""
    return field.data_type in (DataType.LOOKUP, DataType.OWNER, DataType.USER)
