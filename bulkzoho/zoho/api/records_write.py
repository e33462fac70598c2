"""Records route: insert, update, upsert and delete up to 100 records per call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from bulkzoho.domain.model.limits_and_costs import CallCost, write_cost
from bulkzoho.domain.model.responses import NotSent, Rejected, Reply, ResponseLost, TokenRejected
from bulkzoho.domain.model.rows import Batch, Operation
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.domain.transform.record_json import json_of
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.response_decoder import decode_write

__all__ = ["RecordWriteRoute"]

ALL_TRIGGERS: Final = "all"  #: the service's default, selected by leaving out ``trigger``
_ID: Final = re.compile(r"[0-9]{1,20}")
_METHODS: Final = {Operation.INSERT: "POST", Operation.UPDATE: "PUT", Operation.UPSERT: "POST", Operation.DELETE: "DELETE"}
# Features that ``trigger: []`` leaves on, by the first version that documents them (docs v7 "Update Records", OpenAPI v8)
_SKIPPED: Final = {"v7": ("cadences",), "v8": ("cadences", "assignment_rules")}


class RecordWriteRoute:
    """Writes with one operation to one module.  Implements :class:`bulkzoho.interfaces.ImportRoute`."""

    def __init__(
        self,
        client: ApiClient,
        *,
        crm_module: str,
        operation: Operation,
        match_on: Sequence[str] = (),
        trigger: Sequence[str] = (),
    ) -> None:
        """Write to *crm_module* (API name).

        *match_on* are the fields that an upsert matches by (API names).  *trigger* names the automations to run: none by default,
        ``("all",)`` for the service's own default.
        """
        self._client = client
        self._operation = operation
        self._trigger = tuple(trigger)
        path = f"/crm/{client.api_version}/{crm_module}"
        self._path = f"{path}/upsert" if operation is Operation.UPSERT else path
        switches = encode_json(self._body_switches(tuple(match_on)))
        self._tail = b"}" if switches == b"{}" else b"," + switches[1:]  # after the records

    @property
    def name(self) -> str:
        """Name in the summary."""
        return "records"

    def price(self, batch: Batch) -> CallCost:
        """Return the cost of sending *batch*."""
        return write_cost(len(batch), delete=self._operation is Operation.DELETE)

    async def send(self, batch: Batch) -> Reply:
        """Make one call; failures of the service or the network are returned, not raised."""
        if self._operation is Operation.DELETE:
            return await self._delete([str(record.get("id", "")) for record in batch.records])
        body = b"".join((b'{"data":', json_of(batch.records), self._tail))
        response = await self._client.call(_METHODS[self._operation], self._path, body=body)
        if isinstance(response, NotSent | ResponseLost | TokenRejected):
            return response
        ids = [str(record.get("id", "")) for record in batch.records] if self._operation is Operation.UPDATE else None
        return decode_write(response, self._operation, sent_ids=ids, records=len(batch))

    async def _delete(self, ids: list[str]) -> Reply:
        if not all(map(_ID.fullmatch, ids)):  # "1,2" would delete an additional record
            return Rejected(
                status=400, code="INVALID_DATA", message="the id given seems to be invalid", details={"api_name": "id"}
            )
        params = {"ids": ",".join(ids)}
        if not self._trigger:
            params["wf_trigger"] = "false"  # docs "Delete Records": the default is true
        response = await self._client.call("DELETE", self._path, params=params)
        if isinstance(response, NotSent | ResponseLost | TokenRejected):
            return response
        return decode_write(response, Operation.DELETE, sent_ids=ids, records=len(ids))

    def _body_switches(self, match_on: tuple[str, ...]) -> dict[str, Any]:
        """Return the keys next to ``data``; without ``trigger`` the service runs workflows, approvals and blueprints."""
        switches: dict[str, Any] = {}
        if ALL_TRIGGERS not in self._trigger:
            switches["trigger"] = list(self._trigger)
        skipped = () if self._trigger else _SKIPPED.get(self._client.api_version, ())
        if skipped and self._operation is Operation.UPSERT:  # an upsert needs one entry per action
            switches["skip_feature_execution"] = [
                {"name": name, "action": action} for name in skipped for action in ("insert", "update")
            ]
        elif skipped:
            switches["skip_feature_execution"] = [{"name": name} for name in skipped]
        if match_on and self._operation is Operation.UPSERT:
            switches["duplicate_check_fields"] = list(match_on)
        return switches
