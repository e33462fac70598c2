"""The API calls of an export, each with its price and its error.  How pages follow one another is up to the pagers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, Protocol

from bulkzoho.domain.model.export import ApiPage, ExportPage, Partition
from bulkzoho.domain.model.limits_and_costs import DEFAULT_COST, DELETED_PAGE_COST, IDS_PER_LIST_CALL
from bulkzoho.domain.model.responses import Rejected, Reply
from bulkzoho.engine.concurrency.coql_reader import CoqlReader, QueryRejectedError
from bulkzoho.engine.concurrency.gather import gather_first_error
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller, require_payload
from bulkzoho.errors import AccessError, RunFailedError
from bulkzoho.interfaces import RecordReadApi

__all__ = ["LIST_ENDS", "Record", "RecordPager", "RecordReadCalls"]

LIST_ENDS: Final = "PAGINATION_LIMIT_EXCEEDED"  #: the code after the last record that page tokens reach; docs "Get Records" (v7)
_OTHER_ROUTE: Final = "Resume it, or export with --route coql or other --fields."
_WITHOUT_COQL: Final = "Resume it, or export with --route list or bulk, or with other --fields."
_TOKEN_CODES: Final = frozenset({"EXPIRED_VALUE", "INVALID_DATA", "TOKEN_BOUND_DATA_MISMATCH", LIST_ENDS})

Record = Mapping[str, Any]


class RecordPager(Protocol):
    """One way to read a partition."""

    def pages(self, partition: Partition) -> AsyncIterator[ExportPage]:
        """Read the pages of *partition* from its position on.

        Raises:
            BulkZohoError: The CRM rejects a call, or cannot be reached.
            StopRequestedError: The run was stopped before the next page was read.
        """


class RecordReadCalls:
    """Calls that read the records of one module."""

    def __init__(self, records: RecordReadApi, caller: RetryingCaller, *, crm_module: str) -> None:
        self._records = records
        self._caller = caller
        self._coql = CoqlReader(records, caller, crm_module=crm_module)

    async def page(self, fields: Sequence[str], *, token: str | None, since: str | None) -> ApiPage | Rejected:
        """Read one page of the list; return the rejection if it concerns the token."""
        call = partial(self._records.page, fields, token=token, since=since)
        reply = await self._caller.call(call, DEFAULT_COST)
        if isinstance(reply, Rejected) and token is not None and reply.code in _TOKEN_CODES:
            return reply
        page: ApiPage = require_payload(reply, "reading the list", hint=_OTHER_ROUTE)
        return page

    async def first_changed(self, fields: Sequence[str], *, since: str) -> ApiPage:
        """Read the first page of the records changed since then."""
        call = partial(self._records.page, fields, token=None, since=since)
        return await self._read(call, "reading the changed records")

    async def by_ids(self, fields: Sequence[str], ids: Sequence[str]) -> list[Record]:
        """Read the records with *ids* that exist; all calls run at once."""

        async def read(at: int) -> ApiPage:
            call = partial(self._records.by_ids, fields, ids[at : at + IDS_PER_LIST_CALL])
            return await self._read(call, "reading records")

        pages = await gather_first_error([read(at) for at in range(0, len(ids), IDS_PER_LIST_CALL)])
        return [record for page in pages for record in page.records]

    async def query(
        self, fields: Sequence[str], conditions: Sequence[str], *, rows: int, above: str = "", up_to: str = ""
    ) -> ApiPage:
        """Read one page by COQL; see :meth:`CoqlReader.page`."""
        with _as_run_failure():
            return await self._coql.page(fields, conditions, rows=rows, above=above, up_to=up_to)

    async def query_pages(
        self, fields: Sequence[str], conditions: Sequence[str], *, rows: int, above: str = "", up_to: str = ""
    ) -> AsyncIterator[ApiPage]:
        """Read page after page by COQL; see :meth:`CoqlReader.pages`."""
        with _as_run_failure():
            async for page in self._coql.pages(fields, conditions, rows=rows, above=above, up_to=up_to):
                yield page

    async def first_id(self, query: str) -> str:
        """Return the id that *query* finds; "" for none, or where COQL is not permitted."""
        try:
            with _as_run_failure():
                page = await self._coql.rows(query, rows=1)
        except AccessError:  # a route that needs COQL raises it again
            return ""
        return str(page.records[0]["id"]) if page.records else ""

    async def count(self, queries: Sequence[str]) -> int | None:
        """Return the sum of what the counting *queries* return; None when the CRM rejects one."""
        with suppress(AccessError, QueryRejectedError):
            return await self._coql.count(queries)
        return None

    async def deleted(self, *, since: str | None) -> AsyncIterator[Sequence[Record]]:
        """Read the records deleted since then (None: all that the CRM lists), newest first, each once, page by page."""
        seen: set[int] = set()  # a deletion while reading moves others to the next page
        number: int | None = 1
        while number is not None:
            reply = await self._caller.call(partial(self._records.deleted, since=since, page=number), DELETED_PAGE_COST)
            page: ApiPage = require_payload(
                reply, "reading the deleted records", hint="Resume it, or export the records deleted since a later time."
            )
            new = {int(record["id"]): record for record in reversed(page.records) if int(record["id"]) not in seen}
            seen.update(new)
            yield [*reversed(new.values())]
            number = None if page.next_token is None else int(page.next_token)

    async def _read(self, call: Callable[[], Awaitable[Reply]], doing: str) -> ApiPage:
        page: ApiPage = require_payload(await self._caller.call(call, DEFAULT_COST), doing, hint=_OTHER_ROUTE)
        return page


@contextmanager
def _as_run_failure() -> Iterator[None]:
    """Turn a rejected query into the error that ends the export."""
    try:
        yield
    except QueryRejectedError as error:
        raise RunFailedError(
            f"reading by COQL: the CRM rejected the query ({error.reason}).", hint=_WITHOUT_COQL, code=error.code or None
        ) from error
