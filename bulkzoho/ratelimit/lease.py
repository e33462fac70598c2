"""Renew this process's share of the ledger: one report a second while there is work, none otherwise."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.policy.rate_limits import AdaptiveThrottle, LimitKind, QuotaLimits
from bulkzoho.errors import JournalError
from bulkzoho.ratelimit.allocation import LEASE_S, Allocation, UsageReport
from bulkzoho.ratelimit.clock import Clock
from bulkzoho.ratelimit.ledger_queries import ClockReading
from bulkzoho.ratelimit.local_budget import LocalBudget
from bulkzoho.ratelimit.sqlite_ledger import Ledger, LedgerBusyError

__all__ = ["RETRY_S", "SLICE_S", "Demand", "Lease", "LeaseParts"]

RENEW_S: Final = 1.0  # seconds between two reports while there is work
RETRY_S: Final = 0.2  # seconds before an extra report, when the tokens are used up early or the ledger was busy
SLICE_S: Final = 30.0  # seconds slept at once while the day is used up, so that a laptop that slept is soon up to date
MARGIN_S: Final = 1.0  # seconds before the end of the lease from which it is no longer trusted
BUSY_LIMIT_S: Final = 60.0  # seconds that another process may lock the ledger before that is an error
DAILY_LIMITS: Final = frozenset({LimitKind.DAY, LimitKind.CREDITS})

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What this process wants now."""

    waiting: int  #: callers that wait for a permit
    credits_needed: int  #: cost of the call that is next


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseParts:
    """Parts that a lease works with."""

    ledger: Ledger
    limits: QuotaLimits
    budget: LocalBudget  #: filled by the lease
    throttle: AdaptiveThrottle  #: its pause is shared with the other processes
    clock: Clock
    random: random.Random


class Lease:
    """Owner of the ledger and of the renewal timer.

    Attributes:
        failure: Why the ledger cannot be used any more; no call may leave then.
        renewed_at: Monotonic time of the last report.
    """

    def __init__(self, parts: LeaseParts, *, demand: Callable[[], Demand], on_change: Callable[[], None]) -> None:
        self.failure: JournalError | None = None
        self.renewed_at = parts.clock.now() - RENEW_S
        self._ledger = parts.ledger
        self._limits = parts.limits
        self._budget = parts.budget
        self._throttle = parts.throttle
        self._clock = parts.clock
        self._random = parts.random
        self._demand = demand
        self._on_change = on_change
        self._timer: asyncio.TimerHandle | None = None
        self._valid_until = self._valid_until_wall = float("-inf")
        self._busy_since: float | None = None

    def is_valid(self, now: float) -> bool:
        """Whether the lease has not ended; afterwards other processes may have the tokens."""
        return now < self._valid_until and self._clock.wall() < self._valid_until_wall

    @property
    def exhausted(self) -> LimitKind | None:
        """The daily limit that lets no call leave, if there is one and its end is known."""
        allocation = self._budget.allocation
        known = allocation.limited_by in DAILY_LIMITS and allocation.frees_at_tenths is not None
        return allocation.limited_by if known else None

    def renew(self) -> None:
        """Report to the ledger and take its answer.  Never raises: see :attr:`failure`."""
        self.stop()
        if self.failure is not None:
            return
        reading, demand = self._clock.read(), self._demand()
        active = demand.waiting > 0 or self._budget.calls > 0
        report = self._report(reading, demand, active=active)
        self.renewed_at = reading.monotonic
        try:
            if active or self._budget.in_flight:
                self._apply(report, self._ledger.exchange(report, self._limits, reading), reading)
            else:
                self._ledger.leave(report, reading)
                self._budget.reset()
                self._valid_until = float("-inf")
            self._busy_since = None
        except LedgerBusyError as error:
            self._retry_later(reading.monotonic, error)
        except JournalError as error:
            self.failure = error
        self._on_change()

    def stop(self) -> None:
        """Cancel the renewal timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Return everything to the ledger and close it."""
        self.stop()
        reading = self._clock.read()
        with suppress(LedgerBusyError, JournalError):  # what cannot be written now counts as used when the lease ends
            self._ledger.leave(self._report(reading, Demand(waiting=0, credits_needed=1), active=False), reading)
        self._ledger.close()

    def _report(self, reading: ClockReading, demand: Demand, *, active: bool) -> UsageReport:
        return self._budget.build_report(
            reading,
            active=active,
            needed=demand.credits_needed,
            since_s=reading.monotonic - self.renewed_at,
            paused_until=reading.wall + self._throttle.paused_until - reading.monotonic,
            return_all=not active or self.exhausted is not None,
        )

    def _apply(self, report: UsageReport, allocation: Allocation, reading: ClockReading) -> None:
        now = reading.monotonic
        self._budget.apply(report, allocation, reading)
        if allocation.expired:
            _LOG.info("lease expired", extra={"seconds": LEASE_S})
        self._valid_until = now + LEASE_S - MARGIN_S
        self._valid_until_wall = reading.wall + LEASE_S - MARGIN_S
        self._throttle.paused_until = max(self._throttle.paused_until, now + allocation.paused_until - reading.wall)
        next_s = RENEW_S * (0.9 + 0.2 * self._random.random())  # so that no process is always the first to report
        if self.exhausted is not None and not self._budget.in_flight and allocation.frees_at_tenths is not None:
            next_s = max(next_s, min(SLICE_S, allocation.frees_at_tenths / 10.0 - reading.wall))
        self._timer = self._clock.call_at(now + next_s, self.renew)

    def _retry_later(self, now: float, error: LedgerBusyError) -> None:
        if self._busy_since is None:
            self._busy_since = now
        if now - self._busy_since < BUSY_LIMIT_S:
            self._timer = self._clock.call_at(now + RETRY_S, self.renew)
            return
        self.failure = JournalError(
            f"{self._ledger.path}: another process has locked the rate limit ledger for {now - self._busy_since:.0f} s.",
            hint="Find the program that has the file open (a stopped bulkzoho?), then resume.",
        )
        self.failure.__cause__ = error
