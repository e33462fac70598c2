"""Send batches: judge each response and record the outcome.  Several sender tasks share one :class:`BatchSender`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from bulkzoho.domain.model.batch import InDoubtBatch, InFlightShipment
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
from bulkzoho.engine.lost_replies.in_doubt import InDoubtQueue
from bulkzoho.engine.lost_replies.protocols import ResendInterpreter
from bulkzoho.errors import BulkZohoError, RunFailedError
from bulkzoho.interfaces import ImportRoute

__all__ = ["BatchSender", "SenderParts"]

_LOG = logging.getLogger(__name__)

_Part = tuple[Batch, InFlightShipment | None]  # the second: an earlier attempt without outcome
_OTHER_OUTCOME = ""  # among the codes of a batch: some row was not alone in a rejected call


class ShipmentTracker:
    """Records the attempts to send one batch (a :class:`bulkzoho.engine.concurrency.retrying_caller.CallObserver`)."""

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
        """Whether a request may have been sent that has no outcome."""
        return self._shipment is not None and self._shipment.id in self._recorder.open

    async def before_send(self) -> None:
        """See :class:`bulkzoho.engine.concurrency.retrying_caller.CallObserver`."""
        earlier = self._shipment if self.open else None  # it had no response and stays in doubt, whatever happens here
        shipment = self._shipment = self._recorder.sent(self._batch, before=self._shipment)
        try:
            await self._recorder.committed()
            while (leaving := self._recorder.may_leave(shipment)) is None:
                shipment = self._shipment = self._recorder.sent_later(shipment)
                await self._recorder.committed()
            shipment = self._shipment = leaving
        except BaseException:  # not journaled, or cancelled: the request was not sent
            if earlier is None:
                self._recorder.released(shipment)
            raise
        if _LOG.isEnabledFor(logging.INFO):
            _LOG.info("batch sent", extra={"batch": shipment.id, "rows": len(self._batch), "attempt": shipment.attempt})

    def not_sent(self) -> None:
        """See :class:`CallObserver`; if an earlier request had no response, the batch stays in doubt."""
        if self.open and self.shipment.since_s is None:
            self._recorder.released(self.shipment)

    def rejected(self) -> None:
        """Note that the CRM rejected the whole call: its rows are unsent."""
        if self.open:
            self._recorder.released(self.shipment)

    def split(self, halves: Sequence[Batch]) -> list[_Part]:
        """Replace a rejected call by *halves*; each is in doubt if an earlier request had no response."""
        in_doubt = self.open and self.shipment.since_s is not None
        parts: list[_Part] = []
        for half in halves:
            rows = ranges_of(sorted(half.numbers))
            parts.append((half, self._recorder.split_shipment(self.shipment, rows) if in_doubt else None))
        self.rejected()  # no commit can come between: rows in doubt stay in doubt throughout
        return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderParts:
    """Parts of a :class:`BatchSender`."""

    route: ImportRoute
    crm_module: str
    caller: RetryingCaller
    recorder: OutcomeRecorder
    stop: StopSignal
    errors: ErrorLimit
    batch_parts: BatchPartTracker
    in_doubt: InDoubtQueue
    resends: ResendInterpreter | None = None  #: None: the results of a resent call are taken as they are


class BatchSender:
    """Delivers batches."""

    def __init__(self, parts: SenderParts) -> None:
        self._route = parts.route
        self._crm_module = parts.crm_module
        self._caller = parts.caller
        self._recorder = parts.recorder
        self._stop = parts.stop
        self._errors = parts.errors
        self._batch_parts = parts.batch_parts
        self._in_doubt = parts.in_doubt
        self._resends = parts.resends
        self._detector = SystemicErrorDetector()
        self._splitting = asyncio.Lock()

    async def run(self, channel: Channel[Batch]) -> None:
        """Deliver the batches of *channel*; once the run is stopped, take them without sending: their rows are unsent."""
        async for batch in channel:
            await self._in_doubt.wait_for_capacity()
            self._batch_parts.opened(batch)
            await self.deliver(batch)

    async def deliver(self, batch: Batch, *, shipment: InFlightShipment | None = None) -> None:
        """Send *batch* until each row has its outcome or is in doubt; *shipment* is an earlier attempt without outcome."""
        codes: set[str] = set()
        halves = await self._deliver_part(batch, codes, shipment)
        if halves:  # one batch at a time: if the CRM rejects everything, that shows before every sender has tried row by row
            async with self._splitting if self._detector.undecided else nullcontext():
                while halves and not self._stop.requested:
                    half, earlier = halves.pop()
                    halves.extend(await self._deliver_part(half, codes, earlier))
        if halves:
            return  # stopped: they are unsent, or still in doubt
        self._judge_codes(codes)
        self._errors.check()

    async def _deliver_part(self, part: Batch, codes: set[str], shipment: InFlightShipment | None) -> list[_Part]:
        """Send one part; return its halves when the CRM rejected the call because of some row.

        *codes* collects the codes of rows that were alone in a rejected call, and ``_OTHER_OUTCOME`` for other rows.
        """
        tracker = ShipmentTracker(self._recorder, part, shipment)
        match await self._send(part, tracker):
            case None:  # the run is stopped; the part is unsent
                codes.add(_OTHER_OUTCOME)
            case SettleRows(results=results):
                codes.add(_OTHER_OUTCOME)
                self._settle(tracker.shipment, part, results)
            case SplitBatch():
                return self._split(tracker, part)
            case RejectRow(rejection=rejection):
                tracker.rejected()
                codes.add(rejection.code)
                self._detector.add_suspect(SuspectRow(row=part, rejection=rejection, attempts=tracker.shipment.attempt))
                self._batch_parts.closed(part)
            case MarkInDoubt(reason=reason):
                codes.add(_OTHER_OUTCOME)
                self._in_doubt.add(InDoubtBatch(shipment=tracker.shipment, batch=part, reason=reason))
            case AbortRun(error=error):
                codes.add(_OTHER_OUTCOME)
                tracker.not_sent()
                self._stop.request(stop_reason(error), error)
        return []

    def reject_remaining_suspects(self) -> None:
        """At the end of the input, reject the rows that are still suspect."""
        self._reject(self._detector.take_remaining())
        self._errors.check()

    def _settle(self, shipment: InFlightShipment, part: Batch, results: WriteResults) -> None:
        self._recorder.settle(shipment, part, results)
        self._batch_parts.closed(part)
        if len(results.rejected) < len(part):
            self._detector.row_accepted()
        if _LOG.isEnabledFor(logging.INFO):
            _LOG.info("batch settled", extra={"batch": shipment.id, "rows": len(part), "rejected": len(results.rejected)})

    def _split(self, tracker: ShipmentTracker, part: Batch) -> list[_Part]:
        self._batch_parts.opened(part)  # one part becomes two
        _LOG.info("batch split", extra={"batch": tracker.shipment.id, "rows": len(part)})
        middle = len(part) // 2
        return tracker.split([part.pick(range(middle, len(part))), part.pick(range(middle))])

    async def _send(self, part: Batch, tracker: ShipmentTracker) -> Verdict | None:
        try:
            reply = await self._caller.call(lambda: self._route.send(part), self._route.price(part), observer=tracker)
            verdict = judge(reply, records=len(part), crm_module=self._crm_module)
            if isinstance(verdict, SettleRows) and self._resends is not None and tracker.shipment.since_s is not None:
                return SettleRows(await self._resends.read(part, tracker.shipment, verdict.results))
        except StopRequestedError:
            return None
        except BulkZohoError as error:
            self._stop.request(stop_reason(error), error)
            return None
        return verdict

    def _judge_codes(self, codes: set[str]) -> None:
        """Reject the suspect rows, unless every row of several batches was rejected for one reason."""
        if _OTHER_OUTCOME not in codes:
            self._detector.batch_rejected(codes)
        if self._detector.systemic:
            self._stop.request(
                StopReason.FAILED,
                RunFailedError(
                    f"the CRM rejects every row with {self._detector.systemic}; these rows stay unsent.",
                    hint="Find what all rows have in common (`--limit 1` shows it quickly), then resume.",
                    code=self._detector.systemic,
                ),
            )
            return
        self._reject(self._detector.take_confirmed())

    def _reject(self, suspects: Sequence[SuspectRow]) -> None:
        for suspect in suspects:
            self._recorder.reject(RejectedRows(batch=suspect.row, rejections=[suspect.rejection]), attempts=suspect.attempts)
