"""Read the inputs, convert their rows to records, cut them into batches.  One task does all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Protocol

from bulkzoho.domain.model.limits_and_costs import MAX_BATCH_RECORDS
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.rows import Batch, Record, RowBlock, RowOrigin, Stage
from bulkzoho.domain.transform.json_passthrough import JsonPassthrough
from bulkzoho.domain.transform.record_json import EncodedRecords
from bulkzoho.domain.transform.row_transformer import RejectedRow, RowTransformer, TransformedBlock
from bulkzoho.domain.transform.user_directory import UserDirectory
from bulkzoho.engine.concurrency.channel import Channel
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal, stop_reason
from bulkzoho.engine.importer.batch_parts import BatchPartTracker
from bulkzoho.engine.importer.batcher import Batcher, BatchLimits
from bulkzoho.engine.importer.error_limit import ErrorLimit
from bulkzoho.engine.importer.recorder import OutcomeRecorder, RejectedRows
from bulkzoho.engine.importer.superseded import SupersededCheck
from bulkzoho.errors import BulkZohoError
from bulkzoho.interfaces import Source

__all__ = ["InputParts", "InputReader", "ReadUsers", "ReaderParts", "ReplayFilter", "RunInput", "ensure_users"]

ReadUsers = Callable[[], Awaitable[UserDirectory]]  #: asks the CRM; raises what RetryingCaller raises


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInput:
    """One input of the run: how to open it, and its rows that are not to be read as new."""

    index: int
    open: Callable[[], Source]  #: can be read once; may be standard input
    reopen: Callable[[], Source]  #: the part read so far, from the beginning
    known: RowRanges  #: settled or in doubt before this process started


class ReplayFilter(Protocol):
    """Rows that earlier replays settled (an import has none)."""

    def passes_over(self, origin: RowOrigin, record: Record) -> bool:
        """Return whether the row was accepted, was rejected with the same content, or came before in this file."""

    def came(self, origin: RowOrigin) -> None:
        """Note a row that is not to be read as new: a second one with the same origin is skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputParts:
    """The inputs of a run, and everything that decides which of their rows become which records."""

    inputs: Sequence[RunInput]
    transformer: RowTransformer
    replay: ReplayFilter | None = None  #: of a replay
    superseded: SupersededCheck | None = None
    read_users: ReadUsers | None = None  #: asked when a row names a user by something else than the id
    row_limit: int | None = None
    batch_records: int = MAX_BATCH_RECORDS
    bytes_total: int | None = None  #: of all inputs, if known


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderParts:
    """Parts of an :class:`InputReader`."""

    input: InputParts
    channel: Channel[Batch]
    recorder: OutcomeRecorder
    stop: StopSignal
    errors: ErrorLimit
    batch_parts: BatchPartTracker
    encodes: bool = False  #: hand records over as encoded JSON: right where no step needs each of them again


async def ensure_users(transformer: RowTransformer, block: RowBlock, read_users: ReadUsers | None) -> None:
    """Load the user list before the first row that names a user by something else than the id.

    Raises:
        BulkZohoError: It cannot be read.
        StopRequestedError: The run was stopped before.
    """
    if read_users is not None and transformer.needs_users(block):
        transformer.set_users(await read_users())


class InputReader:
    """Reads one input after the other, in order.

    Attributes:
        damage: Why an input could not be read to its end; the rows before were read.
        rows: Data rows read in this process.
    """

    def __init__(self, parts: ReaderParts) -> None:
        self.damage: BulkZohoError | None = None
        self.rows = 0
        self._input = parts.input
        self._transformer = parts.input.transformer
        self._replay = parts.input.replay
        self._channel = parts.channel
        self._recorder = parts.recorder
        self._stop = parts.stop
        self._errors = parts.errors
        self._batch_parts = parts.batch_parts
        self._encodes = parts.encodes
        self._bytes_before = 0
        self._reading: Source | None = None
        self._header: tuple[str, ...] | None = None  # that the passthrough is for
        self._passthrough: JsonPassthrough | None = None

    @property
    def bytes_read(self) -> int:
        """Raw bytes of all inputs read so far."""
        return self._bytes_before + (self._reading.fingerprint().read_bytes if self._reading else 0)

    async def run(self) -> None:
        """Read everything, hand the batches over, close the channel."""
        try:
            for part in self._input.inputs:
                if self._stop.requested or self.damage or self._limit_reached():
                    return
                await self._read(part)
        except BulkZohoError as error:
            self._stop.request(stop_reason(error), error)
        except StopRequestedError:
            pass  # stopped before the users were read; the rows that need them are unsent
        finally:
            self._channel.close()

    def _limit_reached(self) -> bool:
        return self._input.row_limit is not None and self.rows >= self._input.row_limit

    async def _read(self, part: RunInput) -> None:
        source = self._reading = part.open()
        self._header = self._passthrough = None
        batcher = Batcher(part.index, BatchLimits(max_records=self._input.batch_records), self._transformer.key_fields)
        if source.blocking:
            self._stop.listen(source.close)
        self._recorder.track_input(part.index, source.fingerprint)
        complete = False
        try:
            while not self._stop.requested and not self._limit_reached():
                block = await self._next_block(source, passthrough=None if batcher.waiting else self._passthrough)
                if block is None:
                    complete = not self.damage and not self._stop.requested
                    break
                await self._hand_over(await self._take(part, batcher, block))
                await self._wait_while_full(batcher)
            await self._drain(batcher)
        finally:
            self._bytes_before += source.fingerprint().read_bytes
            self._reading = None
            self._recorder.untrack_input(part.index, complete=complete)
            source.close()

    async def _next_block(self, source: Source, *, passthrough: JsonPassthrough | None) -> RowBlock | None:
        """Read the next block; with *passthrough* where a block becomes a batch as it is and is not cut again."""
        try:
            if source.blocking:
                return await asyncio.to_thread(source.read, passthrough)
            await asyncio.sleep(0)  # reading a file never waits, so the senders would
            return source.read(passthrough)
        except BulkZohoError as error:
            self.damage = error
            return None

    async def _take(self, part: RunInput, batcher: Batcher, block: RowBlock) -> list[Batch]:
        """Return the batches that the rows of *block* complete."""
        block = self._within_limit(block)
        numbers = [*block.numbers[-1:], *(row.number for row in block.unreadable[-1:])]
        if numbers:
            self._recorder.rows_read(part.index, max(numbers))
        if self._replay is not None:
            _note_known(self._replay, block, part.known)
        block = _without_rows(block, part.known)
        if self._replay is not None:
            block = self._without_settled_unreadable(part.index, block)
        if block.unreadable:
            self._reject(_rejected_unreadable(part.index, block))
        if not block.rows:
            return []
        if self._encodes and block.header is not self._header:
            self._header, self._passthrough = block.header, self._transformer.passthrough_for(block.header)
        await ensure_users(self._transformer, block, self._input.read_users)
        shaped = self._transformer.transform(block, source=part.index)
        if self._replay is not None:
            shaped = self._without_settled(part.index, shaped)
        if self._input.superseded is not None and shaped.records:
            shaped = self._without_superseded(part.index, shaped, await self._input.superseded.find(shaped))
        if shaped.rejected:
            self._reject(_rejected_rows(part.index, block.header, shaped.rejected))
        self._unlock_finished(batcher)
        return batcher.feed(shaped)

    def _reject(self, rejected: RejectedRows) -> None:
        self._recorder.reject(rejected)
        self._errors.check()

    def _within_limit(self, block: RowBlock) -> RowBlock:
        count = len(block.rows) + len(block.unreadable)
        limit = self._input.row_limit
        room = count if limit is None else min(count, limit - self.rows)
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

    def _without_settled_unreadable(self, source: int, block: RowBlock) -> RowBlock:
        """Leave out unreadable rows that an earlier replay could not read either."""
        settled = [row for row in block.unreadable if self._is_settled(row.origin, {})]
        if settled:
            self._recorder.skip(source, [row.number for row in settled])
        return replace(block, unreadable=tuple(row for row in block.unreadable if row not in settled))

    def _without_settled(self, source: int, shaped: TransformedBlock) -> TransformedBlock:
        """Leave out rows that an earlier replay settled: accepted, or rejected with the same content."""
        origins: Sequence[RowOrigin | None] = shaped.origins or [None] * len(shaped.records)
        pairs = zip(origins, shaped.records, strict=True)
        sent = [index for index, (origin, record) in enumerate(pairs) if self._is_settled(origin, record)]
        rejected = [row for row in shaped.rejected if self._is_settled(row.origin, row.record)]
        if sent or rejected:
            self._recorder.skip(source, sorted([*(shaped.numbers[index] for index in sent), *(row.number for row in rejected)]))
        kept = _without_indexes(shaped, set(sent)) if sent else shaped
        skipped = {row.number for row in rejected}
        return replace(kept, rejected=[row for row in shaped.rejected if row.number not in skipped])

    def _without_superseded(self, source: int, shaped: TransformedBlock, found: Mapping[int, Rejection]) -> TransformedBlock:
        """Reject the rows in *found*; another replay may send them."""
        if not found:
            return shaped
        indexes = sorted(found)
        held = shaped.pick(indexes)
        rows = [
            RejectedRow(number=number, cells=cells, record=record, rejection=found[index], origin=origin)
            for index, number, cells, record, origin in zip(
                indexes, held.numbers, held.cells, held.records, held.origins or (), strict=True
            )
        ]
        self._recorder.reject(replace(_rejected_rows(source, shaped.header, rows), final=False))
        return _without_indexes(shaped, found.keys())

    def _is_settled(self, origin: RowOrigin | None, record: Record) -> bool:
        return origin is not None and self._replay is not None and self._replay.passes_over(origin, record)

    async def _hand_over(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            await self._channel.send(replace(batch, records=EncodedRecords.of(batch.records)) if self._encodes else batch)

    def _unlock_finished(self, batcher: Batcher) -> None:
        for claims in self._batch_parts.take_finished():
            batcher.release(claims)

    async def _wait_while_full(self, batcher: Batcher) -> None:
        """Read no further while too many rows wait for an earlier row with their key."""
        while batcher.full and not self._stop.requested:
            await self._batch_parts.wait_for_finished()
            self._unlock_finished(batcher)
            await self._hand_over(batcher.drain())

    async def _drain(self, batcher: Batcher) -> None:
        """Send the last rows, also those that wait for an earlier row with their key, and wait until no key is locked.

        The next input starts with all keys unlocked, so rows with one key keep their order across files too.
        """
        while not self._stop.requested:
            self._unlock_finished(batcher)
            await self._hand_over(batcher.flush())
            if not batcher.busy:
                return
            await self._batch_parts.wait_for_finished()


def _note_known(replay: ReplayFilter, block: RowBlock, known: RowRanges) -> None:
    """Note rows that an earlier process settled or has in doubt: the same rows may occur again further down."""
    numbered = [*zip(block.numbers, block.origins or (), strict=False), *((row.number, row.origin) for row in block.unreadable)]
    for number, origin in numbered:
        if origin is not None and number in known:
            replay.came(origin)


def _without_rows(block: RowBlock, known: RowRanges) -> RowBlock:
    """Leave out the rows that an earlier process settled or has in doubt."""
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


def _without_indexes(shaped: TransformedBlock, indexes: AbstractSet[int]) -> TransformedBlock:
    return shaped.pick([index for index in range(len(shaped.records)) if index not in indexes])


def _rejected_unreadable(source: int, block: RowBlock) -> RejectedRows:
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
        rejections=[Rejection(code=row.code, message=row.message, stage=Stage.READ) for row in rows],
        raw_lines={index: row.raw for index, row in enumerate(rows)},
    )


def _rejected_rows(source: int, header: tuple[str, ...], rows: Sequence[RejectedRow]) -> RejectedRows:
    origins = [row.origin for row in rows]
    batch = Batch(
        source=source,
        header=header,
        numbers=[row.number for row in rows],
        records=[row.record for row in rows],
        cells=[row.cells for row in rows],
        origins=[origin for origin in origins if origin is not None] if all(origins) else None,
    )
    return RejectedRows(batch=batch, rejections=[row.rejection for row in rows])
