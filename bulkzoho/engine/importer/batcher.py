"""Cut records into batches of one call each, so that no two rows with one key travel at once.  Pure: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.model.limits_and_costs import MAX_BATCH_RECORDS
from bulkzoho.domain.model.rows import ABSENT, Batch, Cell, KeyClaim, Record, RowOrigin
from bulkzoho.domain.transform.key_values import to_key_locks
from bulkzoho.domain.transform.row_transformer import TransformedBlock
from bulkzoho.engine.importer.key_locks import BlockedRow, KeyLocks

__all__ = ["BatchLimits", "Batcher"]

BLOCKED_ROWS_MAX: Final = 10_000  # rows that may wait for an earlier row with their key


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """Limits of a batch, and of the rows that wait."""

    max_records: int = MAX_BATCH_RECORDS  #: records a call
    blocked_max: int = BLOCKED_ROWS_MAX  #: rows that wait for an earlier row with their key before reading pauses


class Batcher:
    """Collect the rows of one source into batches.

    Every row comes out exactly once.  Two rows with the same key (any key field, compared without case) are never in one batch,
    nor in two batches of which neither was released; they come out in the order of the file, so the later one waits: it is
    *blocked*.  Rows without a common key may overtake each other.

    Memory: at most ``max_records`` rows in the next batch, and ``blocked_max`` rows and one block that are blocked.

    Args:
        source: Index of the source in the run.
        key_fields: API names of the fields whose values are keys.
    """

    def __init__(self, source: int, limits: BatchLimits, key_fields: Sequence[str]) -> None:
        self._source = source
        self._limits = limits
        self._keys = KeyLocks(key_fields)
        self._filling = OpenBatch(source)
        self._in_flight: dict[int, Sequence[KeyClaim]] = {}  # by identity: the parts of a batch share its claims

    @property
    def blocked(self) -> int:
        """Rows that wait for an earlier row with one of their keys."""
        return self._keys.blocked

    @property
    def waiting(self) -> int:
        """Rows fed that did not come out yet."""
        return len(self._filling) + self._keys.blocked

    @property
    def full(self) -> bool:
        """Whether so many rows are blocked that no more should be fed; they wait for a batch in flight."""
        return self._keys.blocked >= self._limits.blocked_max

    @property
    def busy(self) -> bool:
        """Whether rows wait, or keys are locked."""
        return bool(self.waiting or self._in_flight)

    def feed(self, shaped: TransformedBlock) -> list[Batch]:
        """Add rows; return the batches that are full."""
        batches = self._add_unblocked()
        if self._keys.can_acquire(shaped.claims):
            self._keys.acquire(shaped.claims)
            self._add(shaped, batches)
        else:
            self._add_or_block(shaped, batches)
        return self._unless_stuck(batches)

    def drain(self) -> list[Batch]:
        """Return the batches that unblocked rows complete, after keys were released."""
        return self._unless_stuck(self._add_unblocked())

    def flush(self) -> list[Batch]:
        """Return the rows that need not wait, after the last were fed; call it again after each release while ``busy``.

        The last batch may not be full.  It waits while blocked rows may still fill it, because calls are scarce.
        """
        batches = self._add_unblocked()
        if self._filling and not (self.blocked and self._in_flight):
            batches.append(self._close())
        return batches

    def release(self, claims: Sequence[KeyClaim]) -> None:
        """Unlock the keys of a finished batch; without effect for a batch of another source, or a second time."""
        if self._in_flight.pop(id(claims), None) is not None:
            self._keys.release(claims)

    def _add(self, shaped: TransformedBlock, batches: list[Batch]) -> None:
        """Add rows whose keys are acquired."""
        count, at, most = len(shaped.records), 0, self._limits.max_records
        while at < count:
            room = most - len(self._filling)
            piece = shaped if at == 0 and count <= room else shaped.pick(range(at, min(count, at + room)))
            at += len(piece.records)
            self._filling.add(piece)
            if len(self._filling) == most:
                batches.append(self._close())

    def _add_or_block(self, shaped: TransformedBlock, batches: list[Batch]) -> None:
        for index in range(len(shaped.records)):
            claims = [(field, key) for field, keys in shaped.claims.items() if (key := keys[index]) is not None]
            row = BlockedRow(
                number=shaped.numbers[index],
                header=shaped.header,
                record=shaped.records[index],
                cells=shaped.cells[index],
                origin=None if shaped.origins is None else shaped.origins[index],
                claims=claims,
            )
            if self._keys.can_acquire_row(claims):
                self._keys.acquire_row(claims)
                self._add_row(row, batches)
            else:
                self._keys.block(row)

    def _add_row(self, row: BlockedRow, batches: list[Batch]) -> None:
        self._filling.add_row(row)
        if len(self._filling) == self._limits.max_records:
            batches.append(self._close())

    def _add_unblocked(self) -> list[Batch]:
        batches: list[Batch] = []
        for row in self._keys.newly_unblocked():
            self._add_row(row, batches)
        return batches

    def _unless_stuck(self, batches: list[Batch]) -> list[Batch]:
        """Close a batch that is not full when blocked rows may wait for it: reading is paused then."""
        if self.full and self._filling:
            batches.append(self._close())
        return batches

    def _close(self) -> Batch:
        batch = self._filling.batch()
        self._filling = OpenBatch(self._source)
        if batch.claims:
            self._in_flight[id(batch.claims)] = batch.claims
        return batch


class OpenBatch:
    """The rows of the next batch."""

    def __init__(self, source: int) -> None:
        self._source = source
        self._whole: TransformedBlock | None = None  # the only block so far: its rows are not copied
        self._header: tuple[str, ...] = ()
        self._records: list[Record] = []
        self._cells: list[Sequence[Cell]] = []
        self._origins: list[RowOrigin] = []
        self._numbers: list[int] = []
        self.claims: list[KeyClaim] = []

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def numbers(self) -> Sequence[int]:
        """Numbers of the rows, in the order in which they were added."""
        return self._numbers if self._whole is None else self._whole.numbers

    def add(self, shaped: TransformedBlock) -> None:
        """Append rows."""
        self.claims += to_key_locks(shaped.claims)
        if not len(self):
            self._whole = shaped
            return
        self._unpack()
        self._extend(shaped.header, shaped.numbers, shaped.records, shaped.cells, shaped.origins)

    def add_row(self, row: BlockedRow) -> None:
        """Append one row."""
        self.claims += row.claims
        self._unpack()
        self._extend(row.header, [row.number], [row.record], [row.cells], None if row.origin is None else [row.origin])

    def batch(self) -> Batch:
        """Return the batch, rows in the order of the file: blocked rows were added after later ones."""
        if self._whole is not None:
            whole = self._whole
            return self._build(whole.header, whole.numbers, whole.records, whole.cells, whole.origins)
        built = self._build(self._header, self._numbers, self._records, self._cells, self._origins or None)
        in_order = sorted(range(len(self)), key=self._numbers.__getitem__)
        return built if in_order == list(range(len(in_order))) else built.pick(in_order)

    def _build(
        self,
        header: tuple[str, ...],
        numbers: Sequence[int],
        records: Sequence[Record],
        cells: Sequence[Sequence[Cell]],
        origins: Sequence[RowOrigin] | None,
    ) -> Batch:
        return Batch(
            source=self._source,
            header=header,
            numbers=numbers,
            records=records,
            cells=cells,
            claims=self.claims,
            origins=origins,
        )

    def _unpack(self) -> None:
        if self._whole is not None:
            whole, self._whole = self._whole, None
            self._extend(whole.header, whole.numbers, whole.records, whole.cells, whole.origins)

    def _extend(
        self,
        header: tuple[str, ...],
        numbers: Sequence[int],
        records: Sequence[Record],
        cells: Sequence[Sequence[Cell]],
        origins: Sequence[RowOrigin] | None,
    ) -> None:
        self._header, cells = self._aligned(header, cells)
        self._numbers += numbers
        self._records += records
        self._cells += cells
        self._origins += origins or ()

    def _aligned(
        self, header: tuple[str, ...], cells: Sequence[Sequence[Cell]]
    ) -> tuple[tuple[str, ...], Sequence[Sequence[Cell]]]:
        """Merge rows with two headers: JSON Lines may have new keys on any line."""
        if not self._header or header == self._header:
            return header, cells
        merged = tuple(dict.fromkeys((*self._header, *header)))
        self._cells = [_spread(row, self._header, merged) for row in self._cells]
        return merged, [_spread(row, header, merged) for row in cells]


def _spread(row: Sequence[Cell], header: Sequence[str], merged: Sequence[str]) -> Sequence[Cell]:
    named = dict(zip(header, row, strict=True))
    return [named.get(name, ABSENT) for name in merged]
