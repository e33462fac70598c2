"""Records by COQL: pages by id, upwards, so that nothing shifts whatever is made or deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from bulkzoho.domain.coql import builder as coql
from bulkzoho.domain.model.export import ApiPage, ExportPage, Partition
from bulkzoho.domain.policy.export_route import COQL_PAGE
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
        crm_module: str,
        groups: Sequence[Sequence[str]],
        conditions: Sequence[str],
        page_rows: int,
    ) -> None:
        self._reader = reader
        self._module = crm_module
        self._groups = groups
        self._conditions = conditions
        self._rows = min(page_rows, COQL_PAGE)
        # without the conditions: what a change has moved out of them since the page was read belongs to the export all the same
        self._again = coql_reader(reader, crm_module=crm_module, groups=groups)

    async def pages(self, strand: Partition) -> AsyncIterator[ExportPage]:
        """See :meth:`bulkzoho.engine.exporter.record_api.RecordPager.pages`."""
        after, done = str(strand.position.get("after") or strand.above), strand.done
        while not done:
            page = await self._rows_of(self._groups[0], after, strand.up_to)
            main, done = page.records, page.next_token is None or not page.records
            records: Sequence[Record] = []
            if main:
                last = str(main[-1]["id"])
                others = await gather_first_error([self._rows_of(fields, after, last) for fields in self._groups[1:]])
                records = await join_field_groups(main, [by_id(one.records) for one in others], self._again)
                after = last
            yield ExportPage.of(records, position={"after": after}, done=done)

    async def _rows_of(self, fields: Sequence[str], above: str, up_to: str) -> ApiPage:
        conditions = [*self._conditions, coql.id_above(above), coql.id_at_most(up_to)]
        return await self._reader.rows(coql.page_query(self._module, fields, conditions, limit=self._rows), limit=self._rows)
