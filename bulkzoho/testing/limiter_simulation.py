"""A service that notes arrivals, and quotas that call it over one ledger, in virtual time.

For tests and ``benchmarks/limiter.py``.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

from bulkzoho.domain.model.edition_limits import CallCost, PlanName
from bulkzoho.domain.model.settings import QuotaPolicy
from bulkzoho.domain.policy.rate_limits import QuotaLimits
from bulkzoho.interfaces import RateLimiter
from bulkzoho.ratelimit.limiter import open_quota
from bulkzoho.testing.virtual_time import VirtualTimeLoop

__all__ = ["LimiterSimulation", "limits"]

LIGHT: Final = CallCost()


def limits(
    *,
    minute: int = 60,
    day: int = 1_000_000,
    credits_per_day: int | None = None,
    in_flight: int = 10,
    heavy: int = 10,
    credits_told: bool = False,
) -> QuotaLimits:
    """Give limits of which most are far away."""
    return QuotaLimits(
        plan=PlanName.STANDARD,
        calls_per_minute=minute,
        calls_per_day=day,
        credits_per_day=credits_per_day,
        calls_in_flight=in_flight,
        heavy_in_flight=heavy,
        credits_told=credits_told,
    )


class LimiterSimulation:
    """Opens quotas over one ledger, and sends calls through them to a service that notes when they arrive.

    Attributes:
        arrivals: Time on the loop's clock and the caller's name, in order.
        refuses: Whether a call that arrives at this time is answered 429.
        wall: The wall clock of all quotas; may be set.
        most_in_flight: At the service.
        throttled: Calls that were answered 429.
        seconds: That all calls took together.
    """

    def __init__(self, folder: Path, *, latency_s: float = 0.1) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop), "this is for virtual time only"
        self.loop = loop
        self.path = folder / "quota" / "org.db"
        self.arrivals: list[tuple[float, str]] = []
        self.refuses: Callable[[float], bool] = lambda _: False
        self.wall: Callable[[], float] = loop.wall
        self.most_in_flight = 0
        self.throttled = 0
        self.seconds = 0.0
        self._in_flight = 0
        self._latency_s = latency_s
        self._chance = random.Random(7)  # noqa: S311  the same each time

    def open(
        self, run: str, of: QuotaLimits, *, on_quota: QuotaPolicy = QuotaPolicy.WAIT
    ) -> AbstractAsyncContextManager[RateLimiter]:
        """Open the quota as a process of its own would."""
        chance = random.Random(run)  # noqa: S311  the same each time
        return open_quota(self.path, org="org", limits=of, run=run, on_quota=on_quota, wall=self._read_wall, chance=chance)

    def _read_wall(self) -> float:
        return self.wall()  # whichever it is by then

    async def call(self, quota: RateLimiter, name: str = "", price: CallCost = LIGHT) -> None:
        """Make one call; its latency is jittered by half either way, and two fifths of it go before it arrives."""
        async with quota.permit(price):
            this_s = self._latency_s * (0.5 + self._chance.random())
            self.seconds += this_s
            await asyncio.sleep(this_s * 0.4)
            now = self.loop.time()
            self.arrivals.append((now, name))
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            refused = self.refuses(now)
            self.throttled += refused
            try:
                await asyncio.sleep(this_s * 0.6)
            finally:
                self._in_flight -= 1
        if refused:
            quota.throttled(retry_after_s=None, credits_remaining=None)
        else:
            quota.answered(credits_remaining=None)

    async def work(self, quota: RateLimiter, name: str = "", *, until: float, senders: int = 4, price: CallCost = LIGHT) -> None:
        """Call without pause until *until* on the loop's clock."""

        async def send() -> None:
            while self.loop.time() < until:
                await self.call(quota, name, price)

        async with asyncio.TaskGroup() as group:
            for _ in range(senders):
                group.create_task(send())

    def most_in(self, seconds: float = 60.0) -> int:
        """Give the most arrivals in any *seconds*."""
        first = most = 0
        for last, (at, _) in enumerate(self.arrivals):
            while self.arrivals[first][0] <= at - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def count(self, since: float, until: float, name: str | None = None) -> int:
        """Give the arrivals from *since* to before *until*, of all or of one caller."""
        return sum(1 for at, who in self.arrivals if since <= at < until and name in (None, who))
