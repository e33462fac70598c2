"""Records by COQL: pages by id, upwards, so that nothing shifts whatever is made or deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from bulkzoho.domain.model.edition_limits import COQL_PAGE_ROWS
from bulkzoho.domain.model.export import ApiPage, ExportPage, Partition
from bulkzoho.engine.concurrency.gather import gather_first_error
from bulkzoho.engine.exporter.field_group_join import by_id, coql_reader, join_field_groups
from bulkzoho.engine.exporter.record_api import Record, RecordReadCalls

__all__ = ["CoqlPager"]


class CoqlPager:
    """Implements ``Pages``: a page is all that comes after the last id; the position holds ``after``, that id."""

    def __init__(
        self,
        reader: RecordReadCalls,
        *,
        groups: Sequence[Sequence[str]],
        conditions: Sequence[str],
        page_rows: int,
    ) -> None:
        self._reader = reader
        self._groups = groups
        self._conditions = conditions
        self._rows = min(page_rows, COQL_PAGE_ROWS)
        # without the conditions: what a change has moved out of them since the page was read belongs to the export all the same
        self._again = coql_reader(reader, groups)

    async def pages(self, strand: Partition) -> AsyncIterator[ExportPage]:
        """See :meth:`bulkzoho.engine.exporter.record_api.RecordPager.pages`."""
        if strand.done:
            return
        after = str(strand.position.get("after") or strand.above)
        async for page in self._reader.query_pages(
            self._groups[0], self._conditions, rows=self._rows, above=after, up_to=strand.up_to
        ):
            records: Sequence[Record] = []
            if page.records:
                last = str(page.records[-1]["id"])
                others = await gather_first_error([self._group(fields, after, last) for fields in self._groups[1:]])
                records = await join_field_groups(page.records, [by_id(one.records) for one in others], self._again)
                after = last
            yield ExportPage.of(records, position={"after": after}, done=page.next_token is None)

    async def _group(self, fields: Sequence[str], above: str, up_to: str) -> ApiPage:
        return await self._reader.query(fields, self._conditions, rows=self._rows, above=above, up_to=up_to)
