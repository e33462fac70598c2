"""The progress of a run: calls, quota and rows at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from bulkzoho.domain.model.results import RowCounts

__all__ = ["CallCounts", "ProgressSnapshot", "QuotaStatus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCounts:
    """HTTP calls of a run."""

    total: int = 0
    retried: int = 0  #: sent again after a call without effect
    throttled: int = 0  #: 429 answers
    credits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaStatus:
    """The quota at one moment."""

    plan: str
    calls_per_minute: int
    calls_last_minute: int
    calls_per_day: int
    calls_last_day: int
    calls_in_flight: int  #: now
    calls_in_flight_limit: int
    credits_per_day: int | None  #: None: no limit
    credits_last_day: int
    used_share: float  #: of the tightest limit while there was work, 0.0 to 1.0
    bound: str  #: that limit: calls a minute, calls in flight, heavy calls, credits, ...
    waiting_for: str | None = None  #: the limit that a permit waits for, when it waits long
    waiting_until: float | None = None  #: seconds since the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressSnapshot:
    """The run at one moment; every progress display shows this."""

    run: str
    crm_module: str
    tally: RowCounts
    calls: CallCounts
    quota: QuotaStatus | None
    seconds: float  #: worked so far, in this process
    bytes_read: int
    bytes_total: int | None  #: None: standard input
    phase: str  #: connecting, sending, draining, settling, waiting, done
    note: str = ""  #: details of the phase
    expected: int | None = None  #: records to export, 0 if they could not be counted; None: an import

    @property
    def share_read(self) -> float | None:
        """The share of the input, or of the expected records, that was read, 0.0 to 1.0; None if the total is not known."""
        done, total = (self.bytes_read, self.bytes_total) if self.expected is None else (self.tally.read, self.expected)
        return min(done / total, 1.0) if total else None
