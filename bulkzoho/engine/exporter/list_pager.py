"""Records by the list, newest ids first, by the tokens that it gives; each group of fields is a listing of its own.

Tokens reach 100,000 records.  What is older is read by its ids, in stretches: COQL names them, and the list gives the records.
A token lives for 24 hours; after that the listing begins anew, and what was given already is passed over.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final

from bulkzoho.domain.model.edition_limits import PAGE_TOKEN_RECORDS
from bulkzoho.domain.model.export import ApiPage, ExportPage, Partition
from bulkzoho.engine.concurrency.gather import gather_first_error
from bulkzoho.engine.exporter.field_group_join import by_id, join_field_groups, list_reader
from bulkzoho.engine.exporter.id_pager import IdPager, IdSource
from bulkzoho.engine.exporter.record_api import LIST_ENDS, Record, RecordReadCalls
from bulkzoho.errors import RunFailedError

__all__ = ["ListPager"]

MAX_RESTARTS: Final = 3  # of one listing in one process


class ListPager:
    """Implements ``Pages``.  A strand that has an upper limit is read by ids, another by tokens as far as they reach.

    The position holds ``tokens``, one a group, ``last``, the last id, and ``read``, how far tokens have come; or ``below``, the
    id below which records are read by their ids, and what that has to remember.
    """

    def __init__(
        self, reader: RecordReadCalls, *, groups: Sequence[Sequence[str]], since: str | None, beyond: IdSource | None = None
    ) -> None:
        """Read *groups* of fields; *beyond* names the ids that no token reaches, where that can be done."""
        self._reader = reader
        self._groups = groups
        self._since = since
        self._again = list_reader(reader, groups)
        self._beyond = beyond

    async def pages(self, strand: Partition) -> AsyncIterator[ExportPage]:
        """See :meth:`bulkzoho.engine.exporter.record_api.RecordPager.pages`."""
        below = strand.position.get("below") or (int(strand.up_to) + 1 if strand.up_to else None)
        if below is None:
            async for page in self._by_tokens(strand):
                below = page.position.get("below")
                yield page
            strand = replace(strand, position={})
        if below is not None and not strand.done:
            rest = replace(strand, up_to=str(int(below) - 1))
            async for page in self._by_ids().pages(rest):
                yield replace(page, position={"below": below, **page.position})

    async def _by_tokens(self, strand: Partition) -> AsyncIterator[ExportPage]:
        """Read downwards; the last page's position has ``below`` when there may be more than tokens reach."""
        last, end = str(strand.position.get("last", "")), int(strand.above or 0)
        main, *others = self._listings(strand.position.get("tokens"))
        main.read, done = int(strand.position.get("read", 0)), strand.done
        while not done:
            page, *_ = await gather_first_error([main.next(), *(one.ahead() for one in others)])
            records = [one for one in page or () if end < int(one["id"]) and (not last or int(one["id"]) < int(last))]
            if records:
                last = str(records[-1]["id"])
                records = await self._whole(records, others)
            has_passed = bool(page) and int((page or ())[-1]["id"]) <= end
            # "no more records" at the reach of page tokens may mean "no further"
            is_at_reach = page is None or (main.ended and main.read >= PAGE_TOKEN_RECORDS)
            if is_at_reach and not has_passed:
                yield ExportPage.of(records, position={"below": last}, done=False)
                return
            done = main.ended or has_passed
            position = {"tokens": [main.token, *(one.first for one in others)], "last": last, "read": main.read}
            yield ExportPage.of(records, position=position, done=done)

    def _listings(self, tokens: Sequence[str | None] | None) -> list[ListCursor]:
        pairs = zip(self._groups, tokens or [None] * len(self._groups), strict=True)
        return [ListCursor(self._reader, fields, token=token, since=self._since) for fields, token in pairs]

    async def _whole(self, records: Sequence[Record], others: Sequence[ListCursor]) -> list[Record]:
        lowest = int(records[-1]["id"])
        found = await gather_first_error([one.down_to(lowest) for one in others])
        return await join_field_groups(records, found, self._again)

    def _by_ids(self) -> IdPager:
        if self._beyond is None:
            raise RunFailedError(
                "reading the list: it ends after 100,000 records, and there are more.",
                hint="Export converted leads and the others one after the other, or since a later time.",
                code=LIST_ENDS,
            )
        return IdPager(self._beyond, self._again)


class ListCursor:
    """One listing and how far it was read.

    Attributes:
        token: Of the page that comes next: None for the first, "" when there is none.
        first: Of the first page that holds records which were not asked for yet.
        read: Records that its tokens have given.
    """

    def __init__(self, reader: RecordReadCalls, fields: Sequence[str], *, token: str | None, since: str | None) -> None:
        self.token = self.first = token
        self._reader = reader
        self._fields = fields
        self._since = since
        self.read = 0
        self._restarts = 0
        self._kept: list[tuple[str | None, Sequence[Record]]] = []

    @property
    def ended(self) -> bool:
        """Whether no page comes any more."""
        return self.token == ""

    async def next(self) -> Sequence[Record] | None:
        """Give the next page, None where tokens reach no further."""
        while True:
            page = await self._reader.page(self._fields, token=self.token, since=self._since)
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
                    f"reading the list: the CRM refused the token of the next page ({page.code}).",
                    hint="Resume it, or export with --route coql.",
                    code=page.code,
                )
            self.token, self.read = None, 0

    async def ahead(self) -> Sequence[Record] | None:
        """Have a page at hand that was not asked for yet."""
        if not self._kept and not self.ended:
            await self._keep_next()
        return None

    async def down_to(self, lowest: int) -> dict[str, Record]:
        """Give all records down to the id *lowest* that were not given yet."""
        while not self.ended and (not self._kept or not self._kept[-1][1] or int(self._kept[-1][1][-1]["id"]) > lowest):
            await self._keep_next()
        found: dict[str, Record] = {}
        left: list[tuple[str | None, Sequence[Record]]] = []
        for token, records in self._kept:
            found |= by_id([one for one in records if int(one["id"]) >= lowest])
            below = [one for one in records if int(one["id"]) < lowest]
            if below:
                left.append((token, below))
        self._kept = left
        self.first = left[0][0] if left else self.token
        return found

    async def _keep_next(self) -> None:
        token = self.token
        self._kept.append((token, await self.next() or []))
