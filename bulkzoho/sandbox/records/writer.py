"""Insert, update and upsert records one by one, with one result each (zoho-api, 5.3 to 5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.record_errors import RecordRefusedError, duplicate, missing, several
from bulkzoho.sandbox.records.subforms import take_child_rows
from bulkzoho.sandbox.records.validator import RecordChecker
from bulkzoho.sandbox.state.clock import parse_timestamp
from bulkzoho.sandbox.state.crm import Crm, User
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.schema import DataType
from bulkzoho.sandbox.unverified_behaviors import DuplicateKeysBehavior, HandlingBehavior

__all__ = ["KEPT_DELETED_S", "Result", "Writer"]

KEPT_DELETED_S = 60 * 86_400  # seconds in the recycle bin; third-party notes from Zoho's pages


class Result(NamedTuple):
    """Result of one record: an encoded element of ``data``."""

    accepted: bool
    encoded: bytes
    inserted: bool = False
    record_id: int = 0  #: id of the inserted record


class Writer:
    """Writer of the records of one call to one module, all with the same timestamp."""

    def __init__(self, crm: Crm, store: ModuleStore, unmodified_since: str | None = None, *, by: User | None = None) -> None:
        """Write as the user *by*, by default the token's owner."""
        self._actor = actor = by or crm.current_user
        self._is_administrator = actor is crm.administrator  # stored values omit the administrator
        self._crm = crm
        self._store = store
        self._strict = crm.settings.strict
        self._checker: RecordChecker = crm.checkers[store.crm_module.api_name]
        self._unmodified_since_s = None if unmodified_since is None else parse_timestamp(unmodified_since)
        self._now_s = crm.now_s()
        self._now = crm.zone.format(self._now_s)
        if self._strict.deleted_keys_stay_taken and self._store.deleted:
            self._store.purge_until(self._now_s - KEPT_DELETED_S)
        self._checks_deleted_keys = self._strict.deleted_keys_stay_taken and bool(self._store.deleted)
        self._actor_json = orjson.dumps(actor.reference())
        self._modified_json = b'"Modified_Time":"%s","Modified_By":%s,"Created_Time":' % (self._now.encode(), self._actor_json)
        self._before_id = b'"details":{%s"%s","id":"' % (self._modified_json, self._now.encode())
        tail = b'"$approval_state":"approved"},"message":"record added","status":"success"}'
        self._after_id = b'","Created_By":%s,%s' % (self._actor_json, tail)
        self._inserted_ids: set[int] = set()  # ids inserted by this call
        self._updated_ids: set[int] = set()  # ids updated by this call
        self._unique_on_insert = tuple(self._store.keys) if self._strict.system_keys_unique else self._store.unique

    def insert(self, record: Any, position: int) -> Result:
        """Insert one record."""
        try:
            return self._insert(self._checker.values(record), b"")
        except RecordRefusedError as rejection:
            return self._rejected(rejection, record, position, is_new=True)

    def update(self, record: Any, position: int, record_id: int | None = None) -> Result:
        """Update the record named by its ``id``, or *record_id* if the path names it."""
        try:
            values = self._checker.values(record)
            target = self._unique_target(record) if record_id is None else record_id
            return self._update(target, record, values, b"")
        except RecordRefusedError as rejection:
            return self._rejected(rejection, record, position, is_new=False)

    def upsert(self, record: Any, position: int, check_fields: Sequence[str]) -> Result:
        """Update the record that matches one of *check_fields*, tried in order; otherwise insert."""
        try:
            values = self._checker.values(record)
            if self._strict.upsert_by_id and record.get("id"):
                return self._update(self._target_id(record), record, values, _upsert_details(None, "update"))
            target, matched_field = self._match(values, check_fields)
            if target is None:
                result = self._insert(values, _upsert_details(None, "insert"))
                self._inserted_ids.add(result.record_id)
                return result
            return self._update(target, record, values, _upsert_details(matched_field, "update"))
        except RecordRefusedError as rejection:
            return self._rejected(rejection, record, position, is_new=True)

    def _insert(self, values: dict[str, Any], extra: bytes) -> Result:
        store = self._store
        self._checker.require_mandatory(values)
        self._check_unique(values, None, self._unique_on_insert)
        rows = take_child_rows(self._crm, store, values, None) if store.children else ()
        record_id = self._crm.next_id()
        stored = values
        if None in values.values():
            stored = {name: value for name, value in values.items() if value is not None}
        if not self._is_administrator:
            stored = {"Owner": self._actor.id, **stored, "Created_By": self._actor.id, "Modified_By": self._actor.id}
        store.insert(record_id, stored, self._now_s)
        for each in rows:
            each.write(self._crm, record_id, self._now_s, self._actor.id)
        encoded = b'{"code":"SUCCESS",%s%s%d%s' % (extra, self._before_id, record_id, self._after_id)
        return Result(True, encoded, True, record_id)  # noqa: FBT003 - positional, in the hot path

    def _update(self, record_id: int, record: dict[str, Any], values: dict[str, Any], extra: bytes) -> Result:
        store = self._store
        if record_id not in store:
            raise RecordRefusedError("INVALID_DATA", "the id given seems to be invalid", "id")
        if record_id in store.converted:
            raise RecordRefusedError("CONVERTED_RECORD", "can't update the converted record", "id")
        self._check_unmodified(record_id)
        self._checker.forbid_clearing(values)
        self._check_unique(values, record_id, store.unique)
        if appends := record.get("$append_values"):
            self._append(record_id, values, appends)
        for rows in take_child_rows(self._crm, store, values, record_id) if store.children else ():
            rows.write(self._crm, record_id, self._now_s, self._actor.id)
        changes = {**values, "Modified_By": None if self._is_administrator else self._actor.id}
        store.update(record_id, changes, self._now_s)
        created = self._crm.zone.format(store.created_s(record_id))
        created_by = orjson.dumps(self._user(store.created_by(record_id)))
        return Result(accepted=True, encoded=self._encode_updated(record_id, created, created_by, extra))

    def _user(self, user_id: int | None) -> dict[str, Any]:
        user = None if user_id is None else self._crm.user(user_id)
        return (user or self._crm.administrator).reference()

    def _encode_updated(self, record_id: int, created: str, created_by: bytes, extra: bytes) -> bytes:
        return (
            b'{"code":"SUCCESS",%s"details":{%s"%s","id":"%d","Created_By":%s,"$approval_state":"approved"},'
            b'"message":"record updated","status":"success"}'
        ) % (extra, self._modified_json, created.encode(), record_id, created_by)

    def _unique_target(self, record: dict[str, Any]) -> int:
        """Return the id of an update record; a repeated id may be rejected."""
        target = self._target_id(record)
        if target in self._updated_ids and self._strict.same_record_twice is HandlingBehavior.REFUSE:
            raise RecordRefusedError("DUPLICATE_DATA", "duplicate data", "id", id=str(target))
        self._updated_ids.add(target)
        return target

    def _target_id(self, record: dict[str, Any]) -> int:
        record_id = record.get("id")
        if record_id is None:
            raise missing("id")
        target = record_id_of(record_id)
        if target is None:
            raise RecordRefusedError("INVALID_DATA", "the id given seems to be invalid", "id")
        return target

    def _match(self, values: dict[str, Any], check_fields: Sequence[str]) -> tuple[int | None, str]:
        """Return the record to update and the field that matched."""
        handling = self._strict.duplicate_keys
        if self._strict.upsert_without_key is HandlingBehavior.REFUSE and all(values.get(name) is None for name in check_fields):
            raise missing(check_fields[0])
        for name in check_fields:
            value = values.get(name)
            if value is None:
                continue  # an empty key matches nothing
            matches = self._store.keys[name].find(value)
            if handling is not DuplicateKeysBehavior.SEQUENTIAL and self._inserted_ids.intersection(matches):
                if handling is DuplicateKeysBehavior.REFUSE:
                    raise self._duplicate(name, matches)
                matches = tuple(each for each in matches if each not in self._inserted_ids)
            if len(matches) > 1 and self._strict.several_matches is HandlingBehavior.REFUSE:
                raise self._duplicate(name, matches)
            if matches:
                return matches[0], name
        return None, ""

    def _check_unique(self, values: dict[str, Any], record_id: int | None, names: Sequence[str]) -> None:
        for name in names:
            value = values.get(name)
            if value is not None:
                index = self._store.keys[name]
                if value in index and (matches := index.find(value)) != (record_id,):
                    raise self._duplicate(name, matches)
                if self._checks_deleted_keys and name in self._store.deleted_keys:
                    self._check_deleted_key(name, value)

    def _check_deleted_key(self, name: str, value: Any) -> None:
        if matches := self._store.deleted_keys[name].find(value):
            raise self._duplicate(name, matches)

    def _duplicate(self, name: str, matches: tuple[int, ...]) -> RecordRefusedError:
        crm_module = self._store.crm_module
        return duplicate(
            name,
            matches[0],
            {**self._user(self._owner(matches[0])), "zuid": "900"},
            {"api_name": crm_module.api_name, "id": crm_module.id},
            more=len(matches) > 1,
        )

    def _owner(self, record_id: int) -> int | None:
        owner: int | None = self._store.values(record_id).get("Owner") if record_id in self._store else None
        return owner

    def _check_unmodified(self, record_id: int) -> None:
        since_s = self._unmodified_since_s
        if since_s is None or self._store.modified_s(record_id) <= since_s:
            return
        format_time, values = self._crm.zone.format, self._store.values(record_id)
        raise RecordRefusedError(
            "ALREADY_MODIFIED",
            "record already modified",
            Modified_Time=format_time(self._store.modified_s(record_id)),
            Created_Time=format_time(self._store.created_s(record_id)),
            id=str(record_id),
            Modified_By=self._user(values.get("Modified_By")),
            Created_By=self._user(values.get("Created_By")),
        )

    def _append(self, record_id: int, values: dict[str, Any], appends: Any) -> None:
        """Append to multi-select values instead of replacing them, if the record requests it."""
        before = self._store.values(record_id)
        for name, wanted in appends.items() if type(appends) is dict else ():
            field = self._store.fields.get(name)
            if wanted is True and field is not None and field.data_type is DataType.MULTI_PICKLIST and values.get(name):
                values[name] = list(dict.fromkeys([*before.get(name, []), *values[name]]))

    def _rejected(self, rejection: RecordRefusedError, record: Any, position: int, *, is_new: bool) -> Result:
        if self._strict.all_errors and type(record) is dict:
            errors = self._checker.all_errors(record, is_new=is_new)
            if len(errors) > 1:
                rejection = several([each.result(position) for each in errors])
        result = rejection.result(position)
        if self._strict.short_error_details:
            result["details"].pop("json_path", None)
        return Result(accepted=False, encoded=orjson.dumps(result))


def _upsert_details(matched_field: str | None, action: str) -> bytes:
    return b'"duplicate_field":%s,"action":"%s",' % (orjson.dumps(matched_field), action.encode())
