"""Send batches: each to its verdict, each verdict to the recorder.  Several senders share one of these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from bulkzoho.core.judging import Abort, Doubt, RefuseRow, Settle, Split, Verdict, judge
from bulkzoho.core.suspicion import Accused, Suspicion
from bulkzoho.engine.channel import Channel
from bulkzoho.engine.courier import Courier
from bulkzoho.engine.recorder import OpenShipment, Recorder, RefusedRows
from bulkzoho.engine.stopping import AdmissionClosedError, Stop, reason_of
from bulkzoho.errors import BulkZohoError, RunFailedError
from bulkzoho.model.outcomes import Results, Tally
from bulkzoho.model.rows import Batch
from bulkzoho.model.run import StopReason
from bulkzoho.model.settings import MaxErrors
from bulkzoho.ports import Route

__all__ = ["Doubtful", "Resends", "Sender"]

ERRORS_SETTLED_FIRST = 1_000  # rows settled before a share of errors is judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtful:
    """A batch whose call had no answer."""

    shipment: OpenShipment
    batch: Batch
    reason: str


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
        settled: Told each batch that has its outcome, so that its keys go free.
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
        max_errors: MaxErrors | None,
        settled: Callable[[Batch], None],
        doubted: Callable[[Doubtful], None],
        room: Callable[[], Awaitable[None]],
        resends: Resends | None = None,
    ) -> None:
        self._route = route
        self._crm_module = crm_module
        self._courier = courier
        self._recorder = recorder
        self._stop = stop
        self._max_errors = max_errors
        self._settled = settled
        self._doubted = doubted
        self._room = room
        self._resends = resends
        self._suspicion = Suspicion()
        self._before = recorder.tally()  # errors are counted from here: whoever resumes has seen the earlier ones

    async def run(self, channel: Channel[Batch]) -> None:
        """Deliver what comes; once admission is closed, let it fall: those rows are unsent."""
        async for batch in channel:
            await self._room()
            await self.deliver(batch)

    async def deliver(self, batch: Batch, *, shipment: OpenShipment | None = None) -> None:
        """Send *batch* until each row has its outcome or is in doubt; *shipment* is an earlier sending without outcome."""
        parts = [batch]
        codes: set[str] = set()
        all_refused = True
        doubted = False
        while parts:
            part = parts.pop()
            trip = _Trip(self._recorder, part, shipment)
            verdict = await self._send(part, trip)
            shipment = None
            match verdict:
                case None:  # admission is closed; what has not left is unsent
                    return
                case Settle(results=results):
                    all_refused = all_refused and len(results.refused) == len(part)
                    codes |= {"results"}  # each row was looked at: no whole-call refusal
                    self._recorder.settle(trip.shipment, part, results)
                    if len(results.refused) < len(part):
                        self._suspicion.row_accepted()
                case Split():
                    trip.refused()
                    middle = len(part) // 2
                    parts += [part.pick(range(middle, len(part))), part.pick(range(middle))]
                case RefuseRow(refusal=refusal):
                    trip.refused()
                    codes.add(refusal.code)
                    self._suspicion.accuse(Accused(row=part, refusal=refusal, attempts=trip.shipment.attempt))
                case Doubt(reason=reason):
                    doubted, all_refused = True, False
                    self._doubted(Doubtful(shipment=trip.shipment, batch=part, reason=reason))
                case Abort(error=error):
                    trip.returned()
                    self._stop.request(reason_of(error), error)
                    return
        self._close_batch(batch, codes, all_refused=all_refused, doubted=doubted)

    def settle_accused(self) -> None:
        """At the end of the input: whoever is still accused is to blame."""
        for accused in self._suspicion.take_all():
            self._recorder.refuse(RefusedRows(batch=accused.row, refusals=[accused.refusal]), attempts=accused.attempts)

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

    def _close_batch(self, batch: Batch, codes: set[str], *, all_refused: bool, doubted: bool) -> None:
        if all_refused and "results" not in codes:
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
        for accused in self._suspicion.take_guilty():
            self._recorder.refuse(RefusedRows(batch=accused.row, refusals=[accused.refusal]), attempts=accused.attempts)
        if not doubted:  # a batch in doubt keeps its keys until it is settled
            self._settled(batch)
        self._count_errors()

    def _count_errors(self) -> None:
        if self._max_errors is None:
            return
        if _too_many(self._max_errors, self._recorder.tally(), before=self._before):
            self._stop.request(StopReason.MAX_ERRORS)


def _too_many(limit: MaxErrors, tally: Tally, *, before: Tally) -> bool:
    refused = tally.dead_lettered - before.dead_lettered
    if limit.rows is not None:
        return refused >= limit.rows
    settled = tally.accepted - before.accepted + refused
    return limit.share is not None and settled >= ERRORS_SETTLED_FIRST and refused > limit.share * settled
