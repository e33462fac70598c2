"""Send batches: each to its verdict, each verdict to the recorder.  Several senders share one of these."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

from bulkzoho.core.judging import Abort, Doubt, RefuseRow, Settle, Split, Verdict, judge
from bulkzoho.core.suspicion import Accused, Suspicion
from bulkzoho.engine.channel import Channel
from bulkzoho.engine.courier import Courier
from bulkzoho.engine.errors_allowed import ErrorsAllowed
from bulkzoho.engine.open_parts import OpenParts
from bulkzoho.engine.recorder import Recorder, RefusedRows
from bulkzoho.engine.shipments import OpenShipment
from bulkzoho.engine.stopping import AdmissionClosedError, Stop, reason_of
from bulkzoho.errors import BulkZohoError, RunFailedError
from bulkzoho.model.outcomes import Results
from bulkzoho.model.rows import Batch
from bulkzoho.model.rowset import ranges_of
from bulkzoho.model.run import StopReason
from bulkzoho.ports import Route

__all__ = ["Doubtful", "Resends", "Sender"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtful:
    """A batch whose call had no answer."""

    shipment: OpenShipment
    batch: Batch
    reason: str


_Part = tuple[Batch, OpenShipment | None]  # the second: an earlier sending without outcome


class _Trip:
    """One shipment on its way: told by the courier when its call leaves and when it did nothing."""

    def __init__(self, recorder: Recorder, batch: Batch, shipment: OpenShipment | None) -> None:
        self._recorder = recorder
        self._batch = batch
        self._shipment = shipment

    @property
    def shipment(self) -> OpenShipment:
        assert self._shipment is not None
        return self._shipment

    @property
    def open(self) -> bool:
        """Whether a call may have left that has no outcome."""
        return self._shipment is not None and self._shipment.id in self._recorder.open

    async def departing(self) -> None:
        """See :class:`bulkzoho.engine.courier.Journey`."""
        again = self._shipment if self.open else None  # a lost call before this one: it stays in doubt, whatever happens here
        self._shipment = self._recorder.sent(self._batch, before=self._shipment)
        try:
            await self._recorder.committed()
        except BaseException:  # not journalled, or cancelled: the call has not left
            if again is None:
                self._recorder.released(self._shipment)
            raise

    def returned(self) -> None:
        """See :class:`bulkzoho.engine.courier.Journey`; if an earlier call had no answer, it stays in doubt."""
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


class Resends(Protocol):
    """Reads the results of a call that was sent again because an earlier one had no answer."""

    async def read(self, batch: Batch, shipment: OpenShipment, results: Results) -> Results:
        """Give what all the sendings together did.

        Raises:
            AdmissionClosedError: The run was stopped meanwhile.
            BulkZohoError: The CRM cannot be asked.
        """


class Sender:
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
        route: Route,
        crm_module: str,
        courier: Courier,
        recorder: Recorder,
        stop: Stop,
        errors: ErrorsAllowed,
        parts: OpenParts,
        doubted: Callable[[Doubtful], None],
        room: Callable[[], Awaitable[None]],
        resends: Resends | None = None,
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
        self._suspicion = Suspicion()
        self._halving = asyncio.Lock()

    async def run(self, channel: Channel[Batch]) -> None:
        """Deliver what comes; once admission is closed, let it fall: those rows are unsent."""
        async for batch in channel:
            await self._room()
            self._parts.opened(batch)
            await self.deliver(batch)

    async def deliver(self, batch: Batch, *, shipment: OpenShipment | None = None) -> None:
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

    async def _deliver_part(self, part: Batch, codes: set[str], shipment: OpenShipment | None) -> list[_Part]:
        """Send one part; give its halves when the call was refused for the sake of some row.

        *codes* collects the codes of rows that stood alone in a refused call, and "" for rows with another fate.
        """
        trip = _Trip(self._recorder, part, shipment)
        match await self._send(part, trip):
            case None:  # admission is closed; what has not left is unsent
                codes.add("")
            case Settle(results=results):
                codes.add("")
                self._recorder.settle(trip.shipment, part, results)
                self._parts.closed(part)
                if len(results.refused) < len(part):
                    self._suspicion.row_accepted()
            case Split():
                self._parts.opened(part)
                middle = len(part) // 2
                return trip.halved([part.pick(range(middle, len(part))), part.pick(range(middle))])
            case RefuseRow(refusal=refusal):
                trip.refused()
                codes.add(refusal.code)
                self._suspicion.accuse(Accused(row=part, refusal=refusal, attempts=trip.shipment.attempt))
                self._parts.closed(part)
            case Doubt(reason=reason):
                codes.add("")
                self._doubted(Doubtful(shipment=trip.shipment, batch=part, reason=reason))
            case Abort(error=error):
                codes.add("")
                trip.returned()
                self._stop.request(reason_of(error), error)
        return []

    def settle_accused(self) -> None:
        """At the end of the input: whoever is still accused is to blame."""
        self._blame(self._suspicion.take_all())
        self._errors.check()

    async def _send(self, part: Batch, trip: _Trip) -> Verdict | None:
        try:
            reply = await self._courier.deliver(lambda: self._route.send(part), self._route.price(part), journey=trip)
            verdict = judge(reply, records=len(part), crm_module=self._crm_module)
            if isinstance(verdict, Settle) and self._resends is not None and trip.shipment.since_s is not None:
                return Settle(await self._resends.read(part, trip.shipment, verdict.results))
        except AdmissionClosedError:
            return None
        except BulkZohoError as error:
            self._stop.request(reason_of(error), error)
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

    def _blame(self, accused: Sequence[Accused]) -> None:
        for one in accused:
            self._recorder.refuse(RefusedRows(batch=one.row, refusals=[one.refusal]), attempts=one.attempts)
