"""Measure the rate limiter: a simulation of the real code in virtual time, and the real time of one permit.

    python benchmarks/limiter.py            the table of docs/quotas.md (a few minutes)
    python benchmarks/limiter.py --quick    a few of its rows
    python benchmarks/limiter.py --cost     microseconds per permit

Each process of the simulation has its own limiter over one ledger file; the service counts arrivals in sliding windows.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bulkzoho.domain.model.limits_and_costs import CallCost, PlanName
from bulkzoho.domain.model.settings import QuotaPolicy, QuotaSettings
from bulkzoho.domain.policy.rate_limits import LimitKind, QuotaLimits, resolve_limits
from bulkzoho.ratelimit.limiter import open_limiter
from bulkzoho.testing.limiter_simulation import LimiterSimulation
from bulkzoho.testing.virtual_time import run_virtually

MINUTES: Final = 10
WARM_UP_S: Final = 120.0  # excluded from the share used: the first minute may start with a full burst
SENDERS: Final = 10  # per process, as in the engine
PLANS: Final = (
    PlanName.STANDARD,
    PlanName.ENTERPRISE,
    PlanName.ULTIMATE,
)  # free and professional: as standard
PROCESSES: Final = (1, 2, 4, 8)
LATENCIES_S: Final = (0.0, 0.05, 0.5, 2.0, 5.0)
BURST_EVERY_S: Final = 120.0  # with bursts: every BURST_EVERY_S, all calls get a 429 for BURST_S
BURST_S: Final = 3.0
WRITE: Final = CallCost(credits=10, heavy=True)  # 100 records


async def simulate(plan: PlanName, processes: int, latency_s: float, *, bursts: bool) -> str:
    """Return one row of the table."""
    limits = resolve_limits(QuotaSettings(plan=plan), None)
    with tempfile.TemporaryDirectory() as folder:
        simulation = LimiterSimulation(Path(folder), latency_s=latency_s)
        if bursts:
            simulation.is_rejecting = lambda now: now >= BURST_EVERY_S and now % BURST_EVERY_S < BURST_S
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            for process in range(processes):
                name = f"process {process}"
                limiter = await stack.enter_async_context(simulation.open(name, limits))
                group.create_task(simulation.work(limiter, name, until=MINUTES * 60.0, senders=SENDERS, cost=WRITE))
    return row(limits, processes, latency_s, simulation, bursts=bursts)


def row(limits: QuotaLimits, processes: int, latency_s: float, simulation: LimiterSimulation, *, bursts: bool) -> str:
    """Format what the service observed as a table row."""
    mean_s = simulation.seconds / len(simulation.arrivals)
    bounds = {
        LimitKind.MINUTE: limits.calls_per_minute / (60.0 + mean_s),
        LimitKind.HEAVY: min(limits.heavy_in_flight, SENDERS * processes) / max(mean_s, 1e-9),
    }
    bound = min(bounds, key=bounds.__getitem__)
    end_s = MINUTES * 60.0
    share = simulation.count(WARM_UP_S, end_s) / ((end_s - WARM_UP_S) * bounds[bound])
    each = [simulation.count(WARM_UP_S, end_s, f"process {process}") for process in range(processes)]
    return (
        f"| {limits.plan} | {limits.calls_per_minute} | {processes} | {latency_s:g} | {'yes' if bursts else 'no'} "
        f"| {simulation.max_arrivals(60.0)} | {simulation.max_in_flight} of {limits.heavy_in_flight} | {simulation.rate_limited} "
        f"| {100.0 * share:.1f} % | {bound} | {min(each) / max(each):.2f} |"
    )


def table(*, quick: bool) -> None:
    """Print the table."""
    print(
        "| plan | calls per minute | processes | latency, s | bursts of 429 | most in any 60 s "
        "| peak heavy calls in flight | 429s | share used | tightest limit | least / most per process |"
    )
    print("| --- " * 11 + "|")
    for bursts in (False, True):
        for plan in PLANS[:1] if quick else PLANS:
            for processes in PROCESSES[:2] if quick else PROCESSES:
                for latency_s in (0.5,) if quick or bursts else LATENCIES_S:
                    print(run_virtually(simulate(plan, processes, latency_s, bursts=bursts)), flush=True)


async def cost() -> None:
    """Print microseconds per permit, with limits that are never reached."""
    limits = resolve_limits(QuotaSettings(calls_per_minute=10**8, calls_per_day=10**12, calls_in_flight=20), None)
    with tempfile.TemporaryDirectory() as folder:
        async with open_limiter(
            Path(folder) / "org.db", org="org", limits=limits, run="cost", on_quota=QuotaPolicy.WAIT
        ) as limiter:

            async def calls(count: int) -> None:
                for _ in range(count):
                    async with limiter.permit(WRITE):
                        await asyncio.sleep(0)

            for senders in (1, 10, 11, 50):
                started = time.perf_counter()
                async with asyncio.TaskGroup() as group:
                    for _ in range(senders):
                        group.create_task(calls(50_000 // senders))
                each_us = (time.perf_counter() - started) / 50_000 * 1e6
                print(f"{senders} senders: {each_us:.1f} us per permit, including event loop turns")


if __name__ == "__main__":
    if "--cost" in sys.argv:
        asyncio.run(cost())
    else:
        table(quick="--quick" in sys.argv)
