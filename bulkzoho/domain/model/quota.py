"""Usage of an organization's quota, by limit and by run, as ``bulkzoho quota`` shows it."""

from __future__ import annotations

from dataclasses import dataclass

from bulkzoho.domain.model.limits_and_costs import PlanName

__all__ = ["CapacityReturn", "QuotaUsage", "RunUsage", "WindowUsage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityReturn:
    """Capacity that becomes available again."""

    by: float  #: seconds since the epoch
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUsage:
    """Usage of one limit."""

    name: str  #: calls a minute, calls a day, credits a day, calls in flight, heavy calls in flight
    limit: int | None  #: None: unlimited
    used: int
    held: int = 0  #: reserved by active runs for the next seconds, or in flight
    next_back: CapacityReturn | None = None  #: the first return
    comes_back: tuple[CapacityReturn, ...] = ()  #: all returns, soonest first, in steps of ten seconds or an hour

    @property
    def left(self) -> int | None:
        """What may be used now; None: unlimited."""
        return None if self.limit is None else max(0, self.limit - self.used - self.held)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUsage:
    """Usage of one run in the last 24 hours."""

    run: str
    calls: int
    credits: int
    last_at: float  #: seconds since the epoch, to the minute
    processes: int  #: active now
    calls_in_flight: int  #: now


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUsage:
    """Quota of one organization at one moment."""

    org: str
    name: str
    edition: str | None
    plan: PlanName
    limits_of_run: str | None  #: the run whose limits these are; None: those of the plan or of the options
    at: float  #: seconds since the epoch
    windows: tuple[WindowUsage, ...]
    runs: tuple[RunUsage, ...]  #: the largest first
    paused_until: float | None = None  #: no process calls before, after HTTP 429
    credits_from_service: bool = False  #: the limit of the credits comes from the service's own figure
    notes: tuple[str, ...] = ()  #: messages about assumed limits
