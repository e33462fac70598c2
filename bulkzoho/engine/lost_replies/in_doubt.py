"""Batches whose request had no response: wait until the request can no longer be running, then do what is harmless.

An upsert, an update or a delete is sent again.  An insert (and an upsert row with a blank key, which inserts) is looked up: found
rows are accepted, rows proved absent are sent again, the others stay in doubt.  Nothing is sent again on a guess.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from bulkzoho.domain.model.batch import InDoubtBatch, InFlightShipment
from bulkzoho.domain.model.results import WriteResults
from bulkzoho.domain.model.row_ranges import ranges_of
from bulkzoho.domain.model.rows import Action, Batch, Operation
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal, stop_reason
from bulkzoho.engine.lost_replies.protocols import (
    BatchDelivery,
    BatchParts,
    ConflictResult,
    InsertLookup,
    LookupResult,
    LostReplyChecks,
    ShipmentRecorder,
)
from bulkzoho.errors import BulkZohoError

__all__ = ["InDoubtParts", "InDoubtQueue", "InDoubtResolver", "ResendPolicy"]

IN_DOUBT_MAX: Final = 32  # batches held; senders wait while there are more
CLOCK_SLICE_S: Final = 30.0  # the wall clock may jump while the machine sleeps, so it is read again after this time

Answer = TypeVar("Answer")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendPolicy:
    """Which rows may be sent again, and which batches can be resolved at all."""

    operation: Operation
    match_on: Sequence[str]
    can_look_up: bool

    def could_duplicate(self, batch: Batch) -> list[bool]:
        """Return for each record whether sending it again could insert it a second time."""
        if self.operation is Operation.INSERT:
            return [True] * len(batch)
        if self.operation is Operation.UPSERT:
            return [not any(record.get(name) not in (None, "") for name in self.match_on) for record in batch.records]
        return [False] * len(batch)

    def stays_in_doubt(self, batch: Batch) -> bool:
        """Return whether no row of *batch* can be looked up or sent again."""
        return not self.can_look_up and all(self.could_duplicate(batch))


class InDoubtQueue:
    """The batches in doubt that wait to be resolved.  Senders add to it, the resolver takes from it.

    Memory: a batch is held until it is due; senders wait in :meth:`wait_for_capacity` while *limit* batches are held.
    """

    def __init__(self, *, policy: ResendPolicy, parts: BatchParts, stop: StopSignal, limit: int = IN_DOUBT_MAX) -> None:
        self._policy = policy
        self._parts = parts
        self._stop = stop
        self._limit = limit
        self._held: list[InDoubtBatch] = []
        self._closed = False
        self._changed = asyncio.Event()
        stop.listen(self._changed.set)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def batches(self) -> Sequence[InDoubtBatch]:
        """The batches held."""
        return self._held

    def add(self, in_doubt: InDoubtBatch) -> None:
        """Add a batch whose request had no response."""
        shipment = in_doubt.shipment
        _LOG.info("in doubt", extra={"batch": shipment.id, "rows": len(in_doubt.batch), "reason": in_doubt.reason})
        if self._policy.stays_in_doubt(in_doubt.batch):
            self._parts.closed(in_doubt.batch)  # unlock its keys: if it was executed, the CRM rejects later rows as duplicates
            return
        self.put_back([in_doubt])

    def put_back(self, in_doubt: Sequence[InDoubtBatch]) -> None:
        """Hold batches, for the first time or again."""
        self._held += in_doubt
        self._changed.set()

    def oldest(self) -> InDoubtBatch:
        """Return the batch that was sent first; it is held until :meth:`remove`."""
        return min(self._held, key=lambda held: held.shipment.latest_sent_at)

    def remove(self, in_doubt: InDoubtBatch) -> None:
        """Hold *in_doubt* no longer."""
        self._held.remove(in_doubt)
        self._changed.set()

    async def wait_for_capacity(self) -> None:
        """Wait while too many batches are in doubt, unless the run is being stopped."""
        while len(self._held) >= self._limit and not self._stop.requested:
            await self._wait_for_change()

    async def wait_for_batch(self) -> bool:
        """Wait for a batch; return False when none will come: the queue is closed and empty, or the run is stopped."""
        while not (self._held or self._closed or self._stop.requested):
            await self._wait_for_change()
        return bool(self._held) and not self._stop.requested

    def close(self) -> None:
        """Note that no sender adds batches any more; only the resolver does."""
        self._closed = True
        self._changed.set()

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class InDoubtParts:
    """Parts of an :class:`InDoubtResolver`."""

    queue: InDoubtQueue
    policy: ResendPolicy
    checks: LostReplyChecks
    sender: BatchDelivery
    recorder: ShipmentRecorder
    batch_parts: BatchParts
    stop: StopSignal
    wall: Callable[[], float]
    settle_wait_s: float  #: seconds after which a request without a response can no longer be running
    unresolved_max: int = IN_DOUBT_MAX  #: batches that stay in doubt and are looked up once more


class InDoubtResolver:
    """The task that resolves batches in doubt.

    Memory: batches that stay in doubt are held too, up to ``unresolved_max``: rows found later may explain the records that kept
    them in doubt.

    Attributes:
        waits_until: Until when the oldest batch waits, in seconds since the epoch; None while none waits.
    """

    def __init__(self, parts: InDoubtParts) -> None:
        self.waits_until: float | None = None
        self._parts = parts
        self._queue = parts.queue
        self._sender = parts.sender
        self._recorder = parts.recorder
        self._stop = parts.stop
        self._unresolved: list[tuple[int, InDoubtBatch]] = []  # with the rows that were resolved by then
        self._resolved = 0  # rows that lookups found or proved absent

    async def run(self) -> None:
        """Resolve each batch when it is due, until the queue is closed and nothing can be resolved, or the run is stopped."""
        while await self._queue.wait_for_batch():
            await self._resolve_next()
        await self.resolve_all()

    async def resolve_all(self) -> None:
        """Resolve what is in the queue, until it is empty and nothing more can be resolved, or the run is stopped."""
        while not self._stop.requested and (self._queue or self._retry_unresolved()):
            await self._resolve_next()

    async def _resolve_next(self) -> None:
        in_doubt = self._queue.oldest()
        await self._wait_until_due(in_doubt)
        if self._stop.requested:
            return
        self._queue.remove(in_doubt)
        await self._resolve(in_doubt)

    def _retry_unresolved(self) -> bool:
        """Put batches that stay in doubt back into the queue, if other rows were resolved since; return whether there are any."""
        due = [in_doubt for resolved, in_doubt in self._unresolved if resolved < self._resolved]
        self._unresolved = [(resolved, in_doubt) for resolved, in_doubt in self._unresolved if resolved == self._resolved]
        self._queue.put_back(due)
        return bool(due)

    async def _wait_until_due(self, in_doubt: InDoubtBatch) -> None:
        self.waits_until = in_doubt.shipment.latest_sent_at + self._parts.settle_wait_s
        while (left := self.waits_until - self._parts.wall()) > 0 and not self._stop.requested:
            await self._stop.sleep(min(left, CLOCK_SLICE_S))
        self.waits_until = None

    async def _resolve(self, in_doubt: InDoubtBatch) -> None:
        could_duplicate = self._parts.policy.could_duplicate(in_doubt.batch)
        if not any(could_duplicate):
            await self._send_again(in_doubt)
            return
        if not all(could_duplicate):
            in_doubt = await self._send_harmless_rows(in_doubt, could_duplicate)
        result = await self._look_up(in_doubt)
        if result is not None:
            await self._apply(in_doubt, result)

    async def _send_again(self, in_doubt: InDoubtBatch) -> None:
        """Send the batch again, without the rows of an update whose records another user changed since."""
        batch, shipment, conflicts = in_doubt.batch, in_doubt.shipment, self._parts.checks.conflicts
        found = ConflictResult() if conflicts is None else await self._ask(conflicts.find(batch, shipment))
        if found is None:
            return
        if found.unknown:
            self._parts.batch_parts.closed(batch)  # it stays in doubt and must not block other rows
            return
        rejected = sorted(found.rejected)
        if rejected:
            again = batch.pick([index for index in range(len(batch)) if index not in found.rejected])
            rest = self._split(shipment, again) if len(again) else None
            self._recorder.settle(shipment, batch.pick(rejected), _all_rejected(found, rejected))
            if rest is None:
                self._parts.batch_parts.closed(batch)
                return
            batch, shipment = again, rest
        await self._sender.deliver(batch, shipment=shipment)

    async def _send_harmless_rows(self, in_doubt: InDoubtBatch, could_duplicate: Sequence[bool]) -> InDoubtBatch:
        """Send the harmless rows again, and return the others as a batch with a shipment of its own.

        They go first: only then the records that they created are known as theirs.  A row without a key could match one of them.
        """
        batch = in_doubt.batch
        harmless = batch.pick([index for index, insert in enumerate(could_duplicate) if not insert])
        others = batch.pick([index for index, insert in enumerate(could_duplicate) if insert])
        harmless_shipment, others_shipment = self._split(in_doubt.shipment, harmless), self._split(in_doubt.shipment, others)
        self._recorder.released(in_doubt.shipment)  # no commit can come between: its rows stay in doubt throughout
        self._parts.batch_parts.opened(harmless)
        await self._sender.deliver(harmless, shipment=harmless_shipment)
        return InDoubtBatch(shipment=others_shipment, batch=others, reason=in_doubt.reason)

    async def _look_up(self, in_doubt: InDoubtBatch) -> LookupResult | None:
        lookup = self._parts.checks.lookup
        if lookup is None:
            return LookupResult()
        result = await self._ask(self._find(in_doubt, lookup))
        if result is not None:
            rows, found = len(in_doubt.batch), len(result.found)
            extra = {"batch": in_doubt.shipment.id, "rows": rows, "matched": found, "in_doubt": rows - found - len(result.absent)}
            _LOG.info("lookup finished", extra=extra)
        return result

    async def _find(self, in_doubt: InDoubtBatch, lookup: InsertLookup) -> LookupResult:
        """Look the rows up once all earlier outcomes are durable: the lookup reads them from the run's files."""
        await self._recorder.committed()
        return await lookup.find(in_doubt.batch, in_doubt.shipment, other_in_doubt_batches=self._other_batches)

    def _other_batches(self) -> list[Batch]:
        return [held.batch for held in (*self._queue.batches, *(unresolved for _, unresolved in self._unresolved))]

    async def _ask(self, answer: Awaitable[Answer]) -> Answer | None:
        """Return the answer, or None when the run is being stopped, for this error or another reason."""
        try:
            return await answer
        except StopRequestedError:
            return None
        except BulkZohoError as error:
            self._stop.request(stop_reason(error), error)
            return None

    async def _apply(self, in_doubt: InDoubtBatch, result: LookupResult) -> None:
        """Settle the rows found, send the absent ones again; the others stay in doubt as a shipment of their own."""
        batch, shipment = in_doubt.batch, in_doubt.shipment
        unknown = batch.pick(sorted(set(range(len(batch))) - set(result.found) - set(result.absent)))
        unknown_shipment = self._split(shipment, unknown) if len(unknown) else None
        if result.found:
            assert result.results is not None
            self._recorder.settle(shipment, batch.pick(result.found), result.results)
        else:
            self._recorder.released(shipment)
        if result.absent:
            absent = batch.pick(result.absent)
            self._parts.batch_parts.opened(absent)
            await self._sender.deliver(absent)
        self._resolved += len(batch) - len(unknown)
        keeps = self._parts.checks.lookup is not None and len(self._unresolved) < self._parts.unresolved_max
        if unknown_shipment is not None and keeps:
            part = replace(unknown, claims=())  # its keys are unlocked below
            self._unresolved.append((self._resolved, InDoubtBatch(shipment=unknown_shipment, batch=part, reason=in_doubt.reason)))
        self._parts.batch_parts.closed(batch)

    def _split(self, shipment: InFlightShipment, part: Batch) -> InFlightShipment:
        return self._recorder.split_shipment(shipment, ranges_of(sorted(part.numbers)))


def _all_rejected(found: ConflictResult, indexes: Sequence[int]) -> WriteResults:
    rejections = {place: found.rejected[index] for place, index in enumerate(indexes)}
    return WriteResults(ids=[""] * len(indexes), actions=Action.UPDATE, rejected=rejections)
