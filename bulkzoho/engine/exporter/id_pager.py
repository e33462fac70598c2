"""Read records by their ids: ids that the user requested, or ids that COQL finds for the list API.

A listing ends after 100,000 records; reading by id does not.  COQL returns the ids in order, and the list API the records, with
the values that only the list returns.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from typing import Protocol

from bulkzoho.domain.model.export import ExportPage, Partition, Position
from bulkzoho.engine.exporter.field_group_join import ByIdReader, join_field_groups
from bulkzoho.engine.exporter.record_api import Record, RecordReadCalls
from bulkzoho.interfaces import TrackedFile

__all__ = ["IdPager", "IdSource", "QueriedIds", "RequestedIds"]


class IdSource(Protocol):
    """Rising ids."""

    async def next_ids(self, above: str, up_to: str) -> tuple[Sequence[str], bool]:
        """Return some ids greater than *above* and up to *up_to* ("": no limit), and whether they are the last ones."""


class RequestedIds:
    """Ids that the user requested; *ids* rise, each once."""

    def __init__(self, ids: array[int], *, page: int) -> None:
        self._ids = ids
        self._page = page

    async def next_ids(self, above: str, up_to: str) -> tuple[Sequence[str], bool]:
        """See :meth:`IdSource.next_ids`."""
        start = bisect_right(self._ids, int(above)) if above else 0
        end = bisect_right(self._ids, int(up_to)) if up_to else len(self._ids)
        chunk = self._ids[start : min(start + self._page, end)]
        return [str(record_id) for record_id in chunk], start + len(chunk) >= end


class QueriedIds:
    """Ids of the records that meet *conditions*, by COQL."""

    def __init__(self, calls: RecordReadCalls, *, conditions: Sequence[str], page: int) -> None:
        self._calls = calls
        self._conditions = conditions
        self._page = page

    async def next_ids(self, above: str, up_to: str) -> tuple[Sequence[str], bool]:
        """See :meth:`IdSource.next_ids`."""
        found = await self._calls.query(["id"], self._conditions, rows=self._page, above=above, up_to=up_to)
        return [str(record["id"]) for record in found.records], found.next_token is None or not found.records


class IdPager:
    """A :class:`RecordPager`; the position holds ``after``, the last id, and ``missing``, the length of the missing-ids file."""

    def __init__(
        self, ids: IdSource, read: ByIdReader, *, open_missing: Callable[[Partition], TrackedFile] | None = None
    ) -> None:
        """Read the records with *ids*; *open_missing* opens the file for the ids of a partition that have no record."""
        self._ids = ids
        self._read = read
        self._open_missing = open_missing

    async def pages(self, partition: Partition) -> AsyncIterator[ExportPage]:
        """See :meth:`bulkzoho.engine.exporter.record_api.RecordPager.pages`."""
        if self._open_missing is None:
            async for page in self._pages(partition, None):
                yield page
            return
        with closing(self._open_missing(partition)) as missing:
            missing.cut(int(partition.position.get("missing", 0)))
            async for page in self._pages(partition, missing):
                yield page

    async def _pages(self, partition: Partition, missing: TrackedFile | None) -> AsyncIterator[ExportPage]:
        after, done = str(partition.position.get("after") or partition.above), partition.done
        while not done:
            ids, done = await self._ids.next_ids(after, partition.up_to)
            records: Sequence[Record] = []
            if ids:
                after = ids[-1]
                groups = await self._read(ids)
                main = [groups[0][record_id] for record_id in ids if record_id in groups[0]]
                records = await join_field_groups(main, groups[1:], self._read)
            yield ExportPage.from_records(records, position=self._position(after, ids, records, missing), done=done)

    @staticmethod
    def _position(after: str, ids: Sequence[str], records: Sequence[Record], missing: TrackedFile | None) -> Position:
        if missing is None:
            return {"after": after}
        found = {str(record["id"]) for record in records}
        lines = [f"{record_id}\n" for record_id in ids if record_id not in found]
        if lines:
            missing.append("".join(lines).encode())
            missing.sync()  # before the position that counts them
        return {"after": after, "missing": missing.length}
