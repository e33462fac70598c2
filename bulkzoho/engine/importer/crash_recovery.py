"""Find the rows of shipments that have no outcome again: their content stands in the input, not in the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.journal_events import Ranges, ShipmentRecord, ShipmentState
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.rows import ABSENT, Batch, Cell, Record, RowOrigin
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.engine.importer.reader import RunInput
from bulkzoho.engine.importer.sender import InDoubtBatch
from bulkzoho.engine.importer.user_loading import ReadUsers, ensure_users
from bulkzoho.errors import RunFailedError

__all__ = ["RestoredState", "reread_in_doubt_rows", "restore_from_journal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredState:
    """Where an earlier process left a run."""

    settled: Sequence[tuple[int, Ranges]]  #: (source, rows)
    in_doubt: Sequence[InFlightShipment]


def restore_from_journal(shipments: Iterable[ShipmentRecord]) -> RestoredState:
    """Sort the journal's shipments: settled ones are done, sent ones are in doubt, released ones never happened."""
    settled: list[tuple[int, Ranges]] = []
    in_doubt: list[InFlightShipment] = []
    for one in shipments:
        if one.state is ShipmentState.SETTLED:
            settled.append((one.source, one.rows))
        elif one.state is ShipmentState.SENT:
            in_doubt.append(
                InFlightShipment(
                    id=one.id,
                    source=one.source,
                    rows=one.rows,
                    attempt=one.attempt,
                    sent_at=one.sent_at or 0.0,
                    skew_s=one.skew_s,
                    since_s=one.since_s,
                )
            )
    return RestoredState(settled=settled, in_doubt=in_doubt)


@dataclass(slots=True)
class RowCollector:
    """The rows of one shipment as they turn up."""

    header: tuple[str, ...] = ()
    numbers: list[int] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    cells: list[Sequence[Cell]] = field(default_factory=list)
    origins: list[RowOrigin] = field(default_factory=list)


async def reread_in_doubt_rows(
    inputs: Sequence[RunInput],
    shaper: RowTransformer,
    shipments: Sequence[InFlightShipment],
    *,
    read_users: ReadUsers | None = None,
) -> list[InDoubtBatch]:
    """Read the inputs again, up to the last row wanted, and give each shipment with its batch.

    Memory: the rows of the shipments, which are at most those in flight when a process died and those in doubt.

    Raises:
        RunFailedError: A row is no longer there, or can no longer be shaped as it was.
    """
    found: list[InDoubtBatch] = []
    for part in inputs:
        wanted = [one for one in shipments if one.source == part.index]
        if wanted:
            rows = await _collect(part, shaper, wanted, read_users)
            found += [InDoubtBatch(shipment=one, batch=_batch(one, rows[one.id]), reason="no answer") for one in wanted]
    return found


async def _collect(
    part: RunInput, shaper: RowTransformer, wanted: Sequence[InFlightShipment], read_users: ReadUsers | None
) -> dict[int, RowCollector]:
    rows = {one.id: RowCollector() for one in wanted}
    owner = {number: one.id for one in wanted for first, last in one.rows for number in range(first, last + 1)}
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
            await ensure_users(shaper, block, read_users)
            shaped = shaper.transform(block, source=part.index)
            for index, number in enumerate(shaped.numbers):
                if number in missing:
                    missing.discard(number)
                    mine = rows[owner[number]]
                    mine.header = block.header
                    mine.numbers.append(number)
                    mine.records.append(shaped.records[index])
                    mine.cells.append(shaped.cells[index])
                    if shaped.origins is not None:
                        mine.origins.append(shaped.origins[index])
    finally:
        source.close()
    if missing:
        raise RunFailedError(
            f"{source.name}, row {min(missing)}: the row that was sent can no longer be read as it was.",
            hint="Bring the input and the module's fields back to what they were, then resume.",
            code="INPUT_CHANGED",
        )
    return rows


def _batch(shipment: InFlightShipment, rows: RowCollector) -> Batch:
    width = len(rows.header)  # a header only grows: rows of earlier blocks lack the columns that came later
    return Batch(
        source=shipment.source,
        header=rows.header,
        numbers=rows.numbers,
        records=rows.records,
        cells=[cells if len(cells) == width else [*cells, *[ABSENT] * (width - len(cells))] for cells in rows.cells],
        origins=rows.origins or None,
    )
