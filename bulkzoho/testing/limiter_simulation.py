"""Simulation of a service with several rate-limited processes over one ledger, in virtual time.

For tests and ``benchmarks/limiter.py``.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from bulkzoho.domain.model.limits_and_costs import DEFAULT_COST, CallCost, PlanName
from bulkzoho.domain.model.settings import QuotaPolicy
from bulkzoho.domain.policy.rate_limits import QuotaLimits
from bulkzoho.interfaces import RateLimiter
from bulkzoho.ratelimit.limiter import open_limiter
from bulkzoho.testing.virtual_time import VirtualTimeLoop

__all__ = ["LimiterSimulation", "limits"]


def limits(
    *,
    minute: int = 60,
    day: int = 1_000_000,
    credits_per_day: int | None = None,
    in_flight: int = 10,
    heavy: int = 10,
    credits_set_by_user: bool = False,
) -> QuotaLimits:
    """Return limits that bind only where they are set."""
    return QuotaLimits(
        plan=PlanName.STANDARD,
        calls_per_minute=minute,
        calls_per_day=day,
        credits_per_day=credits_per_day,
        calls_in_flight=in_flight,
        heavy_in_flight=heavy,
        credits_set_by_user=credits_set_by_user,
    )


class LimiterSimulation:
    """Opens rate limiters over one ledger and makes calls through them to a service that records their arrivals.

    Attributes:
        arrivals: Time on the loop's clock and the caller's name, in order.
        is_rejecting: Whether a call that arrives at this time gets a 429.
        wall: The wall clock of all limiters; may be set.
        max_in_flight: Highest number of calls at the service at the same time.
        rate_limited: Calls that got a 429.
        seconds: Total time of all calls.
    """

    def __init__(self, folder: Path, *, latency_s: float = 0.1) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop), "works in virtual time only"
        self.loop = loop
        self.path = folder / "quota" / "org.db"
        self.arrivals: list[tuple[float, str]] = []
        self.is_rejecting: Callable[[float], bool] = lambda _: False
        self.wall: Callable[[], float] = loop.wall
        self.max_in_flight = 0
        self.rate_limited = 0
        self.seconds = 0.0
        self._in_flight = 0
        self._latency_s = latency_s
        self._random = random.Random(7)  # noqa: S311  the same each time

    def open(
        self, run: str, limits: QuotaLimits, *, on_quota: QuotaPolicy = QuotaPolicy.WAIT
    ) -> AbstractAsyncContextManager[RateLimiter]:
        """Open a limiter as a process of its own would."""
        chance = random.Random(run)  # noqa: S311  the same each time
        return open_limiter(self.path, org="org", limits=limits, run=run, on_quota=on_quota, wall=self._wall, chance=chance)

    def _wall(self) -> float:
        return self.wall()  # looked up at each call, because it may be set

    async def call(self, limiter: RateLimiter, name: str = "", cost: CallCost = DEFAULT_COST) -> None:
        """Make one call; its latency varies by half in both directions, and two fifths of it pass before it arrives."""
        async with limiter.permit(cost):
            latency_s = self._latency_s * (0.5 + self._random.random())
            self.seconds += latency_s
            await asyncio.sleep(latency_s * 0.4)
            now = self.loop.time()
            self.arrivals.append((now, name))
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
            rejected = self.is_rejecting(now)
            self.rate_limited += rejected
            try:
                await asyncio.sleep(latency_s * 0.6)
            finally:
                self._in_flight -= 1
        if rejected:
            limiter.report_rate_limit(retry_after_s=None, credits_remaining=None)
        else:
            limiter.report_success(credits_remaining=None)

    async def work(
        self, limiter: RateLimiter, name: str = "", *, until: float, senders: int = 4, cost: CallCost = DEFAULT_COST
    ) -> None:
        """Call without pause until *until* on the loop's clock."""

        async def send() -> None:
            while self.loop.time() < until:
                await self.call(limiter, name, cost)

        async with asyncio.TaskGroup() as group:
            for _ in range(senders):
                group.create_task(send())

    def max_arrivals(self, window_s: float = 60.0) -> int:
        """Return the highest number of arrivals in any window of *window_s* seconds."""
        first = most = 0
        for last, (at, _) in enumerate(self.arrivals):
            while self.arrivals[first][0] <= at - window_s:
                first += 1
            most = max(most, last - first + 1)
        return most

    def count(self, since: float, until: float, name: str | None = None) -> int:
        """Return the number of arrivals from *since* to before *until*, of all callers or of one."""
        return sum(1 for at, caller in self.arrivals if since <= at < until and name in (None, caller))
