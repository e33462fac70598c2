"""The records route: insert, update, upsert and delete of up to 100 records in one call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from bulkzoho.domain.model.edition_limits import CallCost, write_cost
from bulkzoho.domain.model.responses import NotSent, Rejected, Reply, ResponseLost, TokenRejected
from bulkzoho.domain.model.rows import Batch, Operation
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.domain.transform.record_json import json_of
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.response_decoder import decode_write

__all__ = ["RecordWriteRoute"]

ALL_TRIGGERS: Final = "all"  #: the service's own default, which is said by leaving ``trigger`` out
_ID: Final = re.compile(r"[0-9]{1,20}")
_METHODS: Final = {Operation.INSERT: "POST", Operation.UPDATE: "PUT", Operation.UPSERT: "POST", Operation.DELETE: "DELETE"}
# What ``trigger: []`` does not switch off, by the first version whose docs know it (docs v7 "Update Records", OpenAPI v8)
_SKIPPED: Final = {"v7": ("cadences",), "v8": ("cadences", "assignment_rules")}


class RecordWriteRoute:
    """One module and one operation; implements the ``Route`` port."""

    def __init__(
        self,
        transport: ApiClient,
        *,
        crm_module: str,
        operation: Operation,
        match_on: Sequence[str] = (),
        trigger: Sequence[str] = (),
    ) -> None:
        """Send to *crm_module* (API name).

        *match_on* are the fields an upsert matches by (API names); *trigger* the automations that may run, none by default,
        ``("all",)`` for what the service does by itself.
        """
        self._transport = transport
        self._operation = operation
        self._trigger = tuple(trigger)
        path = f"/crm/{transport.api_version}/{crm_module}"
        self._path = f"{path}/upsert" if operation is Operation.UPSERT else path
        switches = encode_json(self._body_switches(tuple(match_on)))
        self._tail = b"}" if switches == b"{}" else b"," + switches[1:]  # behind the records

    @property
    def name(self) -> str:
        """The word in the summary."""
        return "records"

    def price(self, batch: Batch) -> CallCost:
        """Give what sending *batch* costs."""
        return write_cost(len(batch), delete=self._operation is Operation.DELETE)

    async def send(self, batch: Batch) -> Reply:
        """Make one call; what the service or the network did is the reply."""
        if self._operation is Operation.DELETE:
            return await self._delete([str(record.get("id", "")) for record in batch.records])
        body = b"".join((b'{"data":', json_of(batch.records), self._tail))
        wire = await self._transport.call(_METHODS[self._operation], self._path, body=body)
        if isinstance(wire, NotSent | ResponseLost | TokenRejected):
            return wire
        ids = [str(record.get("id", "")) for record in batch.records] if self._operation is Operation.UPDATE else None
        return decode_write(wire, self._operation, sent_ids=ids, records=len(batch))

    async def _delete(self, ids: list[str]) -> Reply:
        if not all(_ID.fullmatch(one) for one in ids):  # "1,2" would delete a record that nobody named
            return Rejected(
                status=400, code="INVALID_DATA", message="the id given seems to be invalid", details={"api_name": "id"}
            )
        params = {"ids": ",".join(ids)}
        if not self._trigger:
            params["wf_trigger"] = "false"  # docs "Delete Records": true when left out
        wire = await self._transport.call("DELETE", self._path, params=params)
        if isinstance(wire, NotSent | ResponseLost | TokenRejected):
            return wire
        return decode_write(wire, Operation.DELETE, sent_ids=ids, records=len(ids))

    def _body_switches(self, match_on: tuple[str, ...]) -> dict[str, Any]:
        """Give what stands beside ``data``; ``trigger`` left out would run workflows, approvals and blueprints."""
        switches: dict[str, Any] = {}
        if ALL_TRIGGERS not in self._trigger:
            switches["trigger"] = list(self._trigger)
        skipped = () if self._trigger else _SKIPPED.get(self._transport.api_version, ())
        if skipped and self._operation is Operation.UPSERT:  # there each is told for which of its two actions
            switches["skip_feature_execution"] = [
                {"name": name, "action": action} for name in skipped for action in ("insert", "update")
            ]
        elif skipped:
            switches["skip_feature_execution"] = [{"name": name} for name in skipped]
        if match_on and self._operation is Operation.UPSERT:
            switches["duplicate_check_fields"] = list(match_on)
        return switches
