"""Read deleted records after the existing ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from bulkzoho.domain.model.export import DELETED, ExportPage, Partition
from bulkzoho.engine.exporter.record_api import RecordPager, RecordReadCalls

__all__ = ["DeletedRecordsPager"]


class DeletedRecordsPager:
    """Another pager, and one more partition with the deleted records.

    The CRM numbers the pages of deleted records, and further deletions shift them: they are read in one go, and again from the
    beginning after a crash.
    """

    def __init__(
        self,
        existing: RecordPager,
        calls: RecordReadCalls,
        *,
        number: int,
        since: str | None,
        is_wanted: Callable[[str], bool] | None = None,
    ) -> None:
        """Read partition *number* from the records deleted since *since* (None: ever) whose id *is_wanted*."""
        self._existing = existing
        self._calls = calls
        self._number = number
        self._since = since
        self._is_wanted = is_wanted

    async def pages(self, partition: Partition) -> AsyncIterator[ExportPage]:
        """See :meth:`bulkzoho.engine.exporter.record_api.RecordPager.pages`."""
        if partition.number != self._number:
            async for page in self._existing.pages(partition):
                yield page
        elif not partition.done:
            async for deleted in self._calls.deleted(since=self._since):
                found = [
                    {"id": str(record["id"]), DELETED: record.get("deleted_time")}
                    for record in deleted
                    if self._is_wanted is None or self._is_wanted(str(record["id"]))
                ]
                yield ExportPage.from_records(found, position={}, done=False, resumable=False)
            yield ExportPage.from_records([], position={}, done=True)
