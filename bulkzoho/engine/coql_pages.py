"""Records by COQL: pages by id, upwards, so that nothing shifts whatever is made or deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from bulkzoho.core import coql
from bulkzoho.core.exporting import COQL_PAGE
from bulkzoho.engine.pages import Reader, Record
from bulkzoho.engine.together import together
from bulkzoho.engine.whole_records import by_id, queried_by_ids, whole
from bulkzoho.model.export import Page, RecordPage, Strand

__all__ = ["CoqlPages"]


class CoqlPages:
    """Implements ``Pages``: a page is all that comes after the last id; the position holds ``after``, that id."""

    def __init__(
        self, reader: Reader, *, crm_module: str, groups: Sequence[Sequence[str]], conditions: Sequence[str], page_rows: int
    ) -> None:
        self._reader = reader
        self._module = crm_module
        self._groups = groups
        self._conditions = conditions
        self._rows = min(page_rows, COQL_PAGE)
        # without the conditions: what a change has moved out of them since the page was read belongs to the export all the same
        self._again = queried_by_ids(reader, crm_module=crm_module, groups=groups)

    async def pages(self, strand: Strand) -> AsyncIterator[Page]:
        """See :meth:`bulkzoho.engine.pages.Pages.pages`."""
        after, done = str(strand.position.get("after") or strand.above), strand.done
        while not done:
            page = await self._rows_of(self._groups[0], after, strand.up_to)
            main, done = page.records, page.next_token is None or not page.records
            records: Sequence[Record] = []
            if main:
                last = str(main[-1]["id"])
                others = await together([self._rows_of(fields, after, last) for fields in self._groups[1:]])
                records = await whole(main, [by_id(one.records) for one in others], self._again)
                after = last
            yield Page.of(records, position={"after": after}, done=done)

    async def _rows_of(self, fields: Sequence[str], above: str, up_to: str) -> RecordPage:
        conditions = [*self._conditions, coql.id_above(above), coql.id_up_to(up_to)]
        return await self._reader.rows(coql.page_query(self._module, fields, conditions, limit=self._rows), limit=self._rows)
