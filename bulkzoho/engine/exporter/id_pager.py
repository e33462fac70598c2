"""Records by their ids: those that somebody asked for, or those that COQL names and the list gives.

A listing ends after 100,000 records, and reading by id does not: COQL names the ids in their order, and each record is then
read by the list, with what only the list gives.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from typing import Protocol

from bulkzoho.domain.model.export import ExportPage, Partition, Position
from bulkzoho.engine.exporter.field_group_join import ByIds, join_field_groups
from bulkzoho.engine.exporter.record_api import Record, RecordReadCalls
from bulkzoho.interfaces import TrackedFile

__all__ = ["IdPager", "IdSource", "QueriedIds", "RequestedIds"]


class IdSource(Protocol):
    """Ids, the lowest first."""

    async def following(self, after: str, up_to: str) -> tuple[Sequence[str], bool]:
        """Give some ids above *after* and up to *up_to* ("" where there is no limit), and whether they are the last."""


class RequestedIds:
    """Ids that were asked for; *ids* rise, each once."""

    def __init__(self, ids: array[int], *, page: int) -> None:
        self._ids = ids
        self._page = page

    async def following(self, after: str, up_to: str) -> tuple[Sequence[str], bool]:
        """See :meth:`IdSource.following`."""
        start = bisect_right(self._ids, int(after)) if after else 0
        end = bisect_right(self._ids, int(up_to)) if up_to else len(self._ids)
        some = self._ids[start : min(start + self._page, end)]
        return [str(one) for one in some], start + len(some) >= end


class QueriedIds:
    """Ids of the records that meet *conditions*, by COQL."""

    def __init__(self, reader: RecordReadCalls, *, conditions: Sequence[str], page: int) -> None:
        self._reader = reader
        self._conditions = conditions
        self._page = page

    async def following(self, after: str, up_to: str) -> tuple[Sequence[str], bool]:
        """See :meth:`IdSource.following`."""
        found = await self._reader.query(["id"], self._conditions, rows=self._page, above=after, up_to=up_to)
        return [str(one["id"]) for one in found.records], found.next_token is None or not found.records


class IdPager:
    """Implements ``Pages``; the position holds ``after``, the last id, and ``missing``, the bytes that name the lost ones."""

    def __init__(self, ids: IdSource, read: ByIds, *, missing: Callable[[Partition], TrackedFile] | None = None) -> None:
        """Read what *ids* name; *missing* gives the file of a strand that gets the ids of which there is no record."""
        self._ids = ids
        self._read = read
        self._missing = missing

    async def pages(self, strand: Partition) -> AsyncIterator[ExportPage]:
        """See :meth:`bulkzoho.engine.exporter.record_api.RecordPager.pages`."""
        if self._missing is None:
            async for page in self._pages(strand, None):
                yield page
            return
        with closing(self._missing(strand)) as file:
            file.cut(int(strand.position.get("missing", 0)))
            async for page in self._pages(strand, file):
                yield page

    async def _pages(self, strand: Partition, missing: TrackedFile | None) -> AsyncIterator[ExportPage]:
        after, done = str(strand.position.get("after") or strand.above), strand.done
        while not done:
            ids, done = await self._ids.following(after, strand.up_to)
            records: Sequence[Record] = []
            if ids:
                after = ids[-1]
                groups = await self._read(ids)
                main = [groups[0][one] for one in ids if one in groups[0]]
                records = await join_field_groups(main, groups[1:], self._read)
            yield ExportPage.of(records, position=self._position(after, ids, records, missing), done=done)

    @staticmethod
    def _position(after: str, ids: Sequence[str], records: Sequence[Record], missing: TrackedFile | None) -> Position:
        if missing is None:
            return {"after": after}
        found = {str(one["id"]) for one in records}
        lost = [one for one in ids if one not in found]
        if lost:
            missing.append("".join(f"{one}\n" for one in lost).encode())
            missing.sync()  # before the position that counts them
        return {"after": after, "missing": missing.length}
