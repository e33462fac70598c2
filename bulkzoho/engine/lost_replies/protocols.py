"""Interfaces of the recovery from lost responses: the questions it asks the CRM, and what it needs from the importer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.journal_events import Ranges
from bulkzoho.domain.model.results import Rejection, WriteResults
from bulkzoho.domain.model.rows import Batch

__all__ = [
    "BatchDelivery",
    "BatchParts",
    "ConflictCheck",
    "ConflictResult",
    "InsertLookup",
    "LookupResult",
    "LostReplyChecks",
    "ResendInterpreter",
    "ShipmentRecorder",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupResult:
    """Result of a lookup, by index in the batch; a row in neither list stays in doubt."""

    found: Sequence[int] = ()
    results: WriteResults | None = None  #: of the found rows, in parallel
    absent: Sequence[int] = ()


class InsertLookup(Protocol):
    """Asks the CRM which rows of an insert it has."""

    async def find(
        self, batch: Batch, shipment: InFlightShipment, *, other_in_doubt_batches: Callable[[], Sequence[Batch]]
    ) -> LookupResult:
        """Look the rows up.

        *other_in_doubt_batches* returns the other batches in doubt at that moment: a record may belong to one of them.

        Raises:
            StopRequestedError: The run was stopped meanwhile.
            BulkZohoError: The CRM cannot be asked.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictResult:
    """Rows of an update that must not be sent again, by index in the batch."""

    rejected: Mapping[int, Rejection] = field(default_factory=dict)
    unknown: bool = False  #: the check is not possible: all rows stay in doubt


class ConflictCheck(Protocol):
    """Asks the CRM which records of an update were changed by another user since."""

    async def find(self, batch: Batch, shipment: InFlightShipment) -> ConflictResult:
        """Look the records up.

        Raises:
            StopRequestedError: The run was stopped meanwhile.
            BulkZohoError: The CRM cannot be asked.
        """


class ResendInterpreter(Protocol):
    """Interprets the results of a request that was sent again because an earlier one had no response."""

    async def read(self, batch: Batch, shipment: InFlightShipment, results: WriteResults) -> WriteResults:
        """Return the combined effect of all the requests.

        Raises:
            StopRequestedError: The run was stopped meanwhile.
            BulkZohoError: The CRM cannot be asked.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LostReplyChecks:
    """The checks of one run; each is None where the operation or the settings need none."""

    lookup: InsertLookup | None = None
    conflicts: ConflictCheck | None = None
    resends: ResendInterpreter | None = None


class BatchDelivery(Protocol):
    """Sends a batch (:class:`bulkzoho.engine.importer.sender.BatchSender`)."""

    async def deliver(self, batch: Batch, *, shipment: InFlightShipment | None = None) -> None:
        """Send *batch* until each row has its outcome or is in doubt again; *shipment* is an earlier attempt."""


class ShipmentRecorder(Protocol):
    """Records outcomes (:class:`bulkzoho.engine.importer.recorder.OutcomeRecorder`)."""

    def settle(self, shipment: InFlightShipment, batch: Batch, results: WriteResults) -> None:
        """Record the outcome of each row of *batch*."""

    def released(self, shipment: InFlightShipment) -> None:
        """Record that the request had no effect."""

    def split_shipment(self, shipment: InFlightShipment, rows: Ranges) -> InFlightShipment:
        """Make *rows* a shipment of their own, in doubt."""

    async def committed(self) -> None:
        """Wait until everything recorded so far is durable."""


class BatchParts(Protocol):
    """Counts the open parts of a batch (:class:`bulkzoho.engine.importer.batch_parts.BatchPartTracker`)."""

    def opened(self, part: Batch) -> None:
        """Count one more part."""

    def closed(self, part: Batch) -> None:
        """Count one part less."""
