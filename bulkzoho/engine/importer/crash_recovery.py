"""Reload the rows of shipments without outcome from the input; the journal only knows their numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bulkzoho.domain.model.batch import InDoubtBatch, InFlightShipment
from bulkzoho.domain.model.journal_events import Ranges, ShipmentRecord, ShipmentState
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.rows import ABSENT, Batch, Cell, Record, RowOrigin
from bulkzoho.domain.transform.row_transformer import RowTransformer, TransformedBlock
from bulkzoho.engine.importer.reader import ReadUsers, RunInput, ensure_users
from bulkzoho.errors import RunFailedError

__all__ = ["RestoredState", "reread_in_doubt_rows", "restore_from_journal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredState:
    """State in which an earlier process left a run."""

    settled: Sequence[tuple[int, Ranges]]  #: (source, rows)
    in_doubt: Sequence[InFlightShipment]


def restore_from_journal(shipments: Iterable[ShipmentRecord]) -> RestoredState:
    """Sort the journal's shipments: settled ones are done, sent ones are in doubt, released ones had no effect."""
    settled: list[tuple[int, Ranges]] = []
    in_doubt: list[InFlightShipment] = []
    for stored in shipments:
        if stored.state is ShipmentState.SETTLED:
            settled.append((stored.source, stored.rows))
        elif stored.state is ShipmentState.SENT:
            in_doubt.append(
                InFlightShipment(
                    id=stored.id,
                    source=stored.source,
                    rows=stored.rows,
                    attempt=stored.attempt,
                    sent_at=stored.sent_at or 0.0,
                    skew_s=stored.skew_s,
                    since_s=stored.since_s,
                    leaves_by=stored.leaves_by,
                )
            )
    return RestoredState(settled=settled, in_doubt=in_doubt)


@dataclass(slots=True)
class RowCollector:
    """The rows of one shipment found so far."""

    header: tuple[str, ...] = ()
    numbers: list[int] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    cells: list[Sequence[Cell]] = field(default_factory=list)
    origins: list[RowOrigin] = field(default_factory=list)

    def add(self, header: tuple[str, ...], shaped: TransformedBlock, index: int) -> None:
        """Append the row at *index* of *shaped*."""
        self.header = header
        self.numbers.append(shaped.numbers[index])
        self.records.append(shaped.records[index])
        self.cells.append(shaped.cells[index])
        if shaped.origins is not None:
            self.origins.append(shaped.origins[index])


async def reread_in_doubt_rows(
    inputs: Sequence[RunInput],
    transformer: RowTransformer,
    shipments: Sequence[InFlightShipment],
    *,
    read_users: ReadUsers | None = None,
) -> list[InDoubtBatch]:
    """Read the inputs again, up to the last row needed, and return each shipment with its batch.

    Memory: the rows of the shipments, at most those in flight when a process died and those in doubt.

    Raises:
        RunFailedError: A row is missing, or can no longer be converted.
    """
    found: list[InDoubtBatch] = []
    for part in inputs:
        wanted = [shipment for shipment in shipments if shipment.source == part.index]
        if wanted:
            rows = await _collect(part, transformer, wanted, read_users)
            for shipment in wanted:
                batch = _batch(shipment, rows[shipment.id])
                found.append(InDoubtBatch(shipment=shipment, batch=batch, reason="no response"))
    return found


async def _collect(
    part: RunInput, transformer: RowTransformer, wanted: Sequence[InFlightShipment], read_users: ReadUsers | None
) -> dict[int, RowCollector]:
    rows = {shipment.id: RowCollector() for shipment in wanted}
    owner = {number: sent.id for sent in wanted for first, last in sent.rows for number in range(first, last + 1)}
    numbers = RowRanges()
    for number in sorted(owner):
        numbers.add_range(number, number)
    missing = set(owner)
    source = part.reopen()
    try:
        while missing and (block := source.read()) is not None:
            await asyncio.sleep(0)
            if not block.numbers or not numbers.overlaps(block.numbers[0], block.numbers[-1]):
                continue
            await ensure_users(transformer, block, read_users)
            shaped = transformer.transform(block, source=part.index)
            for index, number in enumerate(shaped.numbers):
                if number in missing:
                    missing.discard(number)
                    rows[owner[number]].add(block.header, shaped, index)
    finally:
        source.close()
    if missing:
        raise RunFailedError(
            f"{source.name}, row {min(missing)}: this row was sent, and it is missing or changed now.",
            hint="Restore the input and the module's fields to their earlier state, then resume.",
            code="INPUT_CHANGED",
        )
    return rows


def _batch(shipment: InFlightShipment, rows: RowCollector) -> Batch:
    width = len(rows.header)  # a header only grows: rows of earlier blocks lack later columns
    return Batch(
        source=shipment.source,
        header=rows.header,
        numbers=rows.numbers,
        records=rows.records,
        cells=[cells if len(cells) == width else [*cells, *[ABSENT] * (width - len(cells))] for cells in rows.cells],
        origins=rows.origins or None,
    )
