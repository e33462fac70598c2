"""Find the rows of shipments that have no outcome again: their content stands in the input, not in the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bulkzoho.core.shaping import Shaper
from bulkzoho.engine.acquainting import ReadUsers, acquaint
from bulkzoho.engine.reading import InputPart
from bulkzoho.engine.sending import Doubtful
from bulkzoho.engine.shipments import OpenShipment
from bulkzoho.errors import RunFailedError
from bulkzoho.model.journal import Ranges, ShipmentState, StoredShipment
from bulkzoho.model.rows import ABSENT, Batch, Cell, Origin, Record
from bulkzoho.model.rowset import RowSet

__all__ = ["Restored", "gather", "restore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Where an earlier process left a run."""

    settled: Sequence[tuple[int, Ranges]]  #: (source, rows)
    in_doubt: Sequence[OpenShipment]


def restore(shipments: Iterable[StoredShipment]) -> Restored:
    """Sort the journal's shipments: settled ones are done, sent ones are in doubt, released ones never happened."""
    settled: list[tuple[int, Ranges]] = []
    in_doubt: list[OpenShipment] = []
    for one in shipments:
        if one.state is ShipmentState.SETTLED:
            settled.append((one.source, one.rows))
        elif one.state is ShipmentState.SENT:
            in_doubt.append(
                OpenShipment(
                    id=one.id,
                    source=one.source,
                    rows=one.rows,
                    attempt=one.attempt,
                    sent_at=one.sent_at or 0.0,
                    skew_s=one.skew_s,
                    since_s=one.since_s,
                )
            )
    return Restored(settled=settled, in_doubt=in_doubt)


@dataclass(slots=True)
class _Rows:
    """The rows of one shipment as they turn up."""

    header: tuple[str, ...] = ()
    numbers: list[int] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    cells: list[Sequence[Cell]] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)


async def gather(
    inputs: Sequence[InputPart], shaper: Shaper, shipments: Sequence[OpenShipment], *, read_users: ReadUsers | None = None
) -> list[Doubtful]:
    """Read the inputs again, up to the last row wanted, and give each shipment with its batch.

    Memory: the rows of the shipments, which are at most those in flight when a process died and those in doubt.

    Raises:
        RunFailedError: A row is no longer there, or can no longer be shaped as it was.
    """
    found: list[Doubtful] = []
    for part in inputs:
        wanted = [one for one in shipments if one.source == part.index]
        if wanted:
            rows = await _collect(part, shaper, wanted, read_users)
            found += [Doubtful(shipment=one, batch=_batch(one, rows[one.id]), reason="no answer") for one in wanted]
    return found


async def _collect(
    part: InputPart, shaper: Shaper, wanted: Sequence[OpenShipment], read_users: ReadUsers | None
) -> dict[int, _Rows]:
    rows = {one.id: _Rows() for one in wanted}
    owner = {number: one.id for one in wanted for first, last in one.rows for number in range(first, last + 1)}
    numbers = RowSet()
    for number in sorted(owner):
        numbers.add_range(number, number)
    missing = set(owner)
    source = part.reopen()
    try:
        while missing and (block := source.read()) is not None:
            await asyncio.sleep(0)
            if not block.numbers or not numbers.overlaps(block.numbers[0], block.numbers[-1]):
                continue
            await acquaint(shaper, block, read_users)
            shaped = shaper.shape(block, source=part.index)
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


def _batch(shipment: OpenShipment, rows: _Rows) -> Batch:
    width = len(rows.header)  # a header only grows: rows of earlier blocks lack the columns that came later
    return Batch(
        source=shipment.source,
        header=rows.header,
        numbers=rows.numbers,
        records=rows.records,
        cells=[cells if len(cells) == width else [*cells, *[ABSENT] * (width - len(cells))] for cells in rows.cells],
        origins=rows.origins or None,
    )
