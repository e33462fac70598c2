"""Tell a delete whose first reply was lost from an id that was never there.

The service answers both with "record not deleted" (docs "Delete Records" v7).  Only the list of deleted records tells: an id
that it shows since the first call left was deleted by that call, or by somebody who wanted the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from bulkzoho.domain.compare.lookup_plan import parse_timestamp_s
from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.edition_limits import DELETED_PAGE_COST
from bulkzoho.domain.model.export import ApiPage
from bulkzoho.domain.model.responses import Rejected, Succeeded
from bulkzoho.domain.model.results import WriteResults
from bulkzoho.domain.model.rows import Action, Batch
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.interfaces import RecordReadApi

__all__ = ["DeleteResendInterpreter"]

NOT_DELETED: Final = "INVALID_DATA"  # the code of "record not deleted"
MOST_PAGES: Final = 1_000  # 200,000 records deleted since the call left


class DeleteResendInterpreter:
    """A :class:`bulkzoho.engine.importer.sender.ResendInterpreter` for deletes.

    Args:
        tell: Takes one line for a person.
    """

    def __init__(self, *, courier: RetryingCaller, records: RecordReadApi, crm_module: str, tell: Callable[[str], None]) -> None:
        self._courier = courier
        self._records = records
        self._crm_module = crm_module
        self._tell = tell
        self._told = False

    async def read(self, batch: Batch, shipment: InFlightShipment, results: WriteResults) -> WriteResults:
        """See :class:`bulkzoho.engine.importer.sender.ResendInterpreter`."""
        refused = {at: _plain(batch.records[at].get("id")) for at, one in results.refused.items() if one.code == NOT_DELETED}
        if not refused:
            return results
        gone = await self._gone(set(refused.values()), since_s=math.floor(shipment.first_s))
        accepted = {at: one for at, one in refused.items() if one in gone}
        actions = [Action.DELETE] * len(batch)
        return replace(
            results,
            ids=[accepted.get(at, one) for at, one in enumerate(results.ids)],
            actions=actions,
            refused={at: refusal for at, refusal in results.refused.items() if at not in accepted},
        )

    async def _gone(self, wanted: Collection[str], *, since_s: float) -> set[str]:
        """Give those of *wanted* that were deleted since."""
        gone: set[str] = set()
        since = datetime.fromtimestamp(since_s, UTC).isoformat(timespec="seconds")
        for number in range(1, MOST_PAGES + 1):
            reply = await self._courier.deliver(partial(self._records.deleted, since=since, page=number), DELETED_PAGE_COST)
            if not isinstance(reply, Succeeded):
                self._say_unreadable(f"{reply.code}: {reply.message}" if isinstance(reply, Rejected) else reply.reason)
                break
            page: ApiPage = reply.payload
            for record in page.records:
                if record["id"] in wanted and (parse_timestamp_s(record.get("deleted_time")) or since_s) >= since_s:
                    gone.add(record["id"])
            if page.next_token is None or len(gone) == len(wanted):
                break
        return gone

    def _say_unreadable(self, why: str) -> None:
        if not self._told:
            self._told = True
            self._tell(
                f"The deleted {self._crm_module} cannot be read ({why}): those that a lost call may have deleted become letters."
            )


def _plain(record_id: object) -> str:
    return str(record_id or "").strip().lstrip("0")
