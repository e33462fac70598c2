"""Where an export's records come from: pages of the list, or of COQL, each record whole and once.

A record of more than one group of fields is put together only when all groups show the same Modified_Time; else it is read
again.  Pages of a strand come in one order, and every page says where the strand goes on, also in another process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from bulkzoho.core import coql
from bulkzoho.core.exporting import COQL_PAGE, MODIFIED, coql_credits
from bulkzoho.core.judging import access_error
from bulkzoho.engine.courier import Courier
from bulkzoho.errors import RunFailedError
from bulkzoho.model.export import Page, RecordPage, Strand
from bulkzoho.model.plans import Price
from bulkzoho.model.replies import Answered, Lost, Refused, Reply
from bulkzoho.ports import Records

__all__ = ["CoqlPages", "ListPages", "Pages", "Reader", "WithDeleted"]

MAX_NAMED: Final = 50  # ids of one call: the parameter holds 1,024 characters (OpenAPI ``record``)
PATIENCE: Final = 10  # times that a record which changes all the while is read again
ID: Final = "id"
RETRY_AFTER_S: Final = 0.5  # seconds before it is
_DENIED: Final = (401, 403)

Record = Mapping[str, Any]


class Pages(Protocol):
    """One way to read a strand."""

    def pages(self, strand: Strand) -> AsyncIterator[Page]:
        """Give the pages of *strand* from its position on.

        Raises:
            BulkZohoError: The CRM refuses, or cannot be reached.
            AdmissionClosedError: The run ends before the next page was read.
        """


class Reader:
    """Calls for records, one price and one error each."""

    def __init__(self, records: Records, courier: Courier) -> None:
        self._records = records
        self._courier = courier

    async def page(self, fields: Sequence[str], *, token: str | None, since: str | None) -> RecordPage | Refused:
        """Give one page of the list, or what was said of its token."""
        reply = await self._courier.deliver(lambda: self._records.page(fields, token=token, since=since), Price())
        if isinstance(reply, Refused) and token is not None and reply.code in _TOKEN_IS_OLD:
            return reply
        page: RecordPage = _payload(reply, "reading the list")
        return page

    async def first_changed(self, fields: Sequence[str], *, since: str) -> RecordPage:
        """Give the first page of what was changed since then."""
        page: RecordPage = await self._ask(
            lambda: self._records.page(fields, token=None, since=since), Price(), "reading what was changed"
        )
        return page

    async def named(self, fields: Sequence[str], ids: Sequence[str]) -> list[Record]:
        """Give the records of *ids*, those that are still there."""
        found: list[Record] = []
        for at in range(0, len(ids), MAX_NAMED):
            call = partial(self._records.named, fields, ids[at : at + MAX_NAMED])
            found += (await self._ask(call, Price(), "reading records")).records
        return found

    async def rows(self, query: str, *, limit: int) -> RecordPage:
        """Give the rows of a query for at most *limit* rows; the token tells whether there are more."""
        price = Price(credits=coql_credits(limit), heavy=True)
        page: RecordPage = await self._ask(lambda: self._records.rows(query), price, "reading by COQL")
        return page

    async def count(self, query: str) -> int | None:
        """Give the number that a counting query answers, or None when the CRM does not count so."""
        reply = await self._courier.deliver(lambda: self._records.rows(query), Price(heavy=True))
        if not isinstance(reply, Answered) or not reply.payload.records:
            return 0 if isinstance(reply, Answered) else None
        found = [value for name, value in reply.payload.records[0].items() if name != ID]
        return int(found[0]) if len(found) == 1 else None

    async def deleted(self, *, since: str) -> list[Record]:
        """Give what was deleted since then, newest first."""
        found: list[Record] = []
        number: int | None = 1
        while number is not None:
            call = partial(self._records.deleted, since=since, page=number)
            page = await self._ask(call, Price(credits=2), "reading what was deleted")  # 1 or 2 credits (UNVERIFIED)
            found += page.records
            number = None if page.next_token is None else int(page.next_token)
        return found

    async def _ask(self, call: Callable[[], Awaitable[Reply]], price: Price, doing: str) -> Any:
        return _payload(await self._courier.deliver(call, price), doing)


_TOKEN_IS_OLD: Final = frozenset({"EXPIRED_VALUE", "INVALID_DATA", "TOKEN_BOUND_DATA_MISMATCH"})


def _payload(reply: Answered | Refused | Lost, doing: str) -> Any:
    match reply:
        case Answered(payload=payload):
            return payload
        case Refused() if reply.status in _DENIED:
            raise access_error(reply, doing=doing)
        case Refused():
            raise RunFailedError(
                f"{doing}: the CRM refused ({reply.code}: {reply.message}).",
                hint="Resume it, or export with --route coql or other --fields.",
                code=reply.code,
            )
        case Lost():
            raise RunFailedError(f"{doing}: no answer that can be read ({reply.reason}).", hint="Resume it.")


class CoqlPages:
    """Pages by id, upwards: a page is all that comes after the last id, so that nothing shifts whatever is made or deleted."""

    def __init__(
        self, reader: Reader, *, crm_module: str, groups: Sequence[Sequence[str]], conditions: Sequence[str], page_rows: int
    ) -> None:
        self._reader = reader
        self._module = crm_module
        self._groups = groups
        self._conditions = conditions
        self._rows = min(page_rows, COQL_PAGE)

    async def pages(self, strand: Strand) -> AsyncIterator[Page]:
        """See :meth:`Pages.pages`; the position holds ``after``, the last id that was read."""
        after, done = str(strand.position.get("after") or strand.above), strand.done
        while not done:
            page = await self._rows_of(self._groups[0], after, strand.up_to)
            main, done = page.records, page.next_token is None or not page.records
            if main:
                last = str(main[-1]["id"])
                others = await self._others(after, last)
                records = await _whole(main, others, self._again)
                after = last
            else:
                records = []
            yield Page.of(records, position={"after": after}, done=done)

    async def _rows_of(self, fields: Sequence[str], above: str, up_to: str) -> RecordPage:
        conditions = [*self._conditions, coql.id_above(above), coql.id_up_to(up_to)]
        return await self._reader.rows(coql.page_query(self._module, fields, conditions, limit=self._rows), limit=self._rows)

    async def _others(self, above: str, up_to: str) -> list[dict[str, Record]]:
        """Give the other groups of a page by id; what a change has moved out of the conditions is read again by its id."""

        async def one(fields: Sequence[str]) -> dict[str, Record]:
            return _by_id((await self._rows_of(fields, above, up_to)).records)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(fields)) for fields in self._groups[1:]]
        return [task.result() for task in tasks]

    async def _again(self, ids: Sequence[str]) -> list[dict[str, Record]]:
        found: list[dict[str, Record]] = []
        for fields in self._groups:
            rows: list[Record] = []
            for at in range(0, len(ids), MAX_NAMED):
                some = ids[at : at + MAX_NAMED]
                query = coql.page_query(self._module, fields, [coql.ids_in(some)], limit=200)
                rows += (await self._reader.rows(query, limit=200)).records
            found.append(_by_id(rows))
        return found


class ListPages:
    """Pages of the list, downwards by id, by the tokens that the CRM gives; each group of fields is a listing of its own.

    A token lives for 24 hours.  After that the listing begins anew, and what stands above the last id is passed over.
    """

    def __init__(self, reader: Reader, *, groups: Sequence[Sequence[str]], since: str | None) -> None:
        self._reader = reader
        self._groups = groups
        self._since = since

    async def pages(self, strand: Strand) -> AsyncIterator[Page]:
        """See :meth:`Pages.pages`; the position holds ``tokens``, one a group, and ``last``, the last id that was read."""
        last, done = str(strand.position.get("last", "")), strand.done
        tokens = strand.position.get("tokens") or [None] * len(self._groups)
        main, *others = (
            _Listing(self._reader, fields, token=token, since=self._since)
            for fields, token in zip(self._groups, tokens, strict=True)
        )
        while not done:
            page = await main.next()
            records = [one for one in page if not last or int(one["id"]) < int(last)]
            last = str(records[-1]["id"]) if records else last
            found = await self._beside(others, last) if records else []
            whole = await _whole(records, found, self._again)
            done = main.ended
            yield Page.of(whole, position={"tokens": [main.token, *(one.first for one in others)], "last": last}, done=done)

    @staticmethod
    async def _beside(others: Sequence[_Listing], lowest: str) -> list[dict[str, Record]]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one.down_to(int(lowest))) for one in others]
        return [task.result() for task in tasks]

    async def _again(self, ids: Sequence[str]) -> list[dict[str, Record]]:
        return [_by_id(await self._reader.named(fields, ids)) for fields in self._groups]


class _Listing:
    """One listing and how far it was read.

    Attributes:
        token: Of the page that comes next: None for the first, "" when there is none.
        first: Of the first page that holds records which were not asked for yet.
    """

    def __init__(self, reader: Reader, fields: Sequence[str], *, token: str | None, since: str | None) -> None:
        self.token = self.first = token
        self._reader = reader
        self._fields = fields
        self._since = since
        self._restarts = 0
        self._kept: list[tuple[str | None, list[Record]]] = []

    @property
    def ended(self) -> bool:
        """Whether no page comes any more."""
        return self.token == ""

    async def next(self) -> Sequence[Record]:
        """Give the next page."""
        while True:
            page = await self._reader.page(self._fields, token=self.token, since=self._since)
            if isinstance(page, RecordPage):
                self.token = page.next_token or ""
                return page.records
            self._restarts += 1
            if self._restarts > MAX_RESTARTS:
                raise RunFailedError(
                    f"reading the list: the CRM refused the token of the next page ({page.code}).",
                    hint="Resume it, or export with --route coql.",
                    code=page.code,
                )
            self.token = None

    async def down_to(self, lowest: int) -> dict[str, Record]:
        """Give all records with ids not below *lowest* that were not given yet."""
        while not self.ended and (not self._kept or not self._kept[-1][1] or int(self._kept[-1][1][-1]["id"]) > lowest):
            token = self.token
            self._kept.append((token, list(await self.next())))
        found: dict[str, Record] = {}
        left: list[tuple[str | None, list[Record]]] = []
        for token, records in self._kept:
            found |= _by_id([one for one in records if int(one["id"]) >= lowest])
            below = [one for one in records if int(one["id"]) < lowest]
            if below:
                left.append((token, below))
        self._kept = left
        self.first = left[0][0] if left else self.token
        return found


MAX_RESTARTS: Final = 3  # of one listing in one process


async def _whole(
    main: Sequence[Record],
    others: Sequence[Mapping[str, Record]],
    again: Callable[[Sequence[str]], Awaitable[list[dict[str, Record]]]],
) -> list[Record]:
    """Put the groups of each record together; those that differ in time, or lack a group, are read again.

    Raises:
        RunFailedError: A record changes faster than it can be read.
    """
    if not others:
        return list(main)
    merged: dict[str, Record | None] = {
        str(one["id"]): _merged([one, *(group.get(str(one["id"])) for group in others)]) for one in main
    }
    odd = [record_id for record_id, one in merged.items() if one is None]
    for attempt in range(PATIENCE):
        if not odd:
            break
        if attempt:
            await asyncio.sleep(RETRY_AFTER_S)
        groups = await again(odd)
        for record_id in odd:
            if record_id not in groups[0]:
                del merged[record_id]  # deleted meanwhile
            else:
                merged[record_id] = _merged([group.get(record_id) for group in groups])
        odd = [record_id for record_id in odd if record_id in merged and merged[record_id] is None]
    if odd:
        raise RunFailedError(
            f"record {odd[0]} changes faster than its fields can be read.", hint="Resume when it is quieter.", code="UNSTEADY"
        )
    return [one for one in merged.values() if one is not None]


def _merged(parts: Sequence[Record | None]) -> Record | None:
    """Give one record of its groups, or None when one is missing or shows another state."""
    whole: dict[str, Any] = {}
    for part in parts:
        if part is None or part.get(MODIFIED) != (parts[0] or {}).get(MODIFIED):
            return None
        whole |= part
    return whole


def _by_id(records: Sequence[Record]) -> dict[str, Record]:
    return {str(one["id"]): one for one in records}


class WithDeleted:
    """Another source, and behind its strands one with what was deleted."""

    def __init__(self, pages: Pages, reader: Reader, *, number: int, since: str, column: str) -> None:
        """Read strand *number* from what was deleted *since* then; *column* holds when."""
        self._pages = pages
        self._reader = reader
        self._number = number
        self._since = since
        self._column = column

    async def pages(self, strand: Strand) -> AsyncIterator[Page]:
        """See :meth:`Pages.pages`."""
        if strand.number != self._number:
            async for page in self._pages.pages(strand):
                yield page
        elif not strand.done:
            deleted = await self._reader.deleted(since=self._since)
            found = {str(one["id"]): {ID: str(one["id"]), self._column: one.get("deleted_time")} for one in reversed(deleted)}
            yield Page.of([*found.values()], position={}, done=True)
