"""The whole crash suite by one command, with its figures: ``python -m tests.crash.run_all [--seed N] [--kills N] [--only WORD]``.

Fifty kills at random moments for each operation under random faults, then a kill at every system call of a run of 250 rows,
and a disk that fails from any of its calls on.
Takes half an hour on two processors; the short form is part of the tests.
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
    ASIDE,
    CALL_NAMES,
    FAILING,
    count_calls,
    fail_aside_at_each,
    fail_from_each,
    kill_aside_at_each,
    kill_at_each,
)
from .workloads import LOADS

__all__ = ["main"]

KILLS = 50
ROWS_A_KILL = 250  # so that the run outlives its kills
OPERATIONS = (*LOADS, "replay")

Attack = Callable[[argparse.Namespace], Coroutine[Any, Any, None]]


def main(words: Sequence[str] | None = None) -> None:
    """Run the attacks; raise AssertionError for an invariant that does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--kills", type=int, default=KILLS, help="for each operation")
    parser.add_argument(
        "--only",
        choices=(*OPERATIONS, *CALL_NAMES, "aside"),
        action="append",
        help="an operation, a system call, or those of a thread",
    )
    parser.add_argument("--operation", default="insert", choices=sorted(LOADS), help="what is killed at system calls")
    asyncio.run(_attack(parser.parse_args(words)))


async def _attack(given: argparse.Namespace) -> None:
    print(f"seed {given.seed}", flush=True)
    wanted = given.only or (*OPERATIONS, *CALL_NAMES, "aside")
    for name in wanted:
        if name in OPERATIONS:
            await _kill_at_random(name, given)
    names = [name for name in wanted if name in CALL_NAMES]
    if names:
        await _kill_at_calls(names, given)
    if "aside" in wanted:
        await _kill_aside()


async def _kill_at_random(name: str, given: argparse.Namespace) -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="killed-") as folder:
        rows = given.kills * ROWS_A_KILL
        killed = await kill_and_resume(name, rows=rows, kills=given.kills, seed=given.seed, folder=Path(folder))
    print(f"{killed} ({time.monotonic() - began:.0f} s)", flush=True)


async def _kill_at_calls(names: Sequence[str], given: argparse.Namespace) -> None:
    census = await count_calls(name=given.operation)
    for name in names:
        began = time.monotonic()
        first = census[name].first
        killed = await kill_at_each(name, range(first, 1_000_000), name=given.operation)
        seconds = time.monotonic() - began
        print(
            f"{given.operation}: killed at {name:9} {first} to {first + killed - 1}: {killed} runs, all exact ({seconds:.0f} s)",
            flush=True,
        )
        if name in FAILING:
            began = time.monotonic()
            failed = await fail_from_each(name, range(1, census[name].total + 1), FAILING[name], name=given.operation)
            took = f"{time.monotonic() - began:.0f} s"
            print(f"{given.operation}: {failed:4} runs whose {name} fails with {FAILING[name]}: all exact ({took})", flush=True)


async def _kill_aside() -> None:
    """The calls of the thread that waits for the disk."""
    for what in ASIDE:
        began = time.monotonic()
        killed = await kill_aside_at_each(what)
        failed = await fail_aside_at_each(what, killed)
        seconds = time.monotonic() - began
        print(
            f"resume: {what}: killed at each, {killed} runs; {failed} ended for one that fails: all exact ({seconds:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
