"""Run bulkzoho with a sampling profiler: python -m benchmarks.sampled RESULT.json ARGUMENTS...

A CPU timer (``ITIMER_PROF``) interrupts it every millisecond, or as often as the kernel ticks, and records the innermost
function of bulkzoho or of one of its packages.  Time in C counts for the caller.  Unlike cProfile, sampling adds no cost to
small functions.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

TICK_S: Final = 0.001
_STANDARD: Final = str(Path(signal.__file__).parent)


def place_of(frame: FrameType | None) -> str:
    """Return ``package/module.py:function`` of the innermost frame outside the standard library, asyncio excepted."""
    while frame is not None:
        code = frame.f_code
        name = code.co_filename
        if "site-packages" in name:
            return f"{name.rpartition('site-packages/')[2]}:{code.co_name}"
        if "bulkzoho/" in name:
            return f"bulkzoho/{name.rpartition('bulkzoho/')[2]}:{code.co_name}"
        if name.startswith(f"{_STANDARD}/asyncio/"):
            return f"asyncio/{name.rpartition('/')[2]}:{code.co_name}"
        frame = frame.f_back
    return "start"


def main() -> int:
    """Run the remaining command line."""
    result, sys.argv = Path(sys.argv[1]), ["bulkzoho", *sys.argv[2:]]
    samples: Counter[str] = Counter()

    def record(_number: int, frame: FrameType | None) -> None:
        samples[place_of(frame)] += 1

    import bulkzoho.cli  # noqa: PLC0415  excludes module loading from the profile

    signal.signal(signal.SIGPROF, record)
    signal.setitimer(signal.ITIMER_PROF, TICK_S, TICK_S)
    try:
        return bulkzoho.cli.main()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        result.write_text(json.dumps(samples.most_common()), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
