"""A shipment that has left and whose outcome is not known."""

from __future__ import annotations

from dataclasses import dataclass

from bulkzoho.domain.model.journal_events import Ranges, ShipmentSent

__all__ = ["InFlightShipment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlightShipment:
    """A shipment without its outcome."""

    id: int
    source: int
    rows: Ranges
    attempt: int
    sent_at: float  #: when its last call left, by our clock
    skew_s: float | None = None  #: the service's clock minus ours at that moment; None: not known
    since_s: float | None = (
        None  #: when the first of its calls without an answer left, by the service's clock; None: only one did
    )

    @property
    def first_s(self) -> float:
        """When the first of its calls that may have been done left, by the service's clock."""
        return self.sent_at + (self.skew_s or 0.0) if self.since_s is None else self.since_s

    def change(self) -> ShipmentSent:
        """Give it as the journal is to know it."""
        return ShipmentSent(
            id=self.id,
            source=self.source,
            rows=self.rows,
            attempt=self.attempt,
            at=self.sent_at,
            skew_s=self.skew_s,
            since_s=self.since_s,
        )
