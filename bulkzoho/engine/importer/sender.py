"""Send batches: each to its verdict, each verdict to the recorder.  Several senders share one of these."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.results import WriteResults
from bulkzoho.domain.model.row_ranges import ranges_of
from bulkzoho.domain.model.rows import Batch
from bulkzoho.domain.model.run import StopReason
from bulkzoho.domain.policy.retry import AbortRun, MarkInDoubt, RejectRow, SettleRows, SplitBatch, Verdict, judge
from bulkzoho.domain.policy.systemic_errors import SuspectRow, SystemicErrorDetector
from bulkzoho.engine.concurrency.channel import Channel
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal, stop_reason
from bulkzoho.engine.importer.batch_parts import BatchPartTracker
from bulkzoho.engine.importer.error_limit import ErrorLimit
from bulkzoho.engine.importer.recorder import OutcomeRecorder, RejectedRows
from bulkzoho.errors import BulkZohoError, RunFailedError
from bulkzoho.interfaces import ImportRoute

__all__ = ["BatchSender", "InDoubtBatch", "ResendInterpreter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InDoubtBatch:
    """A batch whose call had no answer."""

    shipment: InFlightShipment
    batch: Batch
    reason: str


_Part = tuple[Batch, InFlightShipment | None]  # the second: an earlier sending without outcome


class ShipmentTracker:
    """One shipment on its way: told by the courier when its call leaves and when it did nothing."""

    def __init__(self, recorder: OutcomeRecorder, batch: Batch, shipment: InFlightShipment | None) -> None:
        self._recorder = recorder
        self._batch = batch
        self._shipment = shipment

    @property
    def shipment(self) -> InFlightShipment:
        assert self._shipment is not None
        return self._shipment

    @property
    def open(self) -> bool:
        """Whether a call may have left that has no outcome."""
        return self._shipment is not None and self._shipment.id in self._recorder.open

    async def departing(self) -> None:
        """See :class:`bulkzoho.engine.concurrency.retrying_caller.CallObserver`."""
        again = self._shipment if self.open else None  # a lost call before this one: it stays in doubt, whatever happens here
        self._shipment = self._recorder.sent(self._batch, before=self._shipment)
        try:
            await self._recorder.committed()
        except BaseException:  # not journalled, or cancelled: the call has not left
            if again is None:
                self._recorder.released(self._shipment)
            raise

    def returned(self) -> None:
        """See :class:`CallObserver`; if an earlier call had no answer, it stays in doubt."""
        if self.open and self.shipment.since_s is None:
            self._recorder.released(self.shipment)

    def refused(self) -> None:
        """The call was refused as a whole: its rows are unsent."""
        if self.open:
            self._recorder.released(self.shipment)

    def halved(self, halves: Sequence[Batch]) -> list[_Part]:
        """The call was refused as a whole, and goes in *halves*: each is in doubt if an earlier call had no answer."""
        doubtful = self.open and self.shipment.since_s is not None
        parts = [
            (half, self._recorder.divide(self.shipment, ranges_of(sorted(half.numbers))) if doubtful else None) for half in halves
        ]
        self.refused()  # no commit comes between: rows in doubt are so all the time
        return parts


class ResendInterpreter(Protocol):
    """Reads the results of a call that was sent again because an earlier one had no answer."""

    async def read(self, batch: Batch, shipment: InFlightShipment, results: WriteResults) -> WriteResults:
        """Give what all the sendings together did.

        Raises:
            StopRequestedError: The run was stopped meanwhile.
            BulkZohoError: The CRM cannot be asked.
        """


class BatchSender:
    """Delivers batches.

    Args:
        parts: Told which parts of batches are open, so that keys go free with the last.
        errors: Asked after each batch whether too many rows were refused.
        doubted: Told each batch whose call had no answer.
        room: Waits while too many batches are in doubt.
        resends: Reads the results of calls that were sent again; None takes them as they are.
    """

    def __init__(
        self,
        *,
        route: ImportRoute,
        crm_module: str,
        courier: RetryingCaller,
        recorder: OutcomeRecorder,
        stop: StopSignal,
        errors: ErrorLimit,
        parts: BatchPartTracker,
        doubted: Callable[[InDoubtBatch], None],
        room: Callable[[], Awaitable[None]],
        resends: ResendInterpreter | None = None,
    ) -> None:
        self._route = route
        self._crm_module = crm_module
        self._courier = courier
        self._recorder = recorder
        self._stop = stop
        self._errors = errors
        self._parts = parts
        self._doubted = doubted
        self._room = room
        self._resends = resends
        self._suspicion = SystemicErrorDetector()
        self._halving = asyncio.Lock()

    async def run(self, channel: Channel[Batch]) -> None:
        """Deliver what comes; once admission is closed, let it fall: those rows are unsent."""
        async for batch in channel:
            await self._room()
            self._parts.opened(batch)
            await self.deliver(batch)

    async def deliver(self, batch: Batch, *, shipment: InFlightShipment | None = None) -> None:
        """Send *batch* until each row has its outcome or is in doubt; *shipment* is an earlier sending without outcome."""
        codes: set[str] = set()
        halves = await self._deliver_part(batch, codes, shipment)
        if halves:  # one batch at a time: if the CRM refuses everything, that shows before every sender has asked row by row
            async with self._halving if self._suspicion.unsure else nullcontext():
                while halves and not self._stop.requested:
                    half, earlier = halves.pop()
                    halves.extend(await self._deliver_part(half, codes, earlier))
        if halves:
            return  # stopped: they are unsent, or still in doubt
        self._judge_codes(codes)
        self._errors.check()

    async def _deliver_part(self, part: Batch, codes: set[str], shipment: InFlightShipment | None) -> list[_Part]:
        """Send one part; give its halves when the call was refused for the sake of some row.

        *codes* collects the codes of rows that stood alone in a refused call, and "" for rows with another fate.
        """
        trip = ShipmentTracker(self._recorder, part, shipment)
        match await self._send(part, trip):
            case None:  # admission is closed; what has not left is unsent
                codes.add("")
            case SettleRows(results=results):
                codes.add("")
                self._recorder.settle(trip.shipment, part, results)
                self._parts.closed(part)
                if len(results.refused) < len(part):
                    self._suspicion.row_accepted()
            case SplitBatch():
                self._parts.opened(part)
                middle = len(part) // 2
                return trip.halved([part.pick(range(middle, len(part))), part.pick(range(middle))])
            case RejectRow(refusal=refusal):
                trip.refused()
                codes.add(refusal.code)
                self._suspicion.accuse(SuspectRow(row=part, refusal=refusal, attempts=trip.shipment.attempt))
                self._parts.closed(part)
            case MarkInDoubt(reason=reason):
                codes.add("")
                self._doubted(InDoubtBatch(shipment=trip.shipment, batch=part, reason=reason))
            case AbortRun(error=error):
                codes.add("")
                trip.returned()
                self._stop.request(stop_reason(error), error)
        return []

    def settle_accused(self) -> None:
        """At the end of the input: whoever is still accused is to blame."""
        self._blame(self._suspicion.take_all())
        self._errors.check()

    async def _send(self, part: Batch, trip: ShipmentTracker) -> Verdict | None:
        try:
            reply = await self._courier.deliver(lambda: self._route.send(part), self._route.price(part), journey=trip)
            verdict = judge(reply, records=len(part), crm_module=self._crm_module)
            if isinstance(verdict, SettleRows) and self._resends is not None and trip.shipment.since_s is not None:
                return SettleRows(await self._resends.read(part, trip.shipment, verdict.results))
        except StopRequestedError:
            return None
        except BulkZohoError as error:
            self._stop.request(stop_reason(error), error)
            return None
        return verdict

    def _judge_codes(self, codes: set[str]) -> None:
        """Blame the rows that stood alone in refused calls, unless every row of several batches did, for one reason."""
        if "" not in codes:
            self._suspicion.batch_refused(codes)
        if self._suspicion.systemic:
            self._stop.request(
                StopReason.FAILED,
                RunFailedError(
                    f"the CRM refuses every row with {self._suspicion.systemic}; these rows stay unsent.",
                    hint="Find what all rows have in common (`--limit 1` shows it quickly), then resume.",
                    code=self._suspicion.systemic,
                ),
            )
            return
        self._blame(self._suspicion.take_guilty())

    def _blame(self, accused: Sequence[SuspectRow]) -> None:
        for one in accused:
            self._recorder.refuse(RejectedRows(batch=one.row, refusals=[one.refusal]), attempts=one.attempts)
