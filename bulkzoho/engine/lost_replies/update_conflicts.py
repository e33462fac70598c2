"""Look at the records of a lost update before it is sent again: what somebody changed since is not overwritten."""

from __future__ import annotations

from collections.abc import Callable

from bulkzoho.domain.compare.conflicts import comparable_fields, conflict_rejection, is_overwritten_change
from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.metadata import CrmModule, User
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Batch, Record
from bulkzoho.engine.concurrency.coql_reader import QueryRejectedError
from bulkzoho.engine.lost_replies.in_doubt import ConflictResult
from bulkzoho.engine.lost_replies.record_fetcher import RecordFetcher

__all__ = ["UpdateConflicts"]


class UpdateConflicts:
    """A :class:`bulkzoho.engine.lost_replies.in_doubt.ConflictCheck`.

    Args:
        holdings: Reads records by id.
        crm_module: Their module.
        user: Who the token acts as; None when that is not known.
        tell: Takes one line for a person.
    """

    def __init__(self, *, holdings: RecordFetcher, crm_module: CrmModule, user: User | None, tell: Callable[[str], None]) -> None:
        self._holdings = holdings
        self._crm_module = crm_module
        self._user_id = None if user is None else user.id
        self._tell = tell

    async def find(self, batch: Batch, shipment: InFlightShipment) -> ConflictResult:
        """See :class:`bulkzoho.engine.lost_replies.in_doubt.ConflictCheck`."""
        ids = {at: _id_of(record) for at, record in enumerate(batch.records)}
        names = list(dict.fromkeys(name for record in batch.records for name in comparable_fields(record, self._crm_module)))
        try:
            held = await self._holdings.read(list(ids.values()), names)
        except QueryRejectedError as error:
            self._tell(
                f"{len(batch)} rows of a lost update stay in doubt: whether somebody changed their records since cannot be seen"
                f" ({error.reason})."
            )
            return ConflictResult(untold=True)
        refused: dict[int, Rejection] = {}
        for at, record_id in ids.items():
            now = held.get(record_id)
            if now is None:
                continue  # it is gone: the service says so itself
            sent = batch.records[at]
            if is_overwritten_change(sent, now, self._crm_module, since_s=shipment.first_s, user_id=self._user_id):
                refused[at] = conflict_rejection(sent, now, self._crm_module)
        return ConflictResult(refused=refused)


def _id_of(record: Record) -> str:
    return str(record.get("id", "")).strip().lstrip("0")
