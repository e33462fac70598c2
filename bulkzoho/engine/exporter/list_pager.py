"""Read records by the list API: page tokens, highest ids first; each group of fields is a listing of its own.

Page tokens reach 100,000 records.  Older records are read by their ids: COQL returns the ids, the list the records.  A token
expires after 24 hours; the listing then starts again, and records that were exported already are skipped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final

from bulkzoho.domain.model.export import ApiPage, ExportPage, Partition
from bulkzoho.domain.model.limits_and_costs import PAGE_TOKEN_RECORDS
from bulkzoho.engine.concurrency.gather import gather_first_error
from bulkzoho.engine.exporter.field_group_join import by_id, join_field_groups, list_reader
from bulkzoho.engine.exporter.id_pager import IdPager, IdSource
from bulkzoho.engine.exporter.record_api import LIST_ENDS, Record, RecordReadCalls
from bulkzoho.errors import RunFailedError

__all__ = ["ListPager"]

MAX_RESTARTS: Final = 3  # of one listing in one process


class ListPager:
    """A :class:`RecordPager`.  A partition with an upper limit is read by ids, another one by page tokens as far as they reach.

    The position holds ``tokens``, one for each group, ``last``, the last id, and ``read``, the number of records read by tokens;
    or ``below``, the id below which records are read by their ids, and the position of that.
    """

    def __init__(
        self, calls: RecordReadCalls, *, groups: Sequence[Sequence[str]], since: str | None, older: IdSource | None = None
    ) -> None:
        """Read *groups* of fields; *older* returns the ids that no page token reaches, if there is a way."""
        self._calls = calls
        self._groups = groups
        self._since = since
        self._reread = list_reader(calls, groups)
        self._older = older

    async def pages(self, partition: Partition) -> AsyncIterator[ExportPage]:
        """See :meth:`bulkzoho.engine.exporter.record_api.RecordPager.pages`."""
        below = partition.position.get("below") or (int(partition.up_to) + 1 if partition.up_to else None)
        if below is None:
            async for page in self._by_tokens(partition):
                below = page.position.get("below")
                yield page
            partition = replace(partition, position={})
        if below is not None and not partition.done:
            rest = replace(partition, up_to=str(int(below) - 1))
            async for page in self._by_ids().pages(rest):
                yield replace(page, position={"below": below, **page.position})

    async def _by_tokens(self, partition: Partition) -> AsyncIterator[ExportPage]:
        """Read downwards; the position of the last page has ``below`` when there may be records beyond the page tokens."""
        last, end = str(partition.position.get("last", "")), int(partition.above or 0)
        main, *others = self._cursors(partition.position.get("tokens"))
        main.read, done = int(partition.position.get("read", 0)), partition.done
        while not done:
            page, *_ = await gather_first_error([main.next_page(), *(cursor.prefetch() for cursor in others)])
            records = [record for record in page or () if end < int(record["id"]) and (not last or int(record["id"]) < int(last))]
            if records:
                last = str(records[-1]["id"])
                records = await self._join(records, others)
            has_passed_end = bool(page) and int((page or ())[-1]["id"]) <= end
            # at the reach of tokens, "no more records" may mean "no more tokens"
            is_at_reach = page is None or (main.ended and main.read >= PAGE_TOKEN_RECORDS)
            if is_at_reach and not has_passed_end:
                yield ExportPage.from_records(records, position={"below": last}, done=False)
                return
            done = main.ended or has_passed_end
            position = {"tokens": [main.token, *(cursor.resume_token for cursor in others)], "last": last, "read": main.read}
            yield ExportPage.from_records(records, position=position, done=done)

    def _cursors(self, tokens: Sequence[str | None] | None) -> list[ListCursor]:
        pairs = zip(self._groups, tokens or [None] * len(self._groups), strict=True)
        return [ListCursor(self._calls, fields, token=token, since=self._since) for fields, token in pairs]

    async def _join(self, records: Sequence[Record], others: Sequence[ListCursor]) -> list[Record]:
        lowest = int(records[-1]["id"])
        found = await gather_first_error([cursor.read_down_to(lowest) for cursor in others])
        return await join_field_groups(records, found, self._reread)

    def _by_ids(self) -> IdPager:
        if self._older is None:
            raise RunFailedError(
                "reading the list: it ends after 100,000 records, and there are more.",
                hint="Export converted leads and the others separately, or since a later time.",
                code=LIST_ENDS,
            )
        return IdPager(self._older, self._reread)


class ListCursor:
    """One listing and how far it was read.

    Attributes:
        token: Of the next page: None for the first page, "" after the last.
        resume_token: Of the first page with records that were not returned yet.
        read: Records read by tokens.
    """

    def __init__(self, calls: RecordReadCalls, fields: Sequence[str], *, token: str | None, since: str | None) -> None:
        self.token = self.resume_token = token
        self._calls = calls
        self._fields = fields
        self._since = since
        self.read = 0
        self._restarts = 0
        self._buffer: list[tuple[str | None, Sequence[Record]]] = []  # pages with their tokens

    @property
    def ended(self) -> bool:
        """Whether there is no further page."""
        return self.token == ""

    async def next_page(self) -> Sequence[Record] | None:
        """Read the next page; return None where tokens reach no further."""
        while True:
            page = await self._calls.page(self._fields, token=self.token, since=self._since)
            if isinstance(page, ApiPage):
                self.token = page.next_token or ""
                self.read += len(page.records)
                return page.records
            if page.code == LIST_ENDS:
                self.token = ""
                return None
            self._restarts += 1
            if self._restarts > MAX_RESTARTS:
                raise RunFailedError(
                    f"reading the list: the CRM rejected the token of the next page ({page.code}).",
                    hint="Resume it, or export with --route coql.",
                    code=page.code,
                )
            self.token, self.read = None, 0

    async def prefetch(self) -> Sequence[Record] | None:
        """Read a page into the buffer if it is empty."""
        if not self._buffer and not self.ended:
            await self._read_into_buffer()
        return None

    async def read_down_to(self, lowest: int) -> dict[str, Record]:
        """Return all records down to the id *lowest* that were not returned yet."""
        while not self.ended and not self._has_reached(lowest):
            await self._read_into_buffer()
        found: dict[str, Record] = {}
        left: list[tuple[str | None, Sequence[Record]]] = []
        for token, records in self._buffer:
            found |= by_id([record for record in records if int(record["id"]) >= lowest])
            below = [record for record in records if int(record["id"]) < lowest]
            if below:
                left.append((token, below))
        self._buffer = left
        self.resume_token = left[0][0] if left else self.token
        return found

    def _has_reached(self, lowest: int) -> bool:
        records = self._buffer[-1][1] if self._buffer else ()
        return bool(records) and int(records[-1]["id"]) <= lowest

    async def _read_into_buffer(self) -> None:
        token = self.token
        self._buffer.append((token, await self.next_page() or []))
