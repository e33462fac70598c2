"""Calls that an export reads by, one price and one error each; how records follow one another is the routes' own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, Protocol

from bulkzoho.domain.model.edition_limits import DEFAULT_COST, DELETED_PAGE_COST, IDS_PER_LIST_CALL, CallCost
from bulkzoho.domain.model.export import ApiPage, ExportPage, Partition
from bulkzoho.domain.model.responses import Rejected, Reply
from bulkzoho.engine.concurrency.coql_reader import CoqlReader, QueryRejectedError
from bulkzoho.engine.concurrency.gather import gather_first_error
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller, require_payload
from bulkzoho.errors import AccessError, RunFailedError
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

    def __init__(self, records: RecordReadApi, courier: RetryingCaller, *, crm_module: str) -> None:
        self._records = records
        self._coql = CoqlReader(records, courier, crm_module=crm_module)
        self._courier = courier

    async def page(self, fields: Sequence[str], *, token: str | None, since: str | None) -> ApiPage | Rejected:
        """Give one page of the list, or what was said of its token."""
        call = partial(self._records.page, fields, token=token, since=since)
        reply = await self._courier.call(call, DEFAULT_COST)
        if isinstance(reply, Rejected) and token is not None and reply.code in _ABOUT_THE_TOKEN:
            return reply
        page: ApiPage = require_payload(reply, "reading the list", hint=_OTHERWISE)
        return page

    async def first_changed(self, fields: Sequence[str], *, since: str) -> ApiPage:
        """Give the first page of what was changed since then."""
        call = partial(self._records.page, fields, token=None, since=since)
        page: ApiPage = await self._ask(call, DEFAULT_COST, "reading what was changed")
        return page

    async def named(self, fields: Sequence[str], ids: Sequence[str]) -> list[Record]:
        """Give the records of *ids*, those that are still there; all calls at once."""

        async def some(at: int) -> ApiPage:
            call = partial(self._records.named, fields, ids[at : at + IDS_PER_LIST_CALL])
            page: ApiPage = await self._ask(call, DEFAULT_COST, "reading records")
            return page

        pages = await gather_first_error([some(at) for at in range(0, len(ids), IDS_PER_LIST_CALL)])
        return [one for page in pages for one in page.records]

    async def query(
        self, fields: Sequence[str], conditions: Sequence[str], *, rows: int, above: str = "", up_to: str = ""
    ) -> ApiPage:
        """Read one page by COQL; see :meth:`CoqlReader.page`."""
        with _named_rejection():
            return await self._coql.page(fields, conditions, rows=rows, above=above, up_to=up_to)

    async def query_pages(
        self, fields: Sequence[str], conditions: Sequence[str], *, rows: int, above: str = "", up_to: str = ""
    ) -> AsyncIterator[ApiPage]:
        """Read page after page by COQL; see :meth:`CoqlReader.pages`."""
        with _named_rejection():
            async for page in self._coql.pages(fields, conditions, rows=rows, above=above, up_to=up_to):
                yield page

    async def first_id(self, query: str) -> str:
        """Return the id that *query* finds, "" for none or where COQL is not allowed."""
        try:
            with _named_rejection():
                found = await self._coql.rows(query, rows=1)
        except AccessError:  # a route that must have COQL says so itself
            return ""
        return str(found.records[0]["id"]) if found.records else ""

    async def count(self, queries: Sequence[str]) -> int | None:
        """Return the sum of what counting *queries* return, or None when the CRM does not count so."""
        with suppress(AccessError, QueryRejectedError):
            return await self._coql.count(queries)
        return None

    async def deleted(self, *, since: str | None) -> AsyncIterator[Sequence[Record]]:
        """Give what was deleted since then, or ever as far as the CRM remembers, newest first, each once, page by page."""
        seen: set[int] = set()  # what is deleted meanwhile moves others to the next page
        number: int | None = 1
        while number is not None:
            call = partial(self._records.deleted, since=since, page=number)
            reply = await self._courier.call(call, DELETED_PAGE_COST)
            page = require_payload(
                reply, "reading what was deleted", hint="Resume it, or export what was deleted since a later time."
            )
            fresh = {int(one[ID]): one for one in reversed(page.records) if int(one[ID]) not in seen}
            seen.update(fresh)
            yield [*reversed(fresh.values())]
            number = None if page.next_token is None else int(page.next_token)

    async def _ask(self, call: Callable[[], Awaitable[Reply]], price: CallCost, doing: str, *, hint: str = _OTHERWISE) -> Any:
        return require_payload(await self._courier.call(call, price), doing, hint=hint)


@contextmanager
def _named_rejection() -> Iterator[None]:
    """Turn a rejected query into the error that ends the export."""
    try:
        yield
    except QueryRejectedError as error:
        raise RunFailedError(
            f"reading by COQL: the CRM rejected the query ({error.reason}).", hint=_NOT_BY_COQL, code=error.code or None
        ) from error
