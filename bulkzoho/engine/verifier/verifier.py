"""Compare what a run sent with what the CRM holds: rows read and shaped again, joined with their ids, looked up by id.

```
inputs -> shape -> + ids of accepted rows -> [channel] -> readers: by ids, compare -> findings
```
Memory: one stretch of rows, the channel, :data:`MOST_MERGED` records that several rows sent, and eight bytes an accepted row.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bulkzoho.domain.compare.conflicts import comparable_fields
from bulkzoho.domain.compare.differences import (
    ChangedAfterRun,
    Difference,
    DifferenceCounts,
    DifferenceKind,
    ExpectedRecord,
    Place,
    check,
)
from bulkzoho.domain.compare.id_set import IdSet
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.results import AcceptedRecord
from bulkzoho.domain.model.rows import Action, RowBlock
from bulkzoho.domain.transform.row_transformer import RowTransformer, TransformedBlock
from bulkzoho.engine.concurrency.channel import Channel
from bulkzoho.engine.concurrency.coql_reader import QueryRejectedError
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal, stop_reason
from bulkzoho.engine.importer.reader import ReadUsers, RunInput, ensure_users
from bulkzoho.engine.lost_replies.record_fetcher import RecordFetcher
from bulkzoho.engine.verifier.duplicates import UnexpectedRecords
from bulkzoho.errors import BulkZohoError, RunFailedError

__all__ = ["ResultsLookup", "Verifier", "VerifierParts"]

STRETCH_ROWS: Final = 10_000  # rows that are joined with their ids at once
CHUNK: Final = 100  # records a call
MOST_MERGED: Final = 50_000  # records that several rows sent
SAY_EVERY_S: Final = 30.0  # seconds


class ResultsLookup(Protocol):
    """The run's accepted rows, as its results file has them."""

    def find(self, wanted: set[Place]) -> Mapping[Place, Sequence[AcceptedRecord]]:
        """Give those of *wanted* that were accepted; several of one place cannot be told apart.  May take seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierParts:
    """What the verifier is built from."""

    inputs: Sequence[RunInput]
    names: Sequence[str]  #: of the inputs
    shaper: RowTransformer
    read_users: ReadUsers | None
    rows: ResultsLookup
    ids: IdSet  #: of all accepted rows
    crm_module: CrmModule
    holdings: RecordFetcher
    strangers: UnexpectedRecords | None
    later: ChangedAfterRun
    sample: int | None  #: rows to compare, evenly spread; None: all
    keep: Callable[[Sequence[Difference]], None]  #: takes what was found
    readers: int
    tell: Callable[[str], None]
    stop: StopSignal


class Verifier:
    """One comparison.

    Attributes:
        findings: What was found so far.
        seen: Accepted rows that were read again.
        passed_over: Rows among them that could not be compared.
        complete: Whether the inputs were read to their end.
    """

    def __init__(self, parts: VerifierParts) -> None:
        self.findings = DifferenceCounts()
        self.seen = 0
        self.passed_over = 0
        self.complete = False
        self._parts = parts
        self._merged: dict[str, ExpectedRecord] = {}
        self._sampled: set[str] = set()  # ids of merged records that a sampled row sent

    @property
    def unread_fields(self) -> Sequence[str]:
        """Fields that the CRM does not let be read by a query."""
        return list(self._parts.holdings.unreadable)

    async def run(self) -> None:
        """Compare everything, or the sample, until the end or until stopped; the reason stands in the stop then."""
        channel: Channel[Sequence[ExpectedRecord]] = Channel(2 * self._parts.readers)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._parts.readers):
                group.create_task(self._read_all(channel))
            telling = group.create_task(self._say())
            try:
                await self._feed(channel)
            finally:
                channel.close()
                telling.cancel()

    # -- what is expected ------------------------------------------------------------------------------------------------

    async def _feed(self, channel: Channel[Sequence[ExpectedRecord]]) -> None:
        waiting: list[ExpectedRecord] = []
        async for expected in self._expected():
            waiting.append(expected)
            if len(waiting) == CHUNK:
                await channel.send(waiting)
                waiting = []
        waiting += [one for one in self._merged.values() if self._parts.sample is None or one.id in self._sampled]
        for at in range(0, len(waiting), CHUNK):
            await channel.send(waiting[at : at + CHUNK])

    async def _expected(self) -> AsyncIterator[ExpectedRecord]:
        """Give what each record that only one row sent should hold; the others are put together meanwhile."""
        async for stretch in self._stretches():
            wanted = {place for source, shaped in stretch for place in self._places(source, shaped)}
            accepted = await asyncio.to_thread(self._parts.rows.find, wanted)
            for source, shaped in stretch:
                for place, record in zip(self._places(source, shaped), shaped.records, strict=True):
                    hits = accepted.get(place, ())
                    if len(hits) == 1:
                        one = ExpectedRecord(id=hits[0].id, place=place, record=record, gone=hits[0].action is Action.DELETE)
                        if self._is_single(one):
                            yield one
                    elif hits:
                        self.passed_over += len(hits)

    def _is_single(self, expected: ExpectedRecord) -> bool:
        """Note the row; tell whether it is to be compared by itself."""
        self._note_doubles(expected)
        self.seen += 1
        chosen = self._is_chosen(self.seen - 1)
        if self._parts.ids.count(expected.id) == 1:
            return chosen
        before = self._merged.get(expected.id)
        if before is None and len(self._merged) >= MOST_MERGED:
            self.passed_over += 1
            return False
        self._merged[expected.id] = expected if before is None else before.followed_by(expected)
        if chosen:
            self._sampled.add(expected.id)
        return False

    def _is_chosen(self, index: int) -> bool:
        """Whether the accepted row at *index* is in the sample."""
        sample, total = self._parts.sample, max(1, len(self._parts.ids))
        return sample is None or index * sample // total != (index + 1) * sample // total

    def _note_doubles(self, expected: ExpectedRecord) -> None:
        if self._parts.strangers is None or expected.gone:
            return
        for double in self._parts.strangers.doubles_of(expected.record):
            self.findings.add_double()
            self._parts.keep([Difference(kind=DifferenceKind.DOUBLE, place=expected.place, id=double)])

    async def _stretches(self) -> AsyncIterator[list[tuple[int, TransformedBlock]]]:
        """Give the inputs' rows, shaped, many at a time."""
        stretch: list[tuple[int, TransformedBlock]] = []
        async for source, block in self._blocks():
            stretch.append((source, self._parts.shaper.transform(block, source=source)))
            if sum(len(shaped.records) for _, shaped in stretch) >= STRETCH_ROWS:
                yield stretch
                stretch = []
        yield stretch

    async def _blocks(self) -> AsyncIterator[tuple[int, RowBlock]]:
        try:
            for part in self._parts.inputs:
                source = part.open()
                try:
                    while (block := source.read()) is not None:
                        if self._parts.stop.requested:
                            return
                        await ensure_users(self._parts.shaper, block, self._parts.read_users)
                        yield part.index, block
                        await asyncio.sleep(0)
                finally:
                    source.close()
            self.complete = True
        except StopRequestedError:
            return
        except RunFailedError as error:  # the input is damaged from here on, as it was when the run read it
            self._parts.tell(error.message)
        except BulkZohoError as error:
            self._parts.stop.request(stop_reason(error), error)

    def _places(self, source: int, shaped: TransformedBlock) -> list[Place]:
        if shaped.origins is not None:
            return [(origin.source, origin.row) for origin in shaped.origins]
        return [(self._parts.names[source], number) for number in shaped.numbers]

    # -- what is held ----------------------------------------------------------------------------------------------------

    async def _read_all(self, channel: Channel[Sequence[ExpectedRecord]]) -> None:
        async for chunk in channel:
            if self._parts.stop.requested:
                continue
            try:
                await self._compare(chunk)
            except StopRequestedError:
                continue
            except QueryRejectedError as error:
                refused = RunFailedError(
                    f"the CRM does not let {self._parts.crm_module.api_name} be read by id ({error.reason}).",
                    hint="See that COQL is allowed for this module, then verify again.",
                    code="UNREADABLE",
                )
                self._parts.stop.request(stop_reason(refused), refused)
            except BulkZohoError as error:
                self._parts.stop.request(stop_reason(error), error)

    async def _compare(self, chunk: Sequence[ExpectedRecord]) -> None:
        parts = self._parts
        names = dict.fromkeys(name for one in chunk if not one.gone for name in comparable_fields(one.record, parts.crm_module))
        held = await parts.holdings.read([one.id for one in chunk], list(names))
        for expected in chunk:
            found = check(expected, held.get(expected.id), parts.crm_module, parts.later)
            self.findings.add(expected, found)
            if found:
                parts.keep(found)

    async def _say(self) -> None:
        while True:
            await asyncio.sleep(SAY_EVERY_S)
            self._parts.tell(f"Compared {self.findings.compared:,} of {len(self._parts.ids):,} accepted rows.")
