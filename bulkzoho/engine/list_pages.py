"""Records by the list, by the tokens it gives, downwards by id or upwards; each group of fields is a listing of its own.

Tokens reach 100,000 records, so that a listing from the one end and one from the other reach twice as many.  A token lives for
24 hours; after that the listing begins anew, and what was given already is passed over.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bulkzoho.core.exporting import LIST_REACH
from bulkzoho.engine.pages import LIST_ENDS, Reader, Record
from bulkzoho.engine.together import together
from bulkzoho.engine.whole_records import by_id, listed_by_ids, whole
from bulkzoho.errors import RunFailedError
from bulkzoho.model.export import Page, RecordPage, Strand

__all__ = ["ListPages"]

MAX_RESTARTS: Final = 3  # of one listing in one process


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leg:
    """A way through ids in one direction; limits are exclusive, None where there is none."""

    rising: bool
    last: int | None = None  #: the id that was read last
    end: int | None = None  #: the first id that is none of this leg's

    @classmethod
    def of(cls, strand: Strand) -> _Leg:
        kept = strand.position.get("leg")
        if kept:
            return cls(**kept)
        if strand.up_to:
            return cls(rising=True, end=int(strand.up_to) + 1)
        last = strand.position.get("last")
        return cls(rising=False, end=int(strand.above) if strand.above else None, last=int(last) if last else None)

    def takes(self, record: Record) -> bool:
        """Whether *record* is this leg's, and was not read yet."""
        return (self.last is None or self._before(self.last, record)) and not self.passed(record)

    def passed(self, record: Record) -> bool:
        """Whether *record* stands at the end or beyond."""
        return self.end is not None and not self._before(int(record["id"]), self.end)

    def _before(self, one: int | Record, other: int | Record) -> bool:
        first, second = (each if isinstance(each, int) else int(each["id"]) for each in (one, other))
        return first < second if self.rising else first > second

    def turned(self) -> _Leg | None:
        """Give the way from the other end up to what was read; None where that was the way already."""
        return None if self.rising or self.end is not None else _Leg(rising=True, end=self.last)

    def to_json(self) -> dict[str, Any]:
        """Give what the journal keeps."""
        return {"rising": self.rising, "last": self.last, "end": self.end}


class ListPages:
    """Implements ``Pages``; the position holds ``tokens``, one a group, and ``leg``: direction, last id and end.

    A strand with an upper limit is read upwards, another downwards; one without limits turns where tokens end.
    """

    def __init__(self, reader: Reader, *, groups: Sequence[Sequence[str]], since: str | None) -> None:
        self._reader = reader
        self._groups = groups
        self._since = since
        self._again = listed_by_ids(reader, groups)

    async def pages(self, strand: Strand) -> AsyncIterator[Page]:
        """See :meth:`bulkzoho.engine.pages.Pages.pages`."""
        leg, done = _Leg.of(strand), strand.done
        main, *others = self._listings(leg, strand.position.get("tokens"))
        main.read = int(strand.position.get("read", 0))
        while not done:
            page, *_ = await together([main.next(), *(one.ahead() for one in others)])
            if page is None:  # tokens reach no further
                leg = self._turned(leg)
                main, *others = self._listings(leg, None)
                continue
            records = [one for one in page if leg.takes(one)]
            done = main.ended or any(map(leg.passed, page[-1:]))
            if records:
                leg = replace(leg, last=int(records[-1]["id"]))
                records = await self._whole(records, others)
            if done and main.ended and main.read >= LIST_REACH and not any(map(leg.passed, page[-1:])):
                done, leg = False, self._turned(leg)  # an end at the very limit may be none
                main, *others = self._listings(leg, None)
            tokens = [main.token, *(one.first for one in others)]
            position = {"tokens": tokens, "leg": leg.to_json(), "read": main.read}
            yield Page.of(records, position=position, done=done)

    def _listings(self, leg: _Leg, tokens: Sequence[str | None] | None) -> list[_Listing]:
        pairs = zip(self._groups, tokens or [None] * len(self._groups), strict=True)
        return [_Listing(self._reader, fields, token=token, since=self._since, rising=leg.rising) for fields, token in pairs]

    async def _whole(self, records: Sequence[Record], others: Sequence[_Listing]) -> list[Record]:
        last = int(records[-1]["id"])
        found = await together([one.reaching(last) for one in others])
        return await whole(records, found, self._again)

    @staticmethod
    def _turned(leg: _Leg) -> _Leg:
        turned = leg.turned()
        if turned is None:
            raise RunFailedError(
                "reading the list: it ends after 100,000 records from either end, and there are more.",
                hint="Export with --route coql or --route bulk, or since a later time.",
                code=LIST_ENDS,
            )
        return turned


class _Listing:
    """One listing and how far it was read.

    Attributes:
        token: Of the page that comes next: None for the first, "" when there is none.
        first: Of the first page that holds records which were not asked for yet.
        read: Records that its tokens have given.
    """

    def __init__(self, reader: Reader, fields: Sequence[str], *, token: str | None, since: str | None, rising: bool) -> None:
        self.token = self.first = token
        self._reader = reader
        self._fields = fields
        self._since = since
        self._rising = rising
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
            page = await self._reader.page(self._fields, token=self.token, since=self._since, rising=self._rising)
            if isinstance(page, RecordPage):
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

    async def reaching(self, last: int) -> dict[str, Record]:
        """Give all records up to the id *last*, in the listing's direction, that were not given yet."""
        while not self.ended and (not self._kept or not self._kept[-1][1] or self._is_before(self._kept[-1][1][-1], last)):
            await self._keep_next()
        found: dict[str, Record] = {}
        left: list[tuple[str | None, Sequence[Record]]] = []
        for token, records in self._kept:
            beyond = [one for one in records if not self._is_before(one, last) and int(one["id"]) != last]
            found |= by_id([one for one in records if self._is_before(one, last) or int(one["id"]) == last])
            if beyond:
                left.append((token, beyond))
        self._kept = left
        self.first = left[0][0] if left else self.token
        return found

    async def _keep_next(self) -> None:
        token = self.token
        self._kept.append((token, await self.next() or []))

    def _is_before(self, record: Record, last: int) -> bool:
        record_id = int(record["id"])
        return record_id < last if self._rising else record_id > last
