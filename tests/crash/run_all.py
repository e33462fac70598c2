"""Run all crash tests: ``python -m tests.crash.run_all [--seed N] [--kills N] [--only NAME]``.

Each operation is killed fifty times at random moments under random faults.  Then a run of 250 rows is killed at every system
call, and its disk fails from each call on.  Takes half an hour on two processors; the test suite runs a short form.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from .process_killer import kill_and_resume
from .syscalls import (
    CALL_NAMES,
    DISK_THREAD_CALLS,
    FAILING,
    count_calls,
    fail_disk_thread_at_each,
    fail_from_each,
    kill_at_each,
    kill_disk_thread_at_each,
)
from .workloads import WORKLOADS

__all__ = ["main"]

KILLS = 50
ROWS_PER_KILL = 250  # enough rows that the run outlives its kills
OPERATIONS = (*WORKLOADS, "replay")

Attack = Callable[[argparse.Namespace], Coroutine[Any, Any, None]]


def main(words: Sequence[str] | None = None) -> None:
    """Run the attacks; a violated invariant raises AssertionError."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--kills", type=int, default=KILLS, help="kills per operation")
    parser.add_argument(
        "--only",
        choices=(*OPERATIONS, *CALL_NAMES, "disk-thread"),
        action="append",
        help="an operation, a system call, or disk-thread",
    )
    parser.add_argument("--operation", default="insert", choices=sorted(WORKLOADS), help="operation to kill at system calls")
    asyncio.run(_attack(parser.parse_args(words)))


async def _attack(options: argparse.Namespace) -> None:
    print(f"seed {options.seed}", flush=True)
    selected = options.only or (*OPERATIONS, *CALL_NAMES, "disk-thread")
    for name in selected:
        if name in OPERATIONS:
            await _kill_at_random(name, options)
    names = [name for name in selected if name in CALL_NAMES]
    if names:
        await _kill_at_calls(names, options)
    if "disk-thread" in selected:
        await _kill_disk_thread()


async def _kill_at_random(name: str, options: argparse.Namespace) -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="killed-") as folder:
        rows = options.kills * ROWS_PER_KILL
        killed = await kill_and_resume(name, rows=rows, kills=options.kills, seed=options.seed, folder=Path(folder))
    print(f"{killed} ({time.monotonic() - started:.0f} s)", flush=True)


async def _kill_at_calls(names: Sequence[str], options: argparse.Namespace) -> None:
    call_counts = await count_calls(name=options.operation)
    for name in names:
        started = time.monotonic()
        first = call_counts[name].first
        killed = await kill_at_each(name, range(first, 1_000_000), name=options.operation)
        seconds = time.monotonic() - started
        print(
            f"{options.operation}: killed at {name:9} {first} to {first + killed - 1}:"
            f" {killed} runs, all correct ({seconds:.0f} s)",
            flush=True,
        )
        if name in FAILING:
            started = time.monotonic()
            failed = await fail_from_each(name, range(1, call_counts[name].total + 1), FAILING[name], name=options.operation)
            took = f"{time.monotonic() - started:.0f} s"
            print(
                f"{options.operation}: {failed:4} runs whose {name} fails with {FAILING[name]}: all correct ({took})", flush=True
            )


async def _kill_disk_thread() -> None:
    """Attack the calls of the disk thread."""
    for what in DISK_THREAD_CALLS:
        started = time.monotonic()
        killed = await kill_disk_thread_at_each(what)
        failed = await fail_disk_thread_at_each(what, killed)
        seconds = time.monotonic() - started
        print(
            f"resume: {what}: killed at each, {killed} runs; {failed} stopped after a failed call: all correct ({seconds:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
