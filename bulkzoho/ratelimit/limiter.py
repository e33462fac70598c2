"""Rate limiter: one permit covers calls per minute and day, credits, calls in flight and heavy calls.

There are two FIFO queues, one for heavy calls; only the head of each queue competes for capacity.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final

from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.progress import QuotaStatus
from bulkzoho.domain.model.settings import QuotaPolicy
from bulkzoho.domain.policy.rate_limits import AdaptiveThrottle, LimitKind, QuotaLimits, pace_per_s
from bulkzoho.errors import QuotaUsedUpError
from bulkzoho.interfaces import LimiterClosedError, RateLimiter
from bulkzoho.ratelimit.allocation import Allocation
from bulkzoho.ratelimit.clock import Clock
from bulkzoho.ratelimit.lease import RETRY_S, SLICE_S, Demand, Lease, LeaseParts
from bulkzoho.ratelimit.local_budget import CREDITS_NEAR_ZERO, LocalBudget, WaitReason
from bulkzoho.ratelimit.pacer import Pacer
from bulkzoho.ratelimit.sqlite_ledger import Ledger
from bulkzoho.ratelimit.utilization import UtilizationMeter
from bulkzoho.ratelimit.wakeup import Wakeup

__all__ = ["SharedRateLimiter", "open_limiter"]

LONG_WAIT_S: Final = 2.0  # seconds from which a wait is reported
UNREPORTED: Final = frozenset({LimitKind.IN_FLIGHT, LimitKind.HEAVY})  # waiting for a response is normal

_LOG = logging.getLogger(__name__)


@asynccontextmanager
async def open_limiter(
    ledger_path: Path,
    *,
    org: str,
    limits: QuotaLimits,
    run: str,
    on_quota: QuotaPolicy,
    wall: Callable[[], float] = time.time,
    chance: random.Random | None = None,
) -> AsyncIterator[RateLimiter]:
    """Open the rate limiter of an organization for one run; release everything it holds at the end.

    Args:
        ledger_path: One file per organization, shared by all processes of this machine; created if it does not exist.
        org: The organization's id.
        limits: Limits for all processes together.
        run: Name of the run that the calls are recorded under.
        on_quota: Whether to wait or to stop when the day is used up.
        wall: Returns seconds since the epoch.
        chance: Source of jitter.

    Raises:
        JournalError: The ledger cannot be read or written, or belongs to another organization.
    """
    clock = Clock(wall)
    process_id = f"{run}:{os.getpid()}:{int(clock.wall() * 1000):x}"
    ledger = Ledger.open(ledger_path, org=org, process_id=process_id, run=run)
    limiter = SharedRateLimiter(
        ledger,
        limits=limits,
        on_quota=on_quota,
        clock=clock,
        chance=chance or random.Random(),  # noqa: S311  jitter
    )
    try:
        yield limiter
    finally:
        limiter.leave()


class SharedRateLimiter:
    """One process's part of the organization's rate limiter.  Implements :class:`bulkzoho.interfaces.RateLimiter`."""

    def __init__(
        self, ledger: Ledger, *, limits: QuotaLimits, on_quota: QuotaPolicy, clock: Clock, chance: random.Random
    ) -> None:
        self._limits = limits
        self._on_quota = on_quota
        self._clock = clock
        self._random = chance
        self._budget = LocalBudget(limits)
        self._throttle = AdaptiveThrottle()
        self._meter = UtilizationMeter(limits)
        self._pacer = Pacer(pace_per_s(limits))
        self._wakeup = Wakeup()
        parts = LeaseParts(ledger=ledger, limits=limits, budget=self._budget, throttle=self._throttle, clock=clock, random=chance)
        self._lease = Lease(parts, demand=self._demand, on_change=self._wake)
        self._head = asyncio.Lock()
        self._queues = (asyncio.Lock(), asyncio.Lock())  # light, heavy
        self._waiting = 0
        self._needed = 1  # credits of the call at the head
        self._head_waits: tuple[WaitReason, float] | None = None  # what the head waits for, and since when
        self._logged_wait: LimitKind | None = None
        self._closed = False

    def permit(self, cost: CallCost) -> AbstractAsyncContextManager[None]:
        """See :meth:`bulkzoho.interfaces.RateLimiter.permit`."""
        return _Permit(self, cost)

    def report_rate_limit(self, *, retry_after_s: float | None, credits_remaining: int | None) -> None:
        """See :meth:`bulkzoho.interfaces.RateLimiter.report_rate_limit`."""
        if credits_remaining is not None:
            # with nearly none left the day is used up: more calls would be rejected as well
            self._budget.cap_credits(0 if credits_remaining <= CREDITS_NEAR_ZERO else credits_remaining)
        before = self._throttle.paused_until
        self._throttle.slow_down(self._clock.now(), retry_after_s=retry_after_s, jitter=self._random.random())
        if self._throttle.paused_until > before:
            self._lease.renew()  # shares the pause with the other processes

    def report_success(self, *, credits_remaining: int | None) -> None:
        """See :meth:`bulkzoho.interfaces.RateLimiter.report_success`."""
        if credits_remaining is not None:
            self._budget.cap_credits(credits_remaining)
        self._throttle.speed_up(self._clock.now())

    def close(self) -> None:
        """See :meth:`bulkzoho.interfaces.RateLimiter.close`."""
        if not self._closed:
            self._update_meter()
            self._meter.close()
        self._closed = True
        self._wake()

    def status(self) -> QuotaStatus:
        """See :meth:`bulkzoho.interfaces.RateLimiter.status`."""
        self._update_meter()
        allocation, (calls, credits_) = self._budget.allocation, self._budget.unreported
        calls += self._budget.in_flight
        used_share, bound = self._meter.used_share()
        waiting_for, waiting_until = self._long_wait()
        return QuotaStatus(
            plan=self._limits.plan.value,
            calls_per_minute=self._limits.calls_per_minute,
            calls_last_minute=allocation.calls_last_minute + calls,
            calls_per_day=self._limits.calls_per_day,
            calls_last_day=allocation.calls_last_day + calls,
            calls_in_flight=self._budget.in_flight,
            calls_in_flight_limit=self._limits.calls_in_flight,
            credits_per_day=self._limits.credits_per_day if allocation.credits_limit is None else allocation.credits_limit,
            credits_last_day=allocation.credits_last_day + credits_,
            used_share=used_share,
            bound=bound.value,
            waiting_for=None if waiting_for is None else waiting_for.value,
            waiting_until=waiting_until,
        )

    def leave(self) -> None:
        """Close the limiter and release everything it holds."""
        self.close()
        self._lease.close()

    async def acquire(self, cost: CallCost) -> float:
        """Wait until a call of *cost* may leave and count it as started; return the start time, for :meth:`release`."""
        self._check_open()
        self._waiting += 1
        self._meter.mark_busy(self._clock.now(), wanted=self._waiting + self._budget.in_flight)
        try:
            async with self._queues[cost.heavy]:
                self._check_open()
                # paced before it takes a slot, so that no slot is idle while its call is paced
                await self._pacer.wait(self._budget.allocation.pace_share * self._throttle.factor)
                if cost.heavy:
                    await self._wait_while(self._heavy_wait_reason)
                async with self._head:
                    await self._acquire_at_head(cost)
        except LimiterClosedError:
            self._check_open()  # the ledger's failure takes precedence
            raise
        finally:
            self._waiting -= 1
            self._update_meter_if_idle()
        self._meter.call_started(heavy=cost.heavy)
        return self._clock.now()

    def release(self, cost: CallCost, started_at: float) -> None:
        """Count a call that ended, with any result."""
        now = self._clock.now()
        self._budget.finish_call(cost, now=now, wall=self._clock.wall())
        self._meter.call_finished(now - started_at)
        self._update_meter_if_idle()
        self._wakeup.wake()

    async def _acquire_at_head(self, cost: CallCost) -> None:
        self._needed = cost.credits
        try:
            await self._wait_while(lambda: self._head_wait_reason(cost))
            self._budget.start_call(cost)
        finally:
            self._end_head_wait()

    async def _wait_while(self, find_reason: Callable[[], WaitReason | None]) -> None:
        while True:
            self._check_open()
            reason = find_reason()
            if reason is None:
                return
            self._budget.limits_hit.add(reason.limit)
            slice_ends = self._clock.now() + SLICE_S
            await self._wakeup.wait(slice_ends if reason.until is None else min(reason.until, slice_ends))

    def _heavy_wait_reason(self) -> WaitReason | None:
        return self._lease_wait_reason() or self._budget.heavy_wait_reason(self._throttle.factor)

    def _head_wait_reason(self, cost: CallCost) -> WaitReason | None:
        reason = self._wait_reason(cost)
        if reason is not None:
            since = self._clock.now() if self._head_waits is None else self._head_waits[1]
            self._head_waits = (reason, since)
            self._log_wait()
        return reason

    def _log_wait(self) -> None:
        limit, until = self._long_wait()
        if limit is not None and self._logged_wait is None:
            self._logged_wait = limit
            seconds = None if until is None else round(until - self._clock.wall(), 1)
            _LOG.info("quota wait started", extra={"kind": limit.value, "seconds": seconds})

    def _end_head_wait(self) -> None:
        if self._logged_wait is not None and self._head_waits is not None:
            seconds = round(self._clock.now() - self._head_waits[1], 1)
            _LOG.info("quota wait ended", extra={"kind": self._logged_wait.value, "seconds": seconds})
        self._head_waits = self._logged_wait = None

    def _wait_reason(self, cost: CallCost) -> WaitReason | None:
        reason = self._lease_wait_reason()
        if reason is not None:
            return reason
        now = self._clock.now()
        if self._throttle.paused_until > now:
            return WaitReason(limit=LimitKind.PAUSE, until=self._throttle.paused_until)
        reason = self._budget.wait_reason(cost, now=now, factor=self._throttle.factor)
        if reason is None or reason.until is not None or reason.limit is LimitKind.IN_FLIGHT:
            return reason
        return self._used_up(cost, reason)

    def _lease_wait_reason(self) -> WaitReason | None:
        now = self._clock.now()
        if self._lease.is_valid(now):
            return None
        if now - self._lease.renewed_at >= RETRY_S:
            self._lease.renew()
            self._check_open()
            if self._lease.is_valid(now):
                return None
        return WaitReason(limit=LimitKind.LEDGER, until=self._lease.renewed_at + RETRY_S)

    def _used_up(self, cost: CallCost, reason: WaitReason) -> WaitReason | None:
        """Handle missing tokens or credits: wait until the ledger's time, or ask the ledger again if that has passed."""
        allocation, now = self._budget.allocation, self._clock.now()
        limited_by = allocation.limited_by
        wait_s = None if allocation.frees_at_tenths is None else allocation.frees_at_tenths / 10.0 - self._clock.wall()
        if limited_by is None or (wait_s is not None and wait_s <= 0.0):
            if now - self._lease.renewed_at < RETRY_S:
                return WaitReason(limit=reason.limit, until=self._lease.renewed_at + RETRY_S)
            self._lease.renew()
            self._check_open()
            return self._wait_reason(cost)
        if wait_s is None:
            return WaitReason(limit=limited_by)  # until another process returns some; the lease asks once a second
        if self._lease.exhausted is not None and self._on_quota is QuotaPolicy.STOP:
            raise _used_up_error(allocation, self._limits)
        return WaitReason(limit=limited_by, until=now + wait_s)

    def _long_wait(self) -> tuple[LimitKind | None, float | None]:
        """Return what the head waits for, if the wait is long enough to report, and until when (wall time)."""
        if self._head_waits is None:
            return None, None
        reason, since = self._head_waits
        now = self._clock.now()
        until = now if reason.until is None else reason.until
        if reason.limit in UNREPORTED or until - since < LONG_WAIT_S:
            return None, None
        return reason.limit, None if reason.until is None else self._clock.wall() + reason.until - now

    def _demand(self) -> Demand:
        """Return what is wanted, just before the lease is renewed; the time under the old allocation is measured first."""
        self._update_meter()
        if self._pacer.is_waited_for:
            self._budget.limits_hit.add(LimitKind.MINUTE)
        return Demand(waiting=self._waiting, credits_needed=self._needed)

    def _check_open(self) -> None:
        if self._lease.failure is not None:
            raise self._lease.failure
        if self._closed:
            raise LimiterClosedError

    def _wake(self) -> None:
        if self._closed or self._lease.failure is not None:
            self._pacer.interrupt()
        self._wakeup.wake()

    def _update_meter(self) -> None:
        wanted = self._waiting + self._budget.in_flight
        self._meter.update(self._clock.now(), self._budget.allocation, exhausted=self._lease.exhausted, wanted=wanted)

    def _update_meter_if_idle(self) -> None:
        if not self._waiting and not self._budget.in_flight:
            self._update_meter()


class _Permit:
    """One permit; used once."""

    __slots__ = ("_cost", "_limiter", "_started_at")

    def __init__(self, limiter: SharedRateLimiter, cost: CallCost) -> None:
        self._limiter = limiter
        self._cost = cost
        self._started_at = 0.0

    async def __aenter__(self) -> None:
        self._started_at = await self._limiter.acquire(self._cost)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._limiter.release(self._cost, self._started_at)


def _used_up_error(allocation: Allocation, limits: QuotaLimits) -> QuotaUsedUpError:
    assert allocation.limited_by is not None, "only called if a limit is known"
    assert allocation.frees_at_tenths is not None, "and until when it lasts"
    limit = limits.calls_per_day if allocation.limited_by is LimitKind.DAY else allocation.credits_limit
    until = datetime.fromtimestamp(allocation.frees_at_tenths / 10.0).astimezone().isoformat(sep=" ", timespec="minutes")
    return QuotaUsedUpError(
        f"the {allocation.limited_by.value} are used up ({limit:,} in any 24 hours); more are available from {until}.",
        hint="Resume then, or let the run wait with `--on-quota wait`.",
    )
