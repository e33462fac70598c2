"""Read the rows of a run again and join them with the ids of the records that they became.

Memory: one stretch of rows, and :data:`MAX_MERGED` records that several rows sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bulkzoho.domain.compare.differences import ExpectedRecord, Place
from bulkzoho.domain.compare.id_set import IdSet
from bulkzoho.domain.model.results import AcceptedRecord
from bulkzoho.domain.model.rows import Action, RowBlock
from bulkzoho.domain.transform.row_transformer import RowTransformer, TransformedBlock
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal, stop_reason
from bulkzoho.engine.importer.reader import ReadUsers, RunInput, ensure_users
from bulkzoho.errors import BulkZohoError, RunFailedError

__all__ = ["AcceptedRows", "ExpectedRecords", "ResultsLookup", "RunInputs"]

STRETCH_ROWS: Final = 10_000  # rows that are joined with their ids at once
MAX_MERGED: Final = 50_000  # records that several rows sent

_Stretch = list[tuple[int, TransformedBlock]]  # input and rows


class ResultsLookup(Protocol):
    """The run's accepted rows."""

    def find(self, wanted: set[Place]) -> Mapping[Place, Sequence[AcceptedRecord]]:
        """Return the accepted rows among *wanted*; several with one place are ambiguous.  May take seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInputs:
    """The inputs of a run and how their rows become records."""

    inputs: Sequence[RunInput]
    names: Sequence[str]  #: of the inputs
    transformer: RowTransformer
    read_users: ReadUsers | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRows:
    """The accepted rows of a run."""

    results: ResultsLookup
    ids: IdSet  #: of their records


class ExpectedRecords:
    """The records that a run should have left in the CRM.

    Attributes:
        rows: Accepted rows that were read again.
        ambiguous_rows: Accepted rows that cannot be joined with one record, or exceed the memory bound.
        complete: Whether the inputs were read to their end.
    """

    def __init__(
        self,
        inputs: RunInputs,
        accepted: AcceptedRows,
        *,
        sample: int | None,
        stop: StopSignal,
        tell: Callable[[str], None],
        on_row: Callable[[ExpectedRecord], None],
    ) -> None:
        """Choose *sample* accepted rows, evenly spread, or all (None); call *on_row* with every accepted row."""
        self.rows = 0
        self.ambiguous_rows = 0
        self.complete = False
        self._inputs = inputs
        self._accepted = accepted
        self._sample = sample
        self._stop = stop
        self._tell = tell
        self._on_row = on_row
        self._merged: dict[str, ExpectedRecord] = {}
        self._sampled: set[str] = set()  # ids of merged records that a sampled row sent

    async def read(self) -> AsyncIterator[ExpectedRecord]:
        """Return each record once, after all rows that sent it."""
        async for stretch in self._stretches():
            wanted = {place for source, block in stretch for place in self._places(source, block)}
            accepted = await asyncio.to_thread(self._accepted.results.find, wanted)
            for source, block in stretch:
                for expected in self._joined(source, block, accepted):
                    if self._is_single(expected):
                        yield expected
        for record in self._merged.values():
            if self._sample is None or record.id in self._sampled:
                yield record

    def _joined(
        self, source: int, block: TransformedBlock, accepted: Mapping[Place, Sequence[AcceptedRecord]]
    ) -> list[ExpectedRecord]:
        joined: list[ExpectedRecord] = []
        for place, record in zip(self._places(source, block), block.records, strict=True):
            hits = accepted.get(place, ())
            if len(hits) == 1:
                is_deleted = hits[0].action is Action.DELETE
                joined.append(ExpectedRecord(id=hits[0].id, place=place, record=record, is_deleted=is_deleted))
            else:
                self.ambiguous_rows += len(hits)
        return joined

    def _is_single(self, expected: ExpectedRecord) -> bool:
        """Count the row; return whether its record is to be compared now, because no other row sent it."""
        self._on_row(expected)
        self.rows += 1
        is_chosen = self._is_chosen(self.rows - 1)
        if self._accepted.ids.count(expected.id) == 1:
            return is_chosen
        earlier = self._merged.get(expected.id)
        if earlier is None and len(self._merged) >= MAX_MERGED:
            self.ambiguous_rows += 1
            return False
        self._merged[expected.id] = expected if earlier is None else earlier.followed_by(expected)
        if is_chosen:
            self._sampled.add(expected.id)
        return False

    def _is_chosen(self, index: int) -> bool:
        """Return whether the accepted row at *index* is in the sample."""
        sample, total = self._sample, max(1, len(self._accepted.ids))
        return sample is None or index * sample // total != (index + 1) * sample // total

    async def _stretches(self) -> AsyncIterator[_Stretch]:
        """Read the rows of all inputs as records, many at a time."""
        stretch: _Stretch = []
        async for source, block in self._blocks():
            stretch.append((source, self._inputs.transformer.transform(block, source=source)))
            if sum(len(transformed.records) for _, transformed in stretch) >= STRETCH_ROWS:
                yield stretch
                stretch = []
        yield stretch

    async def _blocks(self) -> AsyncIterator[tuple[int, RowBlock]]:
        try:
            for part in self._inputs.inputs:
                source = part.open()
                try:
                    while (block := source.read()) is not None:
                        if self._stop.requested:
                            return
                        await ensure_users(self._inputs.transformer, block, self._inputs.read_users)
                        yield part.index, block
                        await asyncio.sleep(0)
                finally:
                    source.close()
            self.complete = True
        except StopRequestedError:
            return
        except RunFailedError as error:  # the input is damaged here, as it was for the run
            self._tell(error.message)
        except BulkZohoError as error:
            self._stop.request(stop_reason(error), error)

    def _places(self, source: int, block: TransformedBlock) -> list[Place]:
        if block.origins is not None:
            return [(origin.source, origin.row) for origin in block.origins]
        return [(self._inputs.names[source], number) for number in block.numbers]
