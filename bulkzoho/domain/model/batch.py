"""Batches that were sent: without an outcome yet, or accepted."""

from __future__ import annotations

from dataclasses import dataclass

from bulkzoho.domain.model.journal_events import Ranges, ShipmentSent
from bulkzoho.domain.model.rows import Batch

__all__ = ["AcceptedRowRef", "InDoubtBatch", "InFlightShipment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlightShipment:
    """A shipment without outcome: in flight, or in doubt."""

    id: int
    source: int
    rows: Ranges
    attempt: int
    sent_at: float  #: its last request was sent no earlier than this, by our clock
    leaves_by: float | None = None  #: and no later than this; None: at *sent_at* (a journal of an older version)
    skew_s: float | None = None  #: the service's clock minus ours at that moment; None: not known
    since_s: float | None = None  #: when the first of several requests without a response was sent, by the service's clock

    @property
    def first_s(self) -> float:
        """When the first request that may have been executed was sent, by the service's clock."""
        return self.sent_at + (self.skew_s or 0.0) if self.since_s is None else self.since_s

    @property
    def latest_sent_at(self) -> float:
        """The latest moment at which its last request can have been sent, by our clock."""
        return self.sent_at if self.leaves_by is None else max(self.sent_at, self.leaves_by)

    def sent_event(self) -> ShipmentSent:
        """Return the journal's event for it."""
        return ShipmentSent(
            id=self.id,
            source=self.source,
            rows=self.rows,
            attempt=self.attempt,
            at=self.sent_at,
            skew_s=self.skew_s,
            since_s=self.since_s,
            leaves_by=self.leaves_by,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InDoubtBatch:
    """A batch whose request had no response."""

    shipment: InFlightShipment
    batch: Batch
    reason: str


@dataclass(frozen=True, slots=True)
class AcceptedRowRef:
    """An accepted row, named by the run that first read it."""

    run: str
    source: str
    row: int
