"""Read the inputs, shape their rows, cut them into batches: the one task that touches them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.rows import Batch, Record, RowBlock, RowOrigin, Stage
from bulkzoho.domain.transform.json_passthrough import JsonPassthrough
from bulkzoho.domain.transform.record_json import EncodedRecords
from bulkzoho.domain.transform.row_transformer import RejectedRow, RowTransformer, TransformedBlock
from bulkzoho.engine.concurrency.channel import Channel
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal, stop_reason
from bulkzoho.engine.importer.batcher import Batcher, BatchLimits
from bulkzoho.engine.importer.error_limit import ErrorLimit
from bulkzoho.engine.importer.recorder import OutcomeRecorder, RejectedRows
from bulkzoho.engine.importer.superseded import SupersededCheck
from bulkzoho.engine.importer.user_loading import ReadUsers, ensure_users
from bulkzoho.errors import BulkZohoError
from bulkzoho.interfaces import Source

__all__ = ["InputReader", "ReplayFilter", "RunInput"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInput:
    """One input of the run: how to open it, and the rows of it that are not to be read as new."""

    index: int
    open: Callable[[], Source]  #: to be read once; may be standard input
    reopen: Callable[[], Source]  #: what was read of it, from the beginning again
    known: RowRanges  #: settled or in doubt before this process began


class ReplayFilter(Protocol):
    """What earlier replays have settled (for a replay; an import has none)."""

    def passes_over(self, origin: RowOrigin, record: Record) -> bool:
        """Whether the letter was accepted, failed just as it stands, or came before in this file."""

    def came(self, origin: RowOrigin) -> None:
        """The letter stands here and is not to be read as new: where it stands once more, it is passed over."""


class InputReader:
    """Reads, in order, one input after the other.

    Args:
        packs: Whether records are handed over as the JSON that is sent: right where nobody looks at each of them again.

    Attributes:
        damage: Why an input could not be read to its end; what stood before was read.
        rows: Data rows seen in this process and before.
        bytes_read: Raw bytes of all inputs read so far.
    """

    def __init__(
        self,
        *,
        inputs: Sequence[RunInput],
        shaper: RowTransformer,
        limits: BatchLimits,
        channel: Channel[Batch],
        recorder: OutcomeRecorder,
        stop: StopSignal,
        limit: int | None = None,
        letters: ReplayFilter | None = None,
        superseded: SupersededCheck | None = None,
        read_users: ReadUsers | None = None,
        errors: ErrorLimit | None = None,
        packs: bool = False,
    ) -> None:
        self.damage: BulkZohoError | None = None
        self.rows = 0
        self.complete = False
        self._bytes_before = 0
        self._reading: Source | None = None
        self._inputs = inputs
        self._shaper = shaper
        self._limits = limits
        self._channel = channel
        self._recorder = recorder
        self._stop = stop
        self._limit = limit
        self._letters = letters
        self._superseded = superseded
        self._read_users = read_users
        self._errors = errors
        self._packs = packs
        self._header: tuple[str, ...] | None = None  # for which the gate is
        self._gate: JsonPassthrough | None = None
        self._batcher: Batcher | None = None
        self._released = asyncio.Event()

    @property
    def bytes_read(self) -> int:
        """Raw bytes of all inputs read so far."""
        return self._bytes_before + (self._reading.fingerprint().read_bytes if self._reading else 0)

    def released(self, batch: Batch) -> None:
        """*batch* has its outcome: rows that waited for its keys may go."""
        if self._batcher is not None:
            self._batcher.release(batch)
        self._released.set()

    async def run(self) -> None:
        """Read everything, hand the batches over, close the channel."""
        self._stop.listen(self._released.set)
        try:
            for part in self._inputs:
                if self._stop.requested or self.damage or self._limit_reached():
                    return
                await self._read(part)
            self.complete = not (self._stop.requested or self.damage or self._limit_reached())
        except BulkZohoError as error:
            self._stop.request(stop_reason(error), error)
        except StopRequestedError:
            pass  # stopped before the users were read; the rows that wanted them are unsent
        finally:
            await self._channel.close()

    async def _hand_over(self, batch: Batch) -> None:
        await self._channel.send(replace(batch, records=EncodedRecords.of(batch.records)) if self._packs else batch)

    def _limit_reached(self) -> bool:
        return self._limit is not None and self.rows >= self._limit

    async def _read(self, part: RunInput) -> None:
        source = self._reading = part.open()
        self._header = self._gate = None
        batcher = self._batcher = Batcher(part.index, self._limits, self._shaper.key_fields)
        self._stop.listen(source.close if source.blocking else _nothing)
        self._recorder.follow(part.index, source.fingerprint)
        complete = False
        try:
            while not self._stop.requested and not self._limit_reached():
                block = await self._next_block(source, gate=None if batcher.waiting else self._gate)
                if block is None:
                    complete = not self.damage and not self._stop.requested
                    break
                for batch in await self._take(part, batcher, block):
                    await self._hand_over(batch)
                await self._make_room(batcher)
            await self._empty(batcher)
        finally:
            self._bytes_before += source.fingerprint().read_bytes
            self._reading = None
            self._recorder.unfollow(part.index, complete=complete)
            source.close()

    async def _next_block(self, source: Source, *, gate: JsonPassthrough | None) -> RowBlock | None:
        """Read on; *gate* where a block becomes a batch as it is: what must be cut again is better not packed."""
        try:
            if source.blocking:
                return await asyncio.to_thread(source.read, gate)
            await asyncio.sleep(0)  # a file never waits, so the senders would
            return source.read(gate)
        except BulkZohoError as error:
            self.damage = error
            return None

    async def _take(self, part: RunInput, batcher: Batcher, block: RowBlock) -> list[Batch]:
        block = self._within_limit(block)
        numbers = [*block.numbers[-1:], *(row.number for row in block.unreadable[-1:])]
        if numbers:
            self._recorder.rows_read(part.index, max(numbers))
        if self._letters is not None:
            _tell_known(self._letters, block, part.known)
        block = _without(block, part.known)
        if self._letters is not None:
            block = self._without_settled_scraps(part.index, block)
        if block.unreadable:
            self._refuse(_unreadable(part.index, block))
        if not block.rows:
            return []
        if self._packs and block.header is not self._header:
            self._header, self._gate = block.header, self._shaper.passthrough_for(block.header)
        await ensure_users(self._shaper, block, self._read_users)
        shaped = self._shaper.transform(block, source=part.index)
        if self._letters is not None:
            shaped = self._without_settled_letters(part.index, shaped)
        if self._superseded is not None and shaped.records:
            shaped = self._held_back(part.index, shaped, await self._superseded.find(shaped))
        if shaped.rejected:
            self._refuse(_refused(part.index, block.header, shaped.rejected))
        return batcher.feed(shaped)

    def _refuse(self, refused: RejectedRows) -> None:
        self._recorder.refuse(refused)
        if self._errors is not None:
            self._errors.check()

    def _within_limit(self, block: RowBlock) -> RowBlock:
        count = len(block.rows) + len(block.unreadable)
        room = count if self._limit is None else min(count, self._limit - self.rows)
        self.rows += room
        if room == count:
            return block
        last = sorted([*block.numbers, *(row.number for row in block.unreadable)])[room - 1]
        keep = sum(number <= last for number in block.numbers)
        return replace(
            block,
            rows=block.rows[:keep],
            lazy_rows=None,
            passthrough=None,
            numbers=block.numbers[:keep],
            origins=None if block.origins is None else block.origins[:keep],
            unreadable=tuple(row for row in block.unreadable if row.number <= last),
        )

    def _without_settled_scraps(self, source: int, block: RowBlock) -> RowBlock:
        """Leave letters out that cannot be read and that an earlier replay could not read either."""
        settled = [row for row in block.unreadable if self._is_settled(row.origin, {})]
        if settled:
            self._recorder.skip(source, [row.number for row in settled])
        return replace(block, unreadable=tuple(row for row in block.unreadable if row not in settled))

    def _without_settled_letters(self, source: int, shaped: TransformedBlock) -> TransformedBlock:
        """Leave letters out that an earlier replay settled: those accepted, and those refused just as they stand."""
        origins: Sequence[RowOrigin | None] = shaped.origins or [None] * len(shaped.records)
        pairs = zip(origins, shaped.records, strict=True)
        sent = [index for index, (origin, record) in enumerate(pairs) if self._is_settled(origin, record)]
        refused = [row for row in shaped.rejected if self._is_settled(row.origin, row.record)]
        if sent or refused:
            self._recorder.skip(source, sorted([*(shaped.numbers[index] for index in sent), *(row.number for row in refused)]))
        gone, scraps = set(sent), {row.number for row in refused}
        kept = shaped.pick([index for index in range(len(shaped.records)) if index not in gone]) if sent else shaped
        return replace(kept, rejected=[row for row in shaped.rejected if row.number not in scraps])

    def _held_back(self, source: int, shaped: TransformedBlock, refusals: Mapping[int, Rejection]) -> TransformedBlock:
        """Write the letters down that are not to be sent now; another replay may."""
        if not refusals:
            return shaped
        held = shaped.pick(sorted(refusals))
        rows = [
            RejectedRow(number=number, cells=cells, record=record, rejection=refusals[index], origin=origin)
            for index, number, cells, record, origin in zip(
                sorted(refusals), held.numbers, held.cells, held.records, held.origins or (), strict=True
            )
        ]
        self._recorder.refuse(replace(_refused(source, shaped.header, rows), final=False))
        return shaped.pick([index for index in range(len(shaped.records)) if index not in refusals])

    def _is_settled(self, origin: RowOrigin | None, record: Record) -> bool:
        return origin is not None and self._letters is not None and self._letters.passes_over(origin, record)

    async def _make_room(self, batcher: Batcher) -> None:
        """Read no further while too many rows wait for an earlier row of their key."""
        while batcher.full and not self._stop.requested:
            await self._wait_released()
            for batch in batcher.drain():
                await self._hand_over(batch)

    async def _empty(self, batcher: Batcher) -> None:
        """Send the last rows, also those that wait for an earlier row of their key; then let all keys go free.

        The next input begins with all keys free, so that a key keeps its order over the files too.
        """
        while not self._stop.requested:
            for batch in batcher.flush():
                await self._hand_over(batch)
            if not batcher.busy:
                return
            await self._wait_released()

    async def _wait_released(self) -> None:
        self._released.clear()
        if not self._stop.requested:
            await self._released.wait()


def _nothing() -> None:
    return


def _tell_known(letters: ReplayFilter, block: RowBlock, known: RowRanges) -> None:
    """Tell of the letters that an earlier process settled or has in doubt: the same ones may stand further down again."""
    numbered = [*zip(block.numbers, block.origins or (), strict=False), *((row.number, row.origin) for row in block.unreadable)]
    for number, origin in numbered:
        if origin is not None and number in known:
            letters.came(origin)


def _without(block: RowBlock, known: RowRanges) -> RowBlock:
    """Leave the rows out that an earlier process settled or has in doubt."""
    unreadable = block.unreadable
    if unreadable:
        unreadable = tuple(row for row in unreadable if row.number not in known)
    if not block.numbers or not known.overlaps(block.numbers[0], block.numbers[-1]):
        return block if len(unreadable) == len(block.unreadable) else replace(block, unreadable=unreadable)
    keep = [index for index, number in enumerate(block.numbers) if number not in known]
    return replace(
        block,
        rows=[block.rows[index] for index in keep],
        lazy_rows=None,
        passthrough=None,
        numbers=[block.numbers[index] for index in keep],
        origins=None if block.origins is None else [block.origins[index] for index in keep],
        unreadable=unreadable,
    )


def _unreadable(source: int, block: RowBlock) -> RejectedRows:
    rows = block.unreadable
    origins = [row.origin for row in rows]
    batch = Batch(
        source=source,
        header=block.header,
        numbers=[row.number for row in rows],
        records=[{} for _ in rows],
        cells=[() for _ in rows],
        origins=[origin for origin in origins if origin is not None] if all(origins) else None,
    )
    return RejectedRows(
        batch=batch,
        refusals=[Rejection(code=row.code, message=row.message, stage=Stage.READ) for row in rows],
        raws={index: row.raw for index, row in enumerate(rows)},
    )


def _refused(source: int, header: tuple[str, ...], rows: Sequence[RejectedRow]) -> RejectedRows:
    origins = [row.origin for row in rows]
    batch = Batch(
        source=source,
        header=header,
        numbers=[row.number for row in rows],
        records=[row.record for row in rows],
        cells=[row.cells for row in rows],
        origins=[origin for origin in origins if origin is not None] if all(origins) else None,
    )
    return RejectedRows(batch=batch, refusals=[row.rejection for row in rows])
