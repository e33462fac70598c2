"""Interpret the results of upserts and deletes that were sent again because the first response was lost."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from bulkzoho.domain.compare.record_ownership import parse_timestamp_s
from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.export import ApiPage
from bulkzoho.domain.model.limits_and_costs import DELETED_PAGE_COST
from bulkzoho.domain.model.responses import Rejected, Succeeded
from bulkzoho.domain.model.results import WriteResults
from bulkzoho.domain.model.rows import Action, Batch
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.interfaces import RecordReadApi

__all__ = ["DeleteResendInterpreter", "UpsertResendInterpreter"]

NOT_DELETED: Final = "INVALID_DATA"  # the code of "record not deleted"
PAGES_MAX: Final = 1_000  # 200,000 records deleted since the call was sent


class UpsertResendInterpreter:
    """A :class:`bulkzoho.engine.lost_replies.protocols.ResendInterpreter` for upserts.

    The second request finds the record that the first one created, and reports an update.  A record created since the first
    request, whose id no run here knows, was created by that request: the row counts as an insert.

    Args:
        known_ids: Returns those of some record ids that belong to rows of runs here.
    """

    def __init__(self, *, known_ids: Callable[[Sequence[str]], set[str]]) -> None:
        self._known_ids = known_ids

    async def read(self, batch: Batch, shipment: InFlightShipment, results: WriteResults) -> WriteResults:
        """See :class:`bulkzoho.engine.lost_replies.protocols.ResendInterpreter`."""
        since_s = math.floor(shipment.first_s)  # Created_Time has whole seconds
        updated = [at for at in range(len(batch)) if at not in results.rejected and results.action(at) is Action.UPDATE]
        fresh = [at for at in updated if (parse_timestamp_s(results.created[at] if results.created else None) or 0.0) >= since_s]
        if not fresh:
            return results
        known = self._known_ids([results.ids[at] for at in fresh])
        inserted = {at for at in fresh if results.ids[at] not in known}
        actions = [Action.INSERT if at in inserted else results.action(at) for at in range(len(batch))]
        return replace(results, actions=actions)


class DeleteResendInterpreter:
    """A :class:`bulkzoho.engine.lost_replies.protocols.ResendInterpreter` for deletes.

    The service answers "record not deleted" (docs "Delete Records" v7) both for a record that the first request deleted and for
    an id that never existed.  The list of deleted records tells them apart: an id in it since the first request was deleted by
    that request, or by another user.

    Args:
        tell: Shows one line to the user.
    """

    def __init__(self, *, caller: RetryingCaller, records: RecordReadApi, crm_module: str, tell: Callable[[str], None]) -> None:
        self._caller = caller
        self._records = records
        self._crm_module = crm_module
        self._tell = tell
        self._warned = False

    async def read(self, batch: Batch, shipment: InFlightShipment, results: WriteResults) -> WriteResults:
        """See :class:`bulkzoho.engine.lost_replies.protocols.ResendInterpreter`."""
        not_deleted = {
            at: _plain_id(batch.records[at].get("id")) for at, why in results.rejected.items() if why.code == NOT_DELETED
        }
        if not not_deleted:
            return results
        gone = await self._deleted_among(set(not_deleted.values()), since_s=math.floor(shipment.first_s))
        accepted = {at: record_id for at, record_id in not_deleted.items() if record_id in gone}
        return replace(
            results,
            ids=[accepted.get(at, record_id) for at, record_id in enumerate(results.ids)],
            actions=[Action.DELETE] * len(batch),
            rejected={at: rejection for at, rejection in results.rejected.items() if at not in accepted},
        )

    async def _deleted_among(self, ids: Collection[str], *, since_s: float) -> set[str]:
        """Return those of *ids* that were deleted since."""
        gone: set[str] = set()
        since = datetime.fromtimestamp(since_s, UTC).isoformat(timespec="seconds")
        for number in range(1, PAGES_MAX + 1):
            reply = await self._caller.call(partial(self._records.deleted, since=since, page=number), DELETED_PAGE_COST)
            if not isinstance(reply, Succeeded):
                self._warn_unreadable(f"{reply.code}: {reply.message}" if isinstance(reply, Rejected) else reply.reason)
                break
            page: ApiPage = reply.payload
            for record in page.records:
                if record["id"] in ids and (parse_timestamp_s(record.get("deleted_time")) or since_s) >= since_s:
                    gone.add(record["id"])
            if page.next_token is None or len(gone) == len(ids):
                break
        return gone

    def _warn_unreadable(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            self._tell(
                f"The deleted {self._crm_module} cannot be read ({why}): rows that a request without a response may have deleted"
                " become rejected rows."
            )


def _plain_id(record_id: object) -> str:
    return str(record_id or "").strip().lstrip("0")
