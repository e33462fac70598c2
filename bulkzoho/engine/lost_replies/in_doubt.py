"""Batches whose answer was lost: wait until the lost call can no longer run, then do what is harmless.

An upsert, an update or a delete is sent again.  An insert (and an upsert row whose key is blank, which is one) is looked up:
found rows are accepted, rows shown to be absent are sent again, the others stay in doubt.  Nothing is ever resent on a guess.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.results import Rejection, WriteResults
from bulkzoho.domain.model.row_ranges import ranges_of
from bulkzoho.domain.model.rows import Action, Batch, Operation
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal, stop_reason
from bulkzoho.engine.importer.batch_parts import BatchPartTracker
from bulkzoho.engine.importer.recorder import OutcomeRecorder
from bulkzoho.engine.importer.sender import BatchSender, InDoubtBatch
from bulkzoho.errors import BulkZohoError

__all__ = ["ConflictCheck", "ConflictResult", "InDoubtQueue", "InsertLookup", "LookupResult"]

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupResult:
    """What a lookup found out, by index in the batch; what is in neither stays in doubt."""

    found: Sequence[int] = ()
    results: WriteResults | None = None  #: of the found ones, in parallel
    absent: Sequence[int] = ()


class InsertLookup(Protocol):
    """Ask the CRM which rows of an insert it holds."""

    async def find(self, batch: Batch, shipment: InFlightShipment, *, rivals: Callable[[], Sequence[Batch]]) -> LookupResult:
        """Look the rows up; *rivals* gives those in doubt too, as of then, so that a record may be theirs.

        Raises:
            StopRequestedError: The run was stopped meanwhile.
            BulkZohoError: The CRM cannot be asked.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictResult:
    """Rows of an update that are not to be sent again, by index in the batch."""

    refused: Mapping[int, Rejection] = field(default_factory=dict)
    untold: bool = False  #: nothing can be told of any row: all of them stay in doubt


class ConflictCheck(Protocol):
    """Ask the CRM which records of an update somebody changed since."""

    async def find(self, batch: Batch, shipment: InFlightShipment) -> ConflictResult:
        """Look the records up.

        Raises:
            StopRequestedError: The run was stopped meanwhile.
            BulkZohoError: The CRM cannot be asked.
        """


class InDoubtQueue:
    """The batches in doubt of one run, and the task that settles them.

    Memory: a batch in doubt is held until it is due; senders wait in :meth:`room` once *bound* are held.  Of rows that stay in
    doubt *bound* batches are held too: what is found of others may yet account for the records that stood in their way.
    """

    def __init__(
        self,
        *,
        operation: Operation,
        match_on: Sequence[str],
        lookup: InsertLookup | None,
        settle_wait_s: float,
        recorder: OutcomeRecorder,
        stop: StopSignal,
        wall: Callable[[], float],
        parts: BatchPartTracker,
        conflicts: ConflictCheck | None = None,
        bound: int = 32,
    ) -> None:
        self.sender: BatchSender | None = None  #: set by whoever builds the run, since a sender in turn reports to this
        self._operation = operation
        self._match_on = match_on
        self._lookup = lookup
        self._conflicts = conflicts
        self._settle_wait_s = settle_wait_s
        self._recorder = recorder
        self._stop = stop
        self._wall = wall
        self._parts = parts
        self._bound = bound
        self._held: list[InDoubtBatch] = []
        self._staying: list[tuple[int, InDoubtBatch]] = []  # with the rows that were cleared up by then
        self._cleared = 0  # rows that lookups found or showed to be absent
        self._closing = False
        self._changed = asyncio.Event()
        self.waits_until: float | None = None  #: seconds since the epoch; for the display

    def __len__(self) -> int:
        return len(self._held)

    def add(self, doubtful: InDoubtBatch) -> None:
        """Take a batch whose call had no answer."""
        if self._stays(doubtful):
            self._parts.closed(doubtful.batch)  # it keeps nobody waiting: what follows is refused as a duplicate if it was done
            return
        self._held.append(doubtful)
        self._changed.set()

    async def room(self) -> None:
        """Wait while too many batches are in doubt, unless the run is being stopped."""
        await self._until(lambda: len(self._held) < self._bound or self._stop.requested)

    def close(self) -> None:
        """Say that no more come but those that settling brings about."""
        self._closing = True
        self._changed.set()

    def reopen(self) -> None:
        """More may come after all: what an earlier process left is settled, now the run itself begins."""
        self._closing = False

    async def run(self) -> None:
        """Settle each batch when it is due, until closed and empty, or the run is stopped."""
        self._stop.listen(self._changed.set)
        while True:
            await self._until(lambda: bool(self._held) or self._closing or self._stop.requested)
            if self._stop.requested or not (self._held or self._look_again()):
                return
            doubtful = min(self._held, key=lambda one: one.shipment.sent_at)
            await self._wait_due(doubtful)
            if self._stop.reason is not None:
                return
            self._held.remove(doubtful)
            await self._settle(doubtful)
            self._changed.set()

    def _stays(self, doubtful: InDoubtBatch) -> bool:
        return self._lookup is None and all(self._inserts(doubtful.batch))

    def _inserts(self, batch: Batch) -> list[bool]:
        """Whether sending each record again could insert it a second time."""
        if self._operation is Operation.INSERT:
            return [True] * len(batch)
        if self._operation is Operation.UPSERT:
            return [not any(record.get(name) not in (None, "") for name in self._match_on) for record in batch.records]
        return [False] * len(batch)

    async def _wait_due(self, doubtful: InDoubtBatch) -> None:
        self.waits_until = doubtful.shipment.sent_at + self._settle_wait_s
        while (left := self.waits_until - self._wall()) > 0 and not self._stop.requested:
            await self._stop.sleep(min(left, 30.0))  # in slices: the wall clock may jump over a sleep of the machine
        self.waits_until = None

    async def _settle(self, doubtful: InDoubtBatch) -> None:
        assert self.sender is not None
        inserts = self._inserts(doubtful.batch)
        if not any(inserts):
            await self._repeat(doubtful)
            return
        if not all(inserts):
            doubtful = await self._repeat_harmless(doubtful, inserts)
        findings = await self._find(doubtful)
        if findings is not None:
            await self._apply(doubtful, findings)

    async def _repeat(self, doubtful: InDoubtBatch) -> None:
        """Send the batch again, but for rows of an update whose records somebody changed since."""
        assert self.sender is not None
        batch, shipment = doubtful.batch, doubtful.shipment
        clashes = await self._asked(self._conflicts.find(batch, shipment)) if self._conflicts is not None else ConflictResult()
        if clashes is None:
            return
        if clashes.untold:
            self._parts.closed(batch)  # in doubt, it keeps nobody waiting
            return
        refused = sorted(clashes.refused)
        if refused:
            again = batch.pick([at for at in range(len(batch)) if at not in clashes.refused])
            rest = self._recorder.divide(shipment, ranges_of(sorted(again.numbers))) if len(again) else None
            refusals = {at: clashes.refused[index] for at, index in enumerate(refused)}
            results = WriteResults(ids=[""] * len(refused), actions=Action.UPDATE, refused=refusals)
            self._recorder.settle(shipment, batch.pick(refused), results)
            if rest is None:
                self._parts.closed(batch)
                return
            batch, shipment = again, rest
        await self.sender.deliver(batch, shipment=shipment)

    def _look_again(self) -> bool:
        """Take up the rows that stayed in doubt, where others were cleared up since."""
        due = [one for cleared, one in self._staying if cleared < self._cleared]
        self._staying = [(cleared, one) for cleared, one in self._staying if cleared == self._cleared]
        self._held += due
        return bool(due)

    async def _repeat_harmless(self, doubtful: InDoubtBatch, inserts: Sequence[bool]) -> InDoubtBatch:
        """Send what is harmless again, and give the rest, as a shipment of its own.

        First, since only then the records that it had made are known as its own: a row without a key could be taken for one.
        """
        assert self.sender is not None
        batch = doubtful.batch
        again, rest = (batch.pick([at for at, insert in enumerate(inserts) if insert is wanted]) for wanted in (False, True))
        again_shipment, rest_shipment = (
            self._recorder.divide(doubtful.shipment, ranges_of(sorted(part.numbers))) for part in (again, rest)
        )
        self._recorder.released(doubtful.shipment)  # no commit comes between: its rows are in doubt all the time
        self._parts.opened(again)
        await self.sender.deliver(again, shipment=again_shipment)
        return InDoubtBatch(shipment=rest_shipment, batch=rest, reason=doubtful.reason)

    async def _find(self, doubtful: InDoubtBatch) -> LookupResult | None:
        if self._lookup is None:
            return LookupResult()
        return await self._asked(self._look_up(doubtful, self._lookup))

    async def _look_up(self, doubtful: InDoubtBatch, lookup: InsertLookup) -> LookupResult:
        """Look the rows up once all that was found before is written down: a lookup reads there which records rows have."""
        await self._recorder.committed()
        return await lookup.find(doubtful.batch, doubtful.shipment, rivals=self._rivals)

    def _rivals(self) -> list[Batch]:
        return [one.batch for one in (*self._held, *(one for _, one in self._staying))]

    async def _asked(self, answer: Awaitable[Answer]) -> Answer | None:
        """Give the answer, or None when the run is being stopped, for this reason or another."""
        try:
            return await answer
        except StopRequestedError:
            return None
        except BulkZohoError as error:
            self._stop.request(stop_reason(error), error)
            return None

    async def _apply(self, doubtful: InDoubtBatch, findings: LookupResult) -> None:
        """Settle what was found, send again what is absent; the rest is in doubt on its own."""
        assert self.sender is not None
        batch, shipment = doubtful.batch, doubtful.shipment
        unknown = sorted(set(range(len(batch))) - set(findings.found) - set(findings.absent))
        staying = self._recorder.divide(shipment, ranges_of(sorted(batch.numbers[at] for at in unknown))) if unknown else None
        if findings.found:
            assert findings.results is not None
            self._recorder.settle(shipment, batch.pick(findings.found), findings.results)
        else:
            self._recorder.released(shipment)
        if findings.absent:
            absent = batch.pick(findings.absent)
            self._parts.opened(absent)
            await self.sender.deliver(absent)
        self._cleared += len(batch) - len(unknown)
        if staying is not None and self._lookup is not None and len(self._staying) < self._bound:
            part = replace(batch.pick(unknown), claims=())  # its keys go free now
            self._staying.append((self._cleared, InDoubtBatch(shipment=staying, batch=part, reason=doubtful.reason)))
        self._parts.closed(batch)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()
