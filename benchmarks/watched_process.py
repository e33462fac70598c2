"""Run bulkzoho and measure stalls of its event loop: python -m benchmarks.watched_process RESULT.json ARGUMENTS...

``asyncio.run`` is wrapped so that a second task repeatedly sleeps for a millisecond and records how late it wakes.  This is a
separate run, not one that is timed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

TICK_S: Final = 0.001
_run: Final = asyncio.run


async def record_delays(delays_s: list[float]) -> None:
    """Record the delay of each tick in seconds."""
    while True:
        started = time.perf_counter()
        await asyncio.sleep(TICK_S)
        delays_s.append(time.perf_counter() - started - TICK_S)


def main() -> int:
    """Run the remaining command line."""
    result, sys.argv = Path(sys.argv[1]), ["bulkzoho", *sys.argv[2:]]
    delays_s: list[float] = []

    async def run_with_watcher(work: Coroutine[Any, Any, Any]) -> Any:
        watcher = asyncio.create_task(record_delays(delays_s))
        try:
            return await work
        finally:
            watcher.cancel()

    asyncio.run = lambda work, **more: _run(run_with_watcher(work), **more)
    from bulkzoho.cli import main as run_bulkzoho  # noqa: PLC0415  after asyncio.run is wrapped

    try:
        return run_bulkzoho() or 0
    finally:
        delays_s.sort()
        statistics = {"ticks": len(delays_s), "longest_s": delays_s[-1], "p999_s": delays_s[int(0.999 * len(delays_s))]}
        result.write_text(json.dumps(statistics), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
