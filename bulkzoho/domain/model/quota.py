"""What is used and left of an organization's quota, and by whom: what ``bulkzoho quota`` shows."""

from __future__ import annotations

from dataclasses import dataclass

from bulkzoho.domain.model.edition_limits import PlanName

__all__ = ["CapacityReturn", "QuotaUsage", "RunUsage", "WindowUsage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityReturn:
    """So much comes back by then."""

    by: float  #: seconds since the epoch
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUsage:
    """One limit and how it stands."""

    name: str  #: calls a minute, calls a day, credits a day, calls in flight, heavy calls in flight
    limit: int | None  #: None: nothing bounds it
    used: int
    held: int = 0  #: taken by runs at work for the next seconds, or on their way
    next_back: CapacityReturn | None = None  #: the first that comes back
    comes_back: tuple[CapacityReturn, ...] = ()  #: all that does by itself, soonest first, in steps of ten seconds or an hour

    @property
    def left(self) -> int | None:
        """What may be used now; None: nothing bounds it."""
        return None if self.limit is None else max(0, self.limit - self.used - self.held)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUsage:
    """What one run used in the last 24 hours."""

    run: str
    calls: int
    credits: int
    last_at: float  #: seconds since the epoch, to the minute
    processes: int  #: at work now
    calls_in_flight: int  #: now


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUsage:
    """One organization's quota at one moment."""

    org: str
    name: str
    edition: str | None
    plan: PlanName
    limits_of_run: str | None  #: the run whose limits these are; None: by the plan, or as asked
    at: float  #: seconds since the epoch
    windows: tuple[WindowUsage, ...]
    runs: tuple[RunUsage, ...]  #: the largest first
    paused_until: float | None = None  #: nobody calls before: the service asked to slow down
    credits_told_by_service: bool = False  #: the credits' limit follows from what the service said remains
    notes: tuple[str, ...] = ()  #: how the limits came about
