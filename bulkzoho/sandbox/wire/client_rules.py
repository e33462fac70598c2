"""Detect violations of Zoho's client rules; nothing here changes a response."""

from __future__ import annotations

from typing import Any

from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.key_index import key_of
from bulkzoho.sandbox.wire.request import Request

__all__ = ["ClientRules"]

MAX_RECORDS = 100  # records or ids a call; Zoho docs, "Insert Records" (v7)
SEARCH_AFTER_WRITE_S = 60.0  # a search this soon after a write checks the write against a lagging index
_KEYED = {"insert", "upsert"}


class ClientRules:
    """Detector of rule violations, fed with each call."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm

    def start_call(self, request: Request) -> None:
        """Check a call that passed token and quotas."""
        crm, call = self._crm, request.call
        if call.records > MAX_RECORDS:
            crm.violations.add("too_many_records", call.number, str(call.records))
        if request.route.writes:
            crm.last_write_s[call.crm_module] = call.arrived_s
        elif call.operation == "search":
            written_s = crm.last_write_s.get(call.crm_module)
            if written_s is not None and call.arrived_s - written_s < SEARCH_AFTER_WRITE_S:
                crm.violations.add("search_after_write", call.number)
        if call.operation in _KEYED:
            self._record_keys(request)

    def end_call(self, request: Request) -> None:
        """Release the keys of a finished call."""
        keys_in_flight, number = self._crm.keys_in_flight, request.call.number
        for key in request.keys:
            if keys_in_flight.get(key) == number:
                del keys_in_flight[key]

    def _record_keys(self, request: Request) -> None:
        """Record the keys of a call; report duplicates within it or in other calls in flight."""
        crm, call = self._crm, request.call
        store = crm.stores.get(call.crm_module)
        if store is None:
            return
        names = store.unique
        if call.operation == "upsert":
            names = tuple(dict.fromkeys((*names, *(call.duplicate_check_fields or (store.crm_module.system_key,)))))
        for record in request.records():
            for key in _keys_of(record, names, call.crm_module):
                holder = crm.keys_in_flight.setdefault(key, call.number)
                if holder != call.number:
                    crm.violations.add("same_key_in_two_calls_in_flight", call.number, f"{key[1]}, call {holder}")
                elif key in request.keys:
                    crm.violations.add("same_key_twice_in_a_call", call.number, key[1])
                request.keys.add(key)


def _keys_of(record: Any, names: tuple[str, ...], crm_module: str) -> list[tuple[str, str, str]]:
    if type(record) is not dict:
        return []
    return [(crm_module, name, key_of(record[name])) for name in names if record.get(name)]
