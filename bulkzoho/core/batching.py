"""Cut shaped rows into batches that may travel at the same time.  Pure: no clock, no I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bulkzoho.core.shaping import Shaped
from bulkzoho.model.rows import Batch, Cell, KeyClaim, Origin, Record

__all__ = ["BatchLimits", "Batcher"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How large a batch may be, and how much may wait."""

    max_records: int  #: records a call; Zoho refuses more than 100
    parked_max: int  #: rows that may wait for an earlier row of their key


@dataclass(slots=True, eq=False)
class _Row:
    number: int
    record: Record
    cells: Sequence[Cell]
    origin: Origin | None
    claims: tuple[KeyClaim, ...]


class Batcher:
    """Collects the rows of one source until a batch is full, and keeps rows with one key apart.

    Two rows with one key are never in the same batch, nor in two batches of which the first is not released; a row waits
    (*parked*) behind every earlier row it shares a key with, so that rows with one key keep the order of the file.  Every row
    comes out exactly once.

    A block without repeats costs one set operation a key field; only a block with a repeat is walked by row.
    """

    def __init__(self, source: int, limits: BatchLimits, key_fields: Sequence[str]) -> None:
        self._source = source
        self._limits = limits
        self._key_fields = tuple(key_fields)
        self._header: tuple[str, ...] = ()
        self._pending: list[_Row] = []
        self._pending_claims: set[KeyClaim] = set()
        self._held: set[KeyClaim] = set()  # of batches given out and not released
        self._queues: dict[KeyClaim, deque[_Row]] = {}  # parked rows by claim, in the order of the file
        self._parked = 0
        self._freed: list[KeyClaim] = []  # released since parked rows were last looked at

    @property
    def parked(self) -> int:
        """Rows that wait for an earlier row of their key."""
        return self._parked

    @property
    def full(self) -> bool:
        """Whether so many rows wait that no more should be read."""
        return self._parked >= self._limits.parked_max

    @property
    def busy(self) -> bool:
        """Whether rows are still here, or keys are held by batches that have no outcome yet."""
        return bool(self._pending or self._parked or self._held)

    def feed(self, shaped: Shaped) -> list[Batch]:
        """Take rows; give the batches that they filled."""
        batches = self._unpark()
        if self._header != shaped.header and self._pending:
            batches.append(self._cut())
        self._header = shaped.header
        if not self._pending and len(shaped.records) == self._limits.max_records:
            claims = _claims_of(shaped)
            if claims is not None and not self._parked and self._held.isdisjoint(claims):
                self._held |= claims
                return [*batches, self._whole(shaped, claims)]
        for row in _rows_of(shaped):
            batches += self._take(row)
        return batches

    def flush(self) -> list[Batch]:
        """Give what is here and may go now, full or not."""
        batches = self._unpark()
        if self._pending:
            batches.append(self._cut())
        return batches

    def release(self, batch: Batch) -> None:
        """*batch* has its outcome: its keys are free.  Rows that waited come with the next feed or flush."""
        self._held.difference_update(batch.claims)
        self._freed += batch.claims

    def _take(self, row: _Row) -> list[Batch]:
        if any(claim in self._held or claim in self._pending_claims or claim in self._queues for claim in row.claims):
            for claim in row.claims:
                self._queues.setdefault(claim, deque()).append(row)
            self._parked += 1
            return []
        return self._append(row)

    def _append(self, row: _Row) -> list[Batch]:
        self._pending.append(row)
        self._pending_claims.update(row.claims)
        return [self._cut()] if len(self._pending) == self._limits.max_records else []

    def _unpark(self) -> list[Batch]:
        """Move the parked rows on whose keys have all gone free and that are first in line for each of them."""
        if not self._parked:
            self._freed.clear()
            return []
        freed, self._freed = self._freed, []
        batches: list[Batch] = []
        for claim in freed:
            queue = self._queues.get(claim)
            if queue and self._may_go(queue[0]):
                row = queue[0]
                for own in row.claims:
                    self._queues[own].popleft()
                    if not self._queues[own]:
                        del self._queues[own]
                self._parked -= 1
                batches += self._append(row)
        return batches

    def _may_go(self, row: _Row) -> bool:
        return all(
            self._queues[claim][0] is row and claim not in self._held and claim not in self._pending_claims
            for claim in row.claims
        )

    def _whole(self, shaped: Shaped, claims: set[KeyClaim]) -> Batch:
        return Batch(
            source=self._source,
            header=shaped.header,
            numbers=shaped.numbers,
            records=shaped.records,
            cells=shaped.cells,
            claims=tuple(claims),
            origins=shaped.origins,
        )

    def _cut(self) -> Batch:
        rows, self._pending = self._pending, []
        claims, self._pending_claims = self._pending_claims, set()
        self._held |= claims
        origins = [row.origin for row in rows if row.origin is not None]
        return Batch(
            source=self._source,
            header=self._header,
            numbers=[row.number for row in rows],
            records=[row.record for row in rows],
            cells=[row.cells for row in rows],
            claims=tuple(claims),
            origins=origins or None,
        )


def _claims_of(shaped: Shaped) -> set[KeyClaim] | None:
    """Give the claims of all rows, or None when two rows share one."""
    claims: set[KeyClaim] = set()
    expected = 0
    for name, values in shaped.claims_by_field.items():
        own = [(name, value) for value in values if value is not None]
        expected += len(own)
        claims.update(own)
    return claims if len(claims) == expected else None


def _rows_of(shaped: Shaped) -> Iterable[_Row]:
    names = list(shaped.claims_by_field)
    columns = list(shaped.claims_by_field.values())
    keys = zip(*columns, strict=True) if columns else ((),) * len(shaped.records)
    origins: Sequence[Origin | None] = shaped.origins if shaped.origins is not None else [None] * len(shaped.records)
    for number, record, cells, origin, values in zip(shaped.numbers, shaped.records, shaped.cells, origins, keys, strict=True):
        claims = tuple((name, value) for name, value in zip(names, values, strict=True) if value is not None)
        yield _Row(number, record, cells, origin, claims)
