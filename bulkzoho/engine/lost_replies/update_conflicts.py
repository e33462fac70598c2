"""Check the records of an update before it is sent again: changes made by another user since are not overwritten."""

from __future__ import annotations

from collections.abc import Callable

from bulkzoho.domain.compare.conflicts import comparable_fields, conflict_rejection, is_overwritten_change
from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.metadata import CrmModule, User
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Batch, Record
from bulkzoho.engine.concurrency.coql_reader import QueryRejectedError
from bulkzoho.engine.lost_replies.protocols import ConflictResult
from bulkzoho.engine.lost_replies.record_fetcher import RecordFetcher

__all__ = ["UpdateConflicts"]


class UpdateConflicts:
    """A :class:`bulkzoho.engine.lost_replies.protocols.ConflictCheck`.

    Args:
        records: Reads records by id.
        crm_module: Their module.
        user: The user that the token belongs to; None if unknown.
        tell: Shows one line to the user.
    """

    def __init__(self, *, records: RecordFetcher, crm_module: CrmModule, user: User | None, tell: Callable[[str], None]) -> None:
        self._records = records
        self._crm_module = crm_module
        self._user_id = None if user is None else user.id
        self._tell = tell

    async def find(self, batch: Batch, shipment: InFlightShipment) -> ConflictResult:
        """See :class:`bulkzoho.engine.lost_replies.protocols.ConflictCheck`."""
        ids = {at: _id_of(record) for at, record in enumerate(batch.records)}
        names = list(dict.fromkeys(name for record in batch.records for name in comparable_fields(record, self._crm_module)))
        try:
            found = await self._records.read(list(ids.values()), names)
        except QueryRejectedError as error:
            self._tell(
                f"{len(batch)} rows of an update without a response stay in doubt: cannot check whether another user changed"
                f" their records since ({error.reason})."
            )
            return ConflictResult(unknown=True)
        rejected: dict[int, Rejection] = {}
        for at, record_id in ids.items():
            now = found.get(record_id)
            if now is None:
                continue  # it was deleted: the service rejects the row itself
            sent = batch.records[at]
            if is_overwritten_change(sent, now, self._crm_module, since_s=shipment.first_s, user_id=self._user_id):
                rejected[at] = conflict_rejection(sent, now, self._crm_module)
        return ConflictResult(rejected=rejected)


def _id_of(record: Record) -> str:
    return str(record.get("id", "")).strip().lstrip("0")
