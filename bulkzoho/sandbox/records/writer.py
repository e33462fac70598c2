"""Insert, update and upsert one record after another, and give one result for each, in order (zoho-api, 5.3 to 5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.record_errors import RecordRefusedError, duplicate, missing, several
from bulkzoho.sandbox.records.subforms import taken_rows
from bulkzoho.sandbox.records.validator import RecordChecker
from bulkzoho.sandbox.state.clock import epoch
from bulkzoho.sandbox.state.crm import Crm, User
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.schema import DataType
from bulkzoho.sandbox.unverified_behaviors import DuplicateKeysBehavior, HandlingBehavior

__all__ = ["KEPT_DELETED_S", "Result", "Writer"]

KEPT_DELETED_S = 60 * 86_400  # seconds in the recycle bin; third-party notes from Zoho's pages


class Result(NamedTuple):
    """What became of one record: an element of ``data``, encoded."""

    accepted: bool
    encoded: bytes
    inserted: bool = False
    record_id: int = 0  #: of the record that was inserted


class Writer:
    """Write the records of one call to one module, all at one instant."""

    def __init__(self, crm: Crm, store: ModuleStore, unmodified_since: str | None = None, *, by: User | None = None) -> None:
        """Write as the user *by*, or as the one whom the token stands for."""
        self._actor = actor = by or crm.me
        self._is_founder = actor is crm.founder  # who stands nowhere: records without a maker are the administrator's
        self._crm = crm
        self._store = store
        self._strict = crm.settings.strict
        self._checker: RecordChecker = crm.checkers[store.crm_module.api_name]
        self._unmodified_since_s = None if unmodified_since is None else epoch(unmodified_since)
        self._now_s = crm.now_s()
        self._now = crm.zone.text(self._now_s)
        if self._strict.deleted_keys_stay_taken and self._store.deleted:
            self._store.purge_until(self._now_s - KEPT_DELETED_S)
        self._keeps_taken = self._strict.deleted_keys_stay_taken and bool(self._store.deleted)
        self._me = orjson.dumps(actor.reference())
        self._mine = b'"Modified_Time":"%s","Modified_By":%s,"Created_Time":' % (self._now.encode(), self._me)
        self._before_id = b'"details":{%s"%s","id":"' % (self._mine, self._now.encode())
        tail = b'"$approval_state":"approved"},"message":"record added","status":"success"}'
        self._after_id = b'","Created_By":%s,%s' % (self._me, tail)
        self._new_here: set[int] = set()  # inserted by this very call
        self._named_here: set[int] = set()  # updated by this very call, by their ids
        self._unique_on_insert = tuple(self._store.keys) if self._strict.system_keys_unique else self._store.unique

    def insert(self, record: Any, position: int) -> Result:
        """Insert one record."""
        try:
            return self._insert(self._checker.values(record), b"")
        except RecordRefusedError as refused:
            return self._refusal(refused, record, position, is_new=True)

    def update(self, record: Any, position: int, record_id: int | None = None) -> Result:
        """Update one record: the one of its ``id``, or *record_id* where the address names it."""
        try:
            values = self._checker.values(record)
            target = self._named(record) if record_id is None else record_id
            return self._update(target, record, values, b"")
        except RecordRefusedError as refused:
            return self._refusal(refused, record, position, is_new=False)

    def upsert(self, record: Any, position: int, check_fields: Sequence[str]) -> Result:
        """Update the record that has a key of this one, by *check_fields* in their order; else insert it."""
        try:
            values = self._checker.values(record)
            if self._strict.upsert_by_id and record.get("id"):
                return self._update(self._target(record), record, values, _upserted(None, "update"))
            found, by = self._match(values, check_fields)
            if found is None:
                made = self._insert(values, _upserted(None, "insert"))
                self._new_here.add(made.record_id)
                return made
            return self._update(found, record, values, _upserted(by, "update"))
        except RecordRefusedError as refused:
            return self._refusal(refused, record, position, is_new=True)

    def _insert(self, values: dict[str, Any], extra: bytes) -> Result:
        store = self._store
        self._checker.refuse_incomplete(values)
        self._refuse_taken(values, None, self._unique_on_insert)
        rows = taken_rows(self._crm, store, values, None) if store.children else ()
        record_id = self._crm.next_id()
        kept = values
        if None in values.values():
            kept = {name: value for name, value in values.items() if value is not None}
        if not self._is_founder:
            kept = {"Owner": self._actor.id, **kept, "Created_By": self._actor.id, "Modified_By": self._actor.id}
        store.insert(record_id, kept, self._now_s)
        for each in rows:
            each.write(self._crm, record_id, self._now_s, self._actor.id)
        encoded = b'{"code":"SUCCESS",%s%s%d%s' % (extra, self._before_id, record_id, self._after_id)
        return Result(True, encoded, True, record_id)  # noqa: FBT003 - by position, for this is where the time goes

    def _update(self, record_id: int, record: dict[str, Any], values: dict[str, Any], extra: bytes) -> Result:
        store = self._store
        if record_id not in store:
            raise RecordRefusedError("INVALID_DATA", "the id given seems to be invalid", "id")
        if record_id in store.converted:
            raise RecordRefusedError("CONVERTED_RECORD", "can't update the converted record", "id")
        self._refuse_modified(record_id)
        self._checker.refuse_clearing(values)
        self._refuse_taken(values, record_id, store.unique)
        if appends := record.get("$append_values"):
            self._append(record_id, values, appends)
        for rows in taken_rows(self._crm, store, values, record_id) if store.children else ():
            rows.write(self._crm, record_id, self._now_s, self._actor.id)
        changes = {**values, "Modified_By": None if self._is_founder else self._actor.id}
        store.update(record_id, changes, self._now_s)
        created = self._crm.zone.text(store.created_s(record_id))
        made_by = orjson.dumps(self._user(store.creator(record_id)))
        return Result(accepted=True, encoded=self._updated(record_id, created, made_by, extra))

    def _user(self, user_id: int | None) -> dict[str, Any]:
        user = None if user_id is None else self._crm.user(user_id)
        return (user or self._crm.founder).reference()

    def _updated(self, record_id: int, created: str, made_by: bytes, extra: bytes) -> bytes:
        return (
            b'{"code":"SUCCESS",%s"details":{%s"%s","id":"%d","Created_By":%s,"$approval_state":"approved"},'
            b'"message":"record updated","status":"success"}'
        ) % (extra, self._mine, created.encode(), record_id, made_by)

    def _named(self, record: dict[str, Any]) -> int:
        """Give the id that a record of an update names; the same one again may be refused."""
        target = self._target(record)
        if target in self._named_here and self._strict.same_record_twice is HandlingBehavior.REFUSE:
            raise RecordRefusedError("DUPLICATE_DATA", "duplicate data", "id", id=str(target))
        self._named_here.add(target)
        return target

    def _target(self, record: dict[str, Any]) -> int:
        given = record.get("id")
        if given is None:
            raise missing("id")
        target = record_id_of(given)
        if target is None:
            raise RecordRefusedError("INVALID_DATA", "the id given seems to be invalid", "id")
        return target

    def _match(self, values: dict[str, Any], check_fields: Sequence[str]) -> tuple[int | None, str]:
        """Find the record to update, and the field that found it."""
        handling = self._strict.duplicate_keys
        if self._strict.upsert_without_key is HandlingBehavior.REFUSE and all(values.get(name) is None for name in check_fields):
            raise missing(check_fields[0])
        for name in check_fields:
            value = values.get(name)
            if value is None:
                continue  # an empty key matches nothing
            found = self._store.keys[name].find(value)
            if handling is not DuplicateKeysBehavior.SEQUENTIAL and self._new_here.intersection(found):
                if handling is DuplicateKeysBehavior.REFUSE:
                    raise self._duplicate(name, found)
                found = tuple(each for each in found if each not in self._new_here)
            if len(found) > 1 and self._strict.several_matches is HandlingBehavior.REFUSE:
                raise self._duplicate(name, found)
            if found:
                return found[0], name
        return None, ""

    def _refuse_taken(self, values: dict[str, Any], record_id: int | None, names: Sequence[str]) -> None:
        for name in names:
            value = values.get(name)
            if value is not None:
                index = self._store.keys[name]
                if value in index and (found := index.find(value)) != (record_id,):
                    raise self._duplicate(name, found)
                if self._keeps_taken and name in self._store.deleted_keys:
                    self._refuse_deleted(name, value)

    def _refuse_deleted(self, name: str, value: Any) -> None:
        if found := self._store.deleted_keys[name].find(value):
            raise self._duplicate(name, found)

    def _duplicate(self, name: str, found: tuple[int, ...]) -> RecordRefusedError:
        crm_module = self._store.crm_module
        return duplicate(
            name,
            found[0],
            {**self._user(self._owner(found[0])), "zuid": "900"},
            {"api_name": crm_module.api_name, "id": crm_module.id},
            more=len(found) > 1,
        )

    def _owner(self, record_id: int) -> int | None:
        owner: int | None = self._store.values(record_id).get("Owner") if record_id in self._store else None
        return owner

    def _refuse_modified(self, record_id: int) -> None:
        since_s = self._unmodified_since_s
        if since_s is None or self._store.modified_s(record_id) <= since_s:
            return
        text, values = self._crm.zone.text, self._store.values(record_id)
        raise RecordRefusedError(
            "ALREADY_MODIFIED",
            "record already modified",
            Modified_Time=text(self._store.modified_s(record_id)),
            Created_Time=text(self._store.created_s(record_id)),
            id=str(record_id),
            Modified_By=self._user(values.get("Modified_By")),
            Created_By=self._user(values.get("Created_By")),
        )

    def _append(self, record_id: int, values: dict[str, Any], appends: Any) -> None:
        """Add to multi-select values instead of replacing them, where the record asks for it."""
        before = self._store.values(record_id)
        for name, wanted in appends.items() if type(appends) is dict else ():
            field = self._store.fields.get(name)
            if wanted is True and field is not None and field.data_type is DataType.MULTI_PICKLIST and values.get(name):
                values[name] = list(dict.fromkeys([*before.get(name, []), *values[name]]))

    def _refusal(self, refused: RecordRefusedError, record: Any, position: int, *, is_new: bool) -> Result:
        if self._strict.all_errors and type(record) is dict:
            found = self._checker.refusals(record, is_new=is_new)
            if len(found) > 1:
                refused = several([each.result(position) for each in found])
        told = refused.result(position)
        if self._strict.short_error_details:
            told["details"].pop("json_path", None)
        return Result(accepted=False, encoded=orjson.dumps(told))


def _upserted(by: str | None, action: str) -> bytes:
    return b'"duplicate_field":%s,"action":"%s",' % (orjson.dumps(by), action.encode())
