"""Read records by COQL: keyset pages in the order of ids, one price and one kind of rejection for every query."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Final

from bulkzoho.domain.coql.builder import id_above, id_at_most, page_query
from bulkzoho.domain.model.export import MORE, ApiPage
from bulkzoho.domain.model.limits_and_costs import coql_cost
from bulkzoho.domain.model.responses import Rejected, Succeeded
from bulkzoho.domain.policy.retry import access_error
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.interfaces import QueryApi

__all__ = ["CoqlReader", "QueryRejectedError"]

_UNREADABLE: Final = "its answer cannot be read"


class QueryRejectedError(Exception):
    """The CRM rejects a query, or its answer cannot be used.

    Attributes:
        reason: The CRM's code and message.
        code: The CRM's code; "" for an answer that cannot be used.
        column: The column that the CRM rejects, if it names one.
    """

    def __init__(self, reply: Rejected | None = None) -> None:
        self.reason = _UNREADABLE if reply is None else f"{reply.code}: {reply.message}"
        self.code = "" if reply is None else reply.code
        column = None if reply is None else reply.details.get("column_name")
        self.column = column if isinstance(column, str) else None
        super().__init__(self.reason)


class CoqlReader:
    """The queries for the records of one module.

    Every method raises:
        QueryRejectedError: The CRM rejects the query, or its answer cannot be used.
        AccessError: The token or the user may not query.
        StopRequestedError: The run was stopped before the query was sent.
        BulkZohoError: The CRM cannot be reached.
    """

    def __init__(self, api: QueryApi, caller: RetryingCaller, *, crm_module: str) -> None:
        self._api = api
        self._caller = caller
        self._crm_module = crm_module

    async def pages(
        self,
        fields: Sequence[str],
        conditions: Sequence[str],
        *,
        rows: int,
        above: str = "",
        up_to: str = "",
        full_page: int | None = None,
    ) -> AsyncIterator[ApiPage]:
        """Read all records that meet *conditions*, page by page; the last page, which may be empty, has no next token.

        Args:
            fields: The columns, ``id`` among them.
            conditions: Conditions that must all hold.
            rows: The most rows of one page.
            above: Only ids greater than this one; "" for all.
            up_to: Only ids up to this one; "" for all.
            full_page: After a page of this many rows, or of as many as an earlier page had, another page is read even if the
                CRM says that there are no more rows: the most rows of an answer differ between versions of the API.
        """
        longest = rows + 1 if full_page is None else full_page
        while True:
            page = await self.page(fields, conditions, rows=rows, above=above, up_to=up_to)
            count = len(page.records)
            is_last = not count or (page.next_token is None and count < longest)
            yield replace(page, next_token=None if is_last else MORE)
            if is_last:
                return
            longest, above = max(longest, count), str(page.records[-1]["id"])

    async def page(
        self, fields: Sequence[str], conditions: Sequence[str], *, rows: int, above: str = "", up_to: str = ""
    ) -> ApiPage:
        """Read one page in the order of ids; rows out of order are an error, because records may be missing between them."""
        limits = [id_above(above), id_at_most(up_to)]
        page = await self.rows(page_query(self._crm_module, fields, [*conditions, *limits], limit=rows), rows=rows)
        if any(lower >= higher for lower, higher in pairwise([int(above or 0), *(int(one["id"]) for one in page.records)])):
            raise QueryRejectedError
        return page

    async def rows(self, query: str, *, rows: int) -> ApiPage:
        """Send one *query* for at most *rows* records; each has a numeric id, as text."""
        page = await self._ask(query, rows=rows)
        if not all(str(record.get("id")).isdecimal() for record in page.records):
            raise QueryRejectedError
        return replace(page, records=[{**record, "id": str(record["id"])} for record in page.records])

    async def count(self, queries: Sequence[str]) -> int | None:
        """Return the sum of what the counting *queries* return, or None when the CRM rejects one of them."""
        total = 0
        for query in queries:
            page = await self._ask(query, rows=1)
            if page.records:
                numbers = [value for name, value in page.records[0].items() if name != "id"]
                if len(numbers) != 1:
                    return None
                total += int(numbers[0])
        return total

    async def _ask(self, query: str, *, rows: int) -> ApiPage:
        reply = await self._caller.call(partial(self._api.query, query), coql_cost(rows))
        if isinstance(reply, Rejected):
            if reply.access_denied:
                raise access_error(reply, doing=f"querying {self._crm_module} by COQL")
            raise QueryRejectedError(reply)
        if not isinstance(reply, Succeeded) or not isinstance(reply.payload, ApiPage):
            raise QueryRejectedError
        if not all(isinstance(record, Mapping) for record in reply.payload.records):
            raise QueryRejectedError
        return reply.payload
