"""Leave to make calls: one permit that covers minute, day, credits, calls in flight and heavy calls.

Callers stand in line, heavy ones in a line of their own, and the first of each waits for what it needs.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final

from bulkzoho.domain.model.edition_limits import CallCost
from bulkzoho.domain.model.run import QuotaStatus
from bulkzoho.domain.model.settings import QuotaPolicy
from bulkzoho.domain.policy.rate_limits import AdaptiveThrottle, LimitKind, QuotaLimits, pace_per_s
from bulkzoho.errors import QuotaUsedUpError
from bulkzoho.interfaces import LimiterClosedError, RateLimiter
from bulkzoho.ratelimit.allocation import Allocation
from bulkzoho.ratelimit.clock import Clock
from bulkzoho.ratelimit.lease import SLICE_S, SOON_S, Demand, Lease
from bulkzoho.ratelimit.local_budget import CREDITS_NEAR_ZERO, LocalBudget, WaitReason
from bulkzoho.ratelimit.pacer import Pacer
from bulkzoho.ratelimit.sqlite_ledger import Ledger
from bulkzoho.ratelimit.utilization import UtilizationMeter
from bulkzoho.ratelimit.wakeup import Wakeup

__all__ = ["SharedRateLimiter", "open_quota"]

LONG_WAIT_S: Final = 2.0  # seconds from which a wait is worth telling
UNTOLD: Final = frozenset({LimitKind.IN_FLIGHT, LimitKind.HEAVY})  # waiting for a reply is no news


@asynccontextmanager
async def open_quota(
    path_of_ledger: Path,
    *,
    org: str,
    limits: QuotaLimits,
    run: str,
    on_quota: QuotaPolicy,
    wall: Callable[[], float] = time.time,
    chance: random.Random | None = None,
) -> AsyncIterator[RateLimiter]:
    """Open the quota of an organization for one run; what is held is given back at the end.

    Args:
        path_of_ledger: One file an organization, shared by all processes of this machine; made when it is not there.
        org: The organization's id.
        limits: What it may do, all processes together.
        run: On whose account calls are written.
        on_quota: Whether to wait or to stop when the day is used up.
        wall: Gives seconds since the epoch.
        chance: For jitter.

    Raises:
        JournalError: The ledger cannot be read or written, or is another organization's.
    """
    clock = Clock(wall)
    me = f"{run}:{os.getpid()}:{int(clock.wall() * 1000):x}"
    ledger = Ledger.open(path_of_ledger, org=org, me=me, run=run)
    quota = SharedRateLimiter(
        ledger,
        me=me,
        limits=limits,
        on_quota=on_quota,
        clock=clock,
        chance=chance or random.Random(),  # noqa: S311  jitter
    )
    try:
        yield quota
    finally:
        quota.leave()


class SharedRateLimiter:
    """The quota of one organization, as one process sees it.  Implements :class:`bulkzoho.interfaces.RateLimiter`."""

    def __init__(
        self, ledger: Ledger, *, me: str, limits: QuotaLimits, on_quota: QuotaPolicy, clock: Clock, chance: random.Random
    ) -> None:
        self._limits = limits
        self._on_quota = on_quota
        self._clock = clock
        self._chance = chance
        self._holding = LocalBudget(limits)
        self._throttle = AdaptiveThrottle()
        self._meter = UtilizationMeter(limits)
        self._pace = Pacer(pace_per_s(limits))
        self._bell = Wakeup()
        self._lease = Lease(
            ledger,
            me=me,
            limits=limits,
            holding=self._holding,
            throttle=self._throttle,
            clock=clock,
            chance=chance,
            reporting=self._reporting,
            changed=self._ring,
        )
        self._line = asyncio.Lock()
        self._kind_lines = (asyncio.Lock(), asyncio.Lock())  # light, heavy
        self._waiting = 0
        self._needed = 1  # credits of the call that is first in line
        self._first_waits: tuple[WaitReason, float] | None = None  # what the first in line waits for, and since when
        self._closed = False

    def permit(self, price: CallCost) -> AbstractAsyncContextManager[None]:
        """See :meth:`bulkzoho.interfaces.RateLimiter.permit`."""
        return _Permit(self, price)

    def throttled(self, *, retry_after_s: float | None, credits_remaining: int | None) -> None:
        """See :meth:`bulkzoho.interfaces.RateLimiter.throttled`."""
        if credits_remaining is not None:
            # with nearly none left it was the day that refused: more calls would be refused as well
            self._holding.credits_remain(0 if credits_remaining <= CREDITS_NEAR_ZERO else credits_remaining)
        before = self._throttle.paused_until
        self._throttle.refused(self._clock.now(), retry_after_s=retry_after_s, jitter=self._chance.random())
        if self._throttle.paused_until > before:
            self._lease.renew()  # the other processes are to know

    def answered(self, *, credits_remaining: int | None) -> None:
        """See :meth:`bulkzoho.interfaces.RateLimiter.answered`."""
        if credits_remaining is not None:
            self._holding.credits_remain(credits_remaining)
        self._throttle.answered(self._clock.now())

    def close(self) -> None:
        """See :meth:`bulkzoho.interfaces.RateLimiter.close`."""
        if not self._closed:
            self._settle()
            self._meter.close()  # what ends now is no longer held back by a limit
        self._closed = True
        self._ring()

    def status(self) -> QuotaStatus:
        """See :meth:`bulkzoho.interfaces.RateLimiter.status`."""
        self._settle()
        grant, (calls, credits_) = self._holding.grant, self._holding.unreported
        calls += self._holding.flying
        used_share, bound = self._meter.used()
        waiting_for, waiting_until = self._long_wait()
        return QuotaStatus(
            plan=self._limits.plan.value,
            calls_per_minute=self._limits.calls_per_minute,
            calls_last_minute=grant.calls_last_minute + calls,
            calls_per_day=self._limits.calls_per_day,
            calls_last_day=grant.calls_last_day + calls,
            calls_in_flight=self._holding.flying,
            calls_in_flight_limit=self._limits.calls_in_flight,
            credits_per_day=self._limits.credits_per_day if grant.credits_limit is None else grant.credits_limit,
            credits_last_day=grant.credits_last_day + credits_,
            used_share=used_share,
            bound=bound.value,
            waiting_for=None if waiting_for is None else waiting_for.value,
            waiting_until=waiting_until,
        )

    def leave(self) -> None:
        """Close, and give back what is held."""
        self.close()
        self._lease.leave()

    async def admit(self, price: CallCost) -> float:
        """Wait until a call of *price* may leave and count it as gone; give the time, for :meth:`over`."""
        self._check_open()
        self._waiting += 1
        self._meter.busy(self._clock.now(), wanted=self._waiting + self._holding.flying)
        try:
            async with self._kind_lines[price.heavy]:
                self._check_open()
                # paced before a slot is free, so that no slot stands idle while its call is paced
                await self._pace.wait(self._holding.grant.pace_share * self._throttle.factor)
                if price.heavy:
                    await self._wait_while(self._heavy_obstacle)
                async with self._line:
                    await self._come_first(price)
        except LimiterClosedError:
            self._check_open()  # the ledger's failure goes first
            raise
        finally:
            self._waiting -= 1
            self._settle_if_idle()
        self._meter.begun(heavy=price.heavy)
        return self._clock.now()

    def over(self, price: CallCost, left_at: float) -> None:
        """A call is over, whatever came of it."""
        now = self._clock.now()
        self._holding.answered(price, now=now, wall=self._clock.wall())
        self._meter.ended(now - left_at)
        self._settle_if_idle()
        self._bell.ring()

    async def _come_first(self, price: CallCost) -> None:
        self._needed = price.credits
        try:
            await self._wait_while(lambda: self._first_obstacle(price))
            self._holding.take(price)
        finally:
            self._first_waits = None

    async def _wait_while(self, obstacle_now: Callable[[], WaitReason | None]) -> None:
        while True:
            self._check_open()
            obstacle = obstacle_now()
            if obstacle is None:
                return
            self._holding.waited_for.add(obstacle.bound)
            slice_ends = self._clock.now() + SLICE_S
            await self._bell.wait(slice_ends if obstacle.until is None else min(obstacle.until, slice_ends))

    def _heavy_obstacle(self) -> WaitReason | None:
        return self._lease_obstacle() or self._holding.heavy_obstacle(self._throttle.factor)

    def _first_obstacle(self, price: CallCost) -> WaitReason | None:
        obstacle = self._obstacle(price)
        if obstacle is not None:
            since = self._clock.now() if self._first_waits is None else self._first_waits[1]
            self._first_waits = (obstacle, since)
        return obstacle

    def _obstacle(self, price: CallCost) -> WaitReason | None:
        lease = self._lease_obstacle()
        if lease is not None:
            return lease
        now = self._clock.now()
        if self._throttle.paused_until > now:
            return WaitReason(bound=LimitKind.PAUSE, until=self._throttle.paused_until)
        obstacle = self._holding.obstacle(price, now=now, factor=self._throttle.factor)
        if obstacle is None or obstacle.until is not None or obstacle.bound is LimitKind.IN_FLIGHT:
            return obstacle
        return self._used_up(price, obstacle)

    def _lease_obstacle(self) -> WaitReason | None:
        now = self._clock.now()
        if self._lease.is_good(now):
            return None
        if now - self._lease.asked_at >= SOON_S:
            self._lease.renew()
            self._check_open()
            if self._lease.is_good(now):
                return None
        return WaitReason(bound=LimitKind.LEDGER, until=self._lease.asked_at + SOON_S)

    def _used_up(self, price: CallCost, obstacle: WaitReason) -> WaitReason | None:
        """No token, or too few credits: wait as the ledger said, or ask it again if it said nothing that still holds."""
        grant, now = self._holding.grant, self._clock.now()
        wait_s = None if grant.frees_at_tenths is None else grant.frees_at_tenths / 10.0 - self._clock.wall()
        if grant.bound is None or (wait_s is not None and wait_s <= 0.0):
            if now - self._lease.asked_at < SOON_S:
                return WaitReason(bound=obstacle.bound, until=self._lease.asked_at + SOON_S)
            self._lease.renew()
            self._check_open()
            return self._obstacle(price)
        if wait_s is None:
            return WaitReason(bound=grant.bound)  # until another process gives back what it holds; we ask once a second
        if self._lease.waits_for_day is not None and self._on_quota is QuotaPolicy.STOP:
            raise _day_is_used_up(self._holding.grant, self._limits)
        return WaitReason(bound=grant.bound, until=now + wait_s)

    def _long_wait(self) -> tuple[LimitKind | None, float | None]:
        """Give what the first in line waits for, if that is worth telling, and until when (wall time)."""
        if self._first_waits is None:
            return None, None
        obstacle, since = self._first_waits
        now = self._clock.now()
        until = now if obstacle.until is None else obstacle.until
        if obstacle.bound in UNTOLD or until - since < LONG_WAIT_S:
            return None, None
        return obstacle.bound, None if obstacle.until is None else self._clock.wall() + obstacle.until - now

    def _reporting(self) -> Demand:
        """The ledger is about to be asked: settle what was done under its last answer, and say what is wanted."""
        self._settle()
        if self._pace.waits:
            self._holding.waited_for.add(LimitKind.MINUTE)
        return Demand(waiting=self._waiting, credits_needed=self._needed)

    def _check_open(self) -> None:
        if self._lease.failure is not None:
            raise self._lease.failure
        if self._closed:
            raise LimiterClosedError

    def _ring(self) -> None:
        if self._closed or self._lease.failure is not None:
            self._pace.interrupt()
        self._bell.ring()

    def _settle(self) -> None:
        wanted = self._waiting + self._holding.flying
        self._meter.settle(self._clock.now(), self._holding.grant, waits_for=self._lease.waits_for_day, wanted=wanted)

    def _settle_if_idle(self) -> None:
        if not self._waiting and not self._holding.flying:
            self._settle()


class _Permit:
    """One permit; used once."""

    __slots__ = ("_left_at", "_price", "_quota")

    def __init__(self, quota: SharedRateLimiter, price: CallCost) -> None:
        self._quota = quota
        self._price = price
        self._left_at = 0.0

    async def __aenter__(self) -> None:
        self._left_at = await self._quota.admit(self._price)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._quota.over(self._price, self._left_at)


def _day_is_used_up(grant: Allocation, limits: QuotaLimits) -> QuotaUsedUpError:
    assert grant.bound is not None, "asked only when a bound is known"
    assert grant.frees_at_tenths is not None, "and until when"
    limit = limits.calls_per_day if grant.bound is LimitKind.DAY else grant.credits_limit
    until = datetime.fromtimestamp(grant.frees_at_tenths / 10.0).astimezone().isoformat(sep=" ", timespec="minutes")
    return QuotaUsedUpError(
        f"the {grant.bound.value} are used up ({limit:,} in any 24 hours); there is room again from {until} on.",
        hint="Resume then, or let the run wait with `--on-quota wait`.",
    )
