"""Tombstones: what was deleted, behind the records that are there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from bulkzoho.domain.model.export import ExportPage, Partition
from bulkzoho.engine.exporter.record_api import ID, RecordPager, RecordReadCalls

__all__ = ["DeletedRecordsPager"]


class DeletedRecordsPager:
    """Another source, and behind its strands one with what was deleted.

    The CRM pages it by number, and what is deleted meanwhile shifts the pages: it is read in one go, anew after a crash.
    """

    def __init__(
        self,
        pages: RecordPager,
        reader: RecordReadCalls,
        *,
        number: int,
        since: str | None,
        column: str,
        wanted: Callable[[str], bool] | None = None,
    ) -> None:
        """Read strand *number* from what was deleted *since* then, or ever; *column* holds when; *wanted* chooses ids."""
        self._pages = pages
        self._reader = reader
        self._number = number
        self._since = since
        self._column = column
        self._wanted = wanted

    async def pages(self, strand: Partition) -> AsyncIterator[ExportPage]:
        """See :meth:`bulkzoho.engine.exporter.record_api.RecordPager.pages`."""
        if strand.number != self._number:
            async for page in self._pages.pages(strand):
                yield page
        elif not strand.done:
            async for deleted in self._reader.deleted(since=self._since):
                found = [
                    {ID: str(one[ID]), self._column: one.get("deleted_time")}
                    for one in deleted
                    if self._wanted is None or self._wanted(str(one[ID]))
                ]
                yield ExportPage.of(found, position={}, done=False, whole=False)
            yield ExportPage.of([], position={}, done=True)
