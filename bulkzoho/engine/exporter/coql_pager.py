"""Read records by COQL: keyset pages by rising id, so that records created or deleted meanwhile shift nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from bulkzoho.domain.model.export import ApiPage, ExportPage, Partition
from bulkzoho.domain.model.limits_and_costs import COQL_PAGE_ROWS
from bulkzoho.engine.concurrency.gather import gather_first_error
from bulkzoho.engine.exporter.field_group_join import by_id, coql_reader, join_field_groups
from bulkzoho.engine.exporter.record_api import Record, RecordReadCalls

__all__ = ["CoqlPager"]


class CoqlPager:
    """A :class:`RecordPager`; the position holds ``after``, the last id."""

    def __init__(
        self, calls: RecordReadCalls, *, groups: Sequence[Sequence[str]], conditions: Sequence[str], page_rows: int
    ) -> None:
        self._calls = calls
        self._groups = groups
        self._conditions = conditions
        self._rows = min(page_rows, COQL_PAGE_ROWS)
        # without conditions: a record that was changed since its page was read still belongs to the export
        self._reread = coql_reader(calls, groups)

    async def pages(self, partition: Partition) -> AsyncIterator[ExportPage]:
        """See :meth:`bulkzoho.engine.exporter.record_api.RecordPager.pages`."""
        if partition.done:
            return
        after = str(partition.position.get("after") or partition.above)
        async for page in self._calls.query_pages(
            self._groups[0], self._conditions, rows=self._rows, above=after, up_to=partition.up_to
        ):
            records: Sequence[Record] = []
            if page.records:
                last = str(page.records[-1]["id"])
                others = await gather_first_error([self._group(fields, after, last) for fields in self._groups[1:]])
                records = await join_field_groups(page.records, [by_id(other.records) for other in others], self._reread)
                after = last
            yield ExportPage.from_records(records, position={"after": after}, done=page.next_token is None)

    async def _group(self, fields: Sequence[str], above: str, up_to: str) -> ApiPage:
        return await self._calls.query(fields, self._conditions, rows=self._rows, above=above, up_to=up_to)
