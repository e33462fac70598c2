"""Cut shaped rows into batches that one call takes, and never let two rows of one key meet.  Pure: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.model.edition_limits import MAX_BATCH_RECORDS
from bulkzoho.domain.model.rows import ABSENT, Batch, Cell, KeyClaim, Record, RowOrigin
from bulkzoho.domain.transform.row_transformer import TransformedBlock
from bulkzoho.engine.importer.key_locks import BlockedRow, KeyLocks, to_key_locks

__all__ = ["BatchLimits", "Batcher"]

PARKED_ROWS: Final = 10_000  # rows that may wait for an earlier row of their key


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """What bounds a batch, and the rows that wait."""

    max_records: int = MAX_BATCH_RECORDS  #: records a call
    parked_max: int = PARKED_ROWS  #: rows that wait for an earlier row of their key before reading stops


class Batcher:
    """Collect the rows of one source into batches.

    Every row comes out exactly once.  Two rows with the same key (any key field, compared without case) are never in one batch,
    nor in two batches of which neither was released; they come out in the order of the file, so the later one waits: it is
    *parked*.  Rows without a key in common may overtake each other.

    Memory: at most ``max_records`` rows that fill the next batch, and ``parked_max`` rows and one block that are parked.

    Args:
        source: Index of the source in the run.
        limits: Bounds.
        key_fields: API names of the fields whose values are keys.
    """

    def __init__(self, source: int, limits: BatchLimits, key_fields: Sequence[str]) -> None:
        self._source = source
        self._limits = limits
        self._keys = KeyLocks(key_fields)
        self._filling = OpenBatch(source)
        self._under_way: dict[int, Sequence[KeyClaim]] = {}  # by identity: a batch in parts shares its claims

    @property
    def parked(self) -> int:
        """Rows that wait for an earlier row of one of their keys."""
        return self._keys.parked

    @property
    def waiting(self) -> int:
        """Rows taken in that did not come out yet."""
        return len(self._filling) + self._keys.parked

    @property
    def full(self) -> bool:
        """Whether so many rows are parked that no more should be fed; some batch under way is then what they wait for."""
        return self._keys.parked >= self._limits.parked_max

    @property
    def busy(self) -> bool:
        """Whether rows wait, or keys are in use."""
        return bool(self.waiting or self._under_way)

    def feed(self, shaped: TransformedBlock) -> list[Batch]:
        """Take rows in; give the batches that are full."""
        batches = self._move_freed()
        if self._keys.admits(shaped.claims):
            self._keys.take(shaped.claims)
            self._add(shaped, batches)
        else:
            self._add_or_park(shaped, batches)
        return self._unless_stuck(batches)

    def drain(self) -> list[Batch]:
        """Give the batches that parked rows make full, now that keys were released."""
        return self._unless_stuck(self._move_freed())

    def flush(self) -> list[Batch]:
        """Give the rows that need not wait, now that no more are fed; to be called again after each release while ``busy``.

        The last batch may not be full.  It stays while parked rows may still fill it: calls are what is scarce.
        """
        batches = self._move_freed()
        if self._filling and not (self.parked and self._under_way):
            batches.append(self._close())
        return batches

    def release(self, batch: Batch) -> None:
        """Note that *batch* (or the last part of it) has its outcome: its keys are free.

        A second time, or for a batch of another source, it means nothing.
        """
        claims = self._under_way.pop(id(batch.claims), None)
        if claims is not None:
            self._keys.give_back(claims)

    def _add(self, shaped: TransformedBlock, batches: list[Batch]) -> None:
        """Add rows that have their keys."""
        count, at, most = len(shaped.records), 0, self._limits.max_records
        while at < count:
            room = most - len(self._filling)
            piece = shaped if at == 0 and count <= room else shaped.pick(range(at, min(count, at + room)))
            at += len(piece.records)
            self._filling.add(piece)
            if len(self._filling) == most:
                batches.append(self._close())

    def _add_or_park(self, shaped: TransformedBlock, batches: list[Batch]) -> None:
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
            if self._keys.admits_row(claims):
                self._keys.take_row(claims)
                self._add_row(row, batches)
            else:
                self._keys.park(row)

    def _add_row(self, row: BlockedRow, batches: list[Batch]) -> None:
        self._filling.add_row(row)
        if len(self._filling) == self._limits.max_records:
            batches.append(self._close())

    def _move_freed(self) -> list[Batch]:
        batches: list[Batch] = []
        for row in self._keys.freed():
            self._add_row(row, batches)
        return batches

    def _unless_stuck(self, batches: list[Batch]) -> list[Batch]:
        """Let a batch go before it is full when parked rows may wait for nothing else: reading has stopped."""
        if self.full and self._filling:
            batches.append(self._close())
        return batches

    def _close(self) -> Batch:
        batch = self._filling.batch()
        self._filling = OpenBatch(self._source)
        if batch.claims:
            self._under_way[id(batch.claims)] = batch.claims
        return batch


class OpenBatch:
    """The rows of the next batch."""

    def __init__(self, source: int) -> None:
        self._source = source
        self._whole: TransformedBlock | None = None  # the one block that is all there is: nothing is copied
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
        """Numbers of the rows, in the order in which they came."""
        return self._numbers if self._whole is None else self._whole.numbers

    def add(self, shaped: TransformedBlock) -> None:
        """Add rows behind those that are there."""
        self.claims += to_key_locks(shaped.claims)
        if not len(self):
            self._whole = shaped
            return
        self._unpack()
        self._extend(shaped.header, shaped.numbers, shaped.records, shaped.cells, shaped.origins)

    def add_row(self, row: BlockedRow) -> None:
        """Add one row behind those that are there."""
        self.claims += row.claims
        self._unpack()
        self._extend(row.header, [row.number], [row.record], [row.cells], None if row.origin is None else [row.origin])

    def batch(self) -> Batch:
        """Give the batch, rows in the order of the file: parked ones may have come in behind later ones."""
        if self._whole is not None:
            whole = self._whole
            return self._made(whole.header, whole.numbers, whole.records, whole.cells, whole.origins)
        made = self._made(self._header, self._numbers, self._records, self._cells, self._origins or None)
        in_order = sorted(range(len(self)), key=self._numbers.__getitem__)
        return made if in_order == list(range(len(in_order))) else made.pick(in_order)

    def _made(
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
        """Bring rows of two headers under one: JSON Lines bring new keys at any line."""
        if not self._header or header == self._header:
            return header, cells
        merged = tuple(dict.fromkeys((*self._header, *header)))
        self._cells = [_spread(row, self._header, merged) for row in self._cells]
        return merged, [_spread(row, header, merged) for row in cells]


def _spread(row: Sequence[Cell], header: Sequence[str], merged: Sequence[str]) -> Sequence[Cell]:
    named = dict(zip(header, row, strict=True))
    return [named.get(name, ABSENT) for name in merged]
