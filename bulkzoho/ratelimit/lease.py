"""Keep what this process has from the ledger fresh: a report a second while there is work, none while there is none."""

from __future__ import annotations

import asyncio
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

__all__ = ["SLICE_S", "SOON_S", "Demand", "Lease"]

BEAT_S: Final = 1.0  # seconds between two reports while there is work
SOON_S: Final = 0.2  # seconds before an extra one, when what was leased is used up early or the ledger was busy
SLICE_S: Final = 30.0  # seconds slept at once while the day has no room: a laptop that slept is up to date that soon
MARGIN_S: Final = 1.0  # seconds before the lease's end at which a sender no longer trusts it
BUSY_LIMIT_S: Final = 60.0  # seconds of a ledger that another process holds before that is an error
DAY_BOUNDS: Final = frozenset({LimitKind.DAY, LimitKind.CREDITS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is wanted of the ledger now."""

    waiting: int  #: callers that wait for a permit
    credits_needed: int  #: price of the call that is first in line


class Lease:
    """Owns the ledger and the timer; fills *holding* and shares *throttle*'s pause with the other processes.

    Attributes:
        failure: Why the ledger cannot be used any more; no call may leave then.
        asked_at: Steady time of the last report.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        me: str,
        limits: QuotaLimits,
        holding: LocalBudget,
        throttle: AdaptiveThrottle,
        clock: Clock,
        chance: random.Random,
        reporting: Callable[[], Demand],
        changed: Callable[[], None],
    ) -> None:
        self.failure: JournalError | None = None
        self.asked_at = clock.now() - BEAT_S
        self._ledger = ledger
        self._me = me
        self._limits = limits
        self._holding = holding
        self._throttle = throttle
        self._clock = clock
        self._chance = chance
        self._reporting = reporting
        self._changed = changed
        self._timer: asyncio.TimerHandle | None = None
        self._until = self._until_wall = float("-inf")
        self._busy_since: float | None = None

    def is_good(self, now: float) -> bool:
        """Whether what was leased still is: a sender that wakes late asks, for others may have been given it."""
        return now < self._until and self._clock.wall() < self._until_wall

    @property
    def waits_for_day(self) -> LimitKind | None:
        """The bound of the day that keeps every call here, if one does and it is known when it ends."""
        grant = self._holding.grant
        return grant.bound if grant.bound in DAY_BOUNDS and grant.frees_at_tenths is not None else None

    def renew(self) -> None:
        """Report, and take what the ledger gives.  Never raises: see :attr:`failure`."""
        self.stop()
        if self.failure is not None:
            return
        moment, want = self._clock.moment(), self._reporting()
        hungry = want.waiting > 0 or self._holding.calls > 0
        report = self._report(moment, want, hungry=hungry)
        self.asked_at = moment.steady
        try:
            if hungry or self._holding.flying:
                self._take(report, self._ledger.exchange(report, self._limits, moment, me=self._me), moment)
            else:
                self._ledger.leave(report, moment)
                self._holding.forget()
                self._until = float("-inf")
            self._busy_since = None
        except LedgerBusyError as error:
            self._wait_for_ledger(moment.steady, error)
        except JournalError as error:
            self.failure = error
        self._changed()

    def stop(self) -> None:
        """Report no more by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def leave(self) -> None:
        """Give back all that is held and close the ledger."""
        self.stop()
        moment = self._clock.moment()
        with suppress(LedgerBusyError, JournalError):  # what cannot be written now counts as used when the lease ends
            self._ledger.leave(self._report(moment, Demand(waiting=0, credits_needed=1), hungry=False), moment)
        self._ledger.close()

    def _report(self, moment: ClockReading, want: Demand, *, hungry: bool) -> UsageReport:
        return self._holding.report(
            moment,
            hungry=hungry,
            needed=want.credits_needed,
            since_s=moment.steady - self.asked_at,
            paused_until=moment.wall + self._throttle.paused_until - moment.steady,
            keep_nothing=not hungry or self.waits_for_day is not None,
        )

    def _take(self, report: UsageReport, grant: Allocation, moment: ClockReading) -> None:
        now = moment.steady
        self._holding.accept(report, grant, moment)
        self._until = now + LEASE_S - MARGIN_S
        self._until_wall = moment.wall + LEASE_S - MARGIN_S
        self._throttle.paused_until = max(self._throttle.paused_until, now + grant.paused_until - moment.wall)
        again_s = BEAT_S * (0.9 + 0.2 * self._chance.random())  # so that no process is always the first to ask
        if self.waits_for_day is not None and not self._holding.flying and grant.frees_at_tenths is not None:
            again_s = max(again_s, min(SLICE_S, grant.frees_at_tenths / 10.0 - moment.wall))
        self._timer = self._clock.call_at(now + again_s, self.renew)

    def _wait_for_ledger(self, now: float, error: LedgerBusyError) -> None:
        if self._busy_since is None:
            self._busy_since = now
        if now - self._busy_since < BUSY_LIMIT_S:
            self._timer = self._clock.call_at(now + SOON_S, self.renew)
            return
        self.failure = JournalError(
            f"{self._ledger.path}: another process has held the quota's ledger for {now - self._busy_since:.0f} s.",
            hint="See which program has the file open (a stopped bulkzoho?), then resume.",
        )
        self.failure.__cause__ = error
