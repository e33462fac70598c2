"""Watch for what a well-behaved client must not do; nothing here changes an answer."""

from __future__ import annotations

from typing import Any

from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.key_index import key_of
from bulkzoho.sandbox.wire.request import Request

__all__ = ["ClientRules"]

MAX_RECORDS = 100  # records or ids a call; Zoho docs, "Insert Records" (v7)
SEARCH_AFTER_WRITE_S = 60.0  # a search this soon after a write can only be a check of it, and the index lags
_KEYED = {"insert", "upsert"}


class ClientRules:
    """Note violations, call by call."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm

    def enter(self, exchange: Request) -> None:
        """Look at a call that was let in."""
        crm, call = self._crm, exchange.call
        if call.records > MAX_RECORDS:
            crm.violations.add("too_many_records", call.number, str(call.records))
        if exchange.route.writes:
            crm.last_write_s[call.crm_module] = call.arrived_s
        elif call.operation == "search":
            wrote_s = crm.last_write_s.get(call.crm_module)
            if wrote_s is not None and call.arrived_s - wrote_s < SEARCH_AFTER_WRITE_S:
                crm.violations.add("search_after_write", call.number)
        if call.operation in _KEYED:
            self._take_keys(exchange)

    def leave(self, exchange: Request) -> None:
        """Let go of the keys that the call carried."""
        taken, number = self._crm.keys_in_flight, exchange.call.number
        for key in exchange.keys:
            if taken.get(key) == number:
                del taken[key]

    def _take_keys(self, exchange: Request) -> None:
        """Note keys that stand twice in this call, or in another that is in flight."""
        crm, call = self._crm, exchange.call
        store = crm.stores.get(call.crm_module)
        if store is None:
            return
        names = store.unique
        if call.operation == "upsert":
            names = tuple(dict.fromkeys((*names, *(call.duplicate_check_fields or (store.crm_module.system_key,)))))
        for record in exchange.records():
            for key in _keys_of(record, names, call.crm_module):
                holder = crm.keys_in_flight.setdefault(key, call.number)
                if holder != call.number:
                    crm.violations.add("same_key_in_two_calls_in_flight", call.number, f"{key[1]}, call {holder}")
                elif key in exchange.keys:
                    crm.violations.add("same_key_twice_in_a_call", call.number, key[1])
                exchange.keys.add(key)


def _keys_of(record: Any, names: tuple[str, ...], crm_module: str) -> list[tuple[str, str, str]]:
    if type(record) is not dict:
        return []
    return [(crm_module, name, key_of(record[name])) for name in names if record.get(name)]
