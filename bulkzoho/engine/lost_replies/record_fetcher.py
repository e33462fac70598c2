"""Read what the CRM holds, by record ids.  COQL: one credit for up to 100 records, and it sees a write at once (docs v7, v8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from bulkzoho.domain.compare.lookup_plan import FIELDS_AT_ONCE, ids_query
from bulkzoho.domain.model.edition_limits import CallCost
from bulkzoho.domain.model.responses import Rejected, Succeeded
from bulkzoho.domain.policy.retry import access_error
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.interfaces import MetadataApi

__all__ = ["Held", "QueryRejectedError", "RecordFetcher"]

PRICE: Final = CallCost(credits=1, heavy=True)  # up to 200 rows; docs "API limits" (v8)
IDS_AT_ONCE: Final = 100  # values of one IN, as third parties say
FEWER_IDS: Final = 50  # what every page that gives an example stays below
ALWAYS: Final = ("id", "Modified_Time", "Modified_By")

Held = dict[str, Any]  #: API name to value


class QueryRejectedError(Exception):
    """The CRM does not take the query.

    Attributes:
        reason: Its code and message.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RecordFetcher:
    """Reads records of one module.

    Attributes:
        unreadable: Fields that a query does not take, as far as met; they are missing from what is read.
    """

    def __init__(self, *, courier: RetryingCaller, crm: MetadataApi, crm_module: str) -> None:
        self.unreadable: dict[str, None] = {}
        self._courier = courier
        self._crm = crm
        self._crm_module = crm_module
        self._ids_at_once = IDS_AT_ONCE

    async def read(self, ids: Sequence[str], names: Sequence[str]) -> dict[str, Held]:
        """Give the records with *ids* that are there, by id: their fields *names*, Modified_Time and Modified_By.

        Raises:
            QueryRejectedError: The CRM does not take the query.
            StopRequestedError: The run was stopped meanwhile.
            AccessError: The token may not query.
            BulkZohoError: The CRM cannot be asked.
        """
        held: dict[str, Held] = {}
        left = list(ids)
        while left:
            some = left[: self._ids_at_once]
            try:
                for group in _groups(names):
                    for record in await self._ask(some, group):
                        held.setdefault(str(record["id"]), {}).update(record)
            except QueryRejectedError:
                if len(some) <= FEWER_IDS:
                    raise
                self._ids_at_once = FEWER_IDS
                continue
            left = left[len(some) :]
        return held

    async def _ask(self, ids: Sequence[str], names: Sequence[str]) -> list[Held]:
        while True:
            wanted = [name for name in names if name not in self.unreadable]
            text = ids_query(self._crm_module, [*ALWAYS, *wanted], ids)
            reply = await self._courier.deliver(partial(self._crm.query, text), PRICE)
            if isinstance(reply, Succeeded):
                return _records(reply.payload)
            if not isinstance(reply, Rejected):
                raise QueryRejectedError(reply.reason)
            if reply.status in (401, 403):
                raise access_error(reply, doing=f"querying {self._crm_module} by COQL")
            column = reply.details.get("column_name")
            if column not in wanted:
                raise QueryRejectedError(f"{reply.code}: {reply.message}")
            self.unreadable[str(column)] = None


def _groups(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Give *names* as many at a time as one query selects; one group when there are none."""
    most = FIELDS_AT_ONCE - len(ALWAYS)
    return (names[at : at + most] for at in range(0, max(1, len(names)), most))


def _records(payload: Any) -> list[Held]:
    if not isinstance(payload, list) or not all(isinstance(one, dict) and "id" in one for one in payload):
        raise QueryRejectedError("its answer cannot be read")
    return payload
