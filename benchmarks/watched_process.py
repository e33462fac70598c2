"""Run the product's command with a watcher in its event loop: python -m benchmarks.watched_process RESULT.json WORDS...

The product knows nothing of it: ``asyncio.run`` is wrapped here, so that a second task sleeps for a millisecond over and over and
notes how much later than that it woke.  A process of its own is watched, not one that is timed.
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


async def watch(late_s: list[float]) -> None:
    """Note how late each tick came, in seconds."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK_S)
        late_s.append(time.perf_counter() - began - TICK_S)


def main() -> int:
    """Run the command line that is left."""
    result, sys.argv = Path(sys.argv[1]), ["bulkzoho", *sys.argv[2:]]
    late_s: list[float] = []

    async def beside(work: Coroutine[Any, Any, Any]) -> Any:
        watcher = asyncio.create_task(watch(late_s))
        try:
            return await work
        finally:
            watcher.cancel()

    asyncio.run = lambda work, **more: _run(beside(work), **more)
    from bulkzoho.cli import main as product  # noqa: PLC0415  after asyncio.run is wrapped

    try:
        return product() or 0
    finally:
        late_s.sort()
        told = {"ticks": len(late_s), "longest_s": late_s[-1], "p999_s": late_s[int(0.999 * len(late_s))]}
        result.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
