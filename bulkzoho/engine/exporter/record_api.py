"""Calls that an export reads by, one price and one error each; how records follow one another is the routes' own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from bulkzoho.domain.model.edition_limits import CallCost
from bulkzoho.domain.model.export import ApiPage, ExportPage, Partition
from bulkzoho.domain.model.responses import Rejected, Reply, Succeeded
from bulkzoho.domain.policy.export_route import MAX_NAMED, coql_credits
from bulkzoho.engine.concurrency.gather import gather_first_error
from bulkzoho.engine.concurrency.payload import require_payload
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.interfaces import RecordReadApi

__all__ = ["LIST_ENDS", "Record", "RecordPager", "RecordReadCalls"]

LIST_ENDS: Final = "PAGINATION_LIMIT_EXCEEDED"  #: what is said behind the last record that tokens reach; docs v7 "Get Records"
ID: Final = "id"
_OTHERWISE: Final = "Resume it, or export with --route coql or other --fields."
_NOT_BY_COQL: Final = "Resume it, or export with --route list or bulk, or with other --fields."
_ABOUT_THE_TOKEN: Final = frozenset({"EXPIRED_VALUE", "INVALID_DATA", "TOKEN_BOUND_DATA_MISMATCH", LIST_ENDS})

Record = Mapping[str, Any]


class RecordPager(Protocol):
    """One way to read a strand."""

    def pages(self, strand: Partition) -> AsyncIterator[ExportPage]:
        """Give the pages of *strand* from its position on.

        Raises:
            BulkZohoError: The CRM refuses, or cannot be reached.
            StopRequestedError: The run ends before the next page was read.
        """


class RecordReadCalls:
    """Calls for records, one price and one error each."""

    def __init__(self, records: RecordReadApi, courier: RetryingCaller) -> None:
        self._records = records
        self._courier = courier

    async def page(self, fields: Sequence[str], *, token: str | None, since: str | None) -> ApiPage | Rejected:
        """Give one page of the list, or what was said of its token."""
        call = partial(self._records.page, fields, token=token, since=since)
        reply = await self._courier.deliver(call, CallCost())
        if isinstance(reply, Rejected) and token is not None and reply.code in _ABOUT_THE_TOKEN:
            return reply
        page: ApiPage = require_payload(reply, "reading the list", hint=_OTHERWISE)
        return page

    async def first_changed(self, fields: Sequence[str], *, since: str) -> ApiPage:
        """Give the first page of what was changed since then."""
        call = partial(self._records.page, fields, token=None, since=since)
        page: ApiPage = await self._ask(call, CallCost(), "reading what was changed")
        return page

    async def named(self, fields: Sequence[str], ids: Sequence[str]) -> list[Record]:
        """Give the records of *ids*, those that are still there; all calls at once."""

        async def some(at: int) -> ApiPage:
            call = partial(self._records.named, fields, ids[at : at + MAX_NAMED])
            page: ApiPage = await self._ask(call, CallCost(), "reading records")
            return page

        pages = await gather_first_error([some(at) for at in range(0, len(ids), MAX_NAMED)])
        return [one for page in pages for one in page.records]

    async def rows(self, query: str, *, limit: int) -> ApiPage:
        """Give the rows of a query for at most *limit* rows; the token tells whether there are more."""
        price = CallCost(credits=coql_credits(limit), heavy=True)
        page: ApiPage = await self._ask(partial(self._records.rows, query), price, "reading by COQL", hint=_NOT_BY_COQL)
        return page

    async def count(self, queries: Sequence[str]) -> int | None:
        """Give the sum of what counting *queries* answer, or None when the CRM does not count so."""
        found = 0
        for query in queries:
            reply = await self._courier.deliver(partial(self._records.rows, query), CallCost(heavy=True))
            if not isinstance(reply, Succeeded):
                return None
            if reply.payload.records:
                numbers = [value for name, value in reply.payload.records[0].items() if name != ID]
                if len(numbers) != 1:
                    return None
                found += int(numbers[0])
        return found

    async def deleted(self, *, since: str | None) -> AsyncIterator[Sequence[Record]]:
        """Give what was deleted since then, or ever as far as the CRM remembers, newest first, each once, page by page."""
        seen: set[int] = set()  # what is deleted meanwhile moves others to the next page
        number: int | None = 1
        while number is not None:
            call = partial(self._records.deleted, since=since, page=number)
            reply = await self._courier.deliver(call, CallCost(credits=2))  # 1 or 2 credits (UNVERIFIED)
            page = require_payload(
                reply, "reading what was deleted", hint="Resume it, or export what was deleted since a later time."
            )
            fresh = {int(one[ID]): one for one in reversed(page.records) if int(one[ID]) not in seen}
            seen.update(fresh)
            yield [*reversed(fresh.values())]
            number = None if page.next_token is None else int(page.next_token)

    async def _ask(self, call: Callable[[], Awaitable[Reply]], price: CallCost, doing: str, *, hint: str = _OTHERWISE) -> Any:
        return require_payload(await self._courier.deliver(call, price), doing, hint=hint)
