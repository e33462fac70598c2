"""Run the product's command and note where its processor time goes: python -m benchmarks.sampled RESULT.json WORDS...

A timer of processor time (``ITIMER_PROF``) interrupts it, every millisecond or as seldom as the kernel ticks; noted is the
innermost function of the product or of one of its packages.  Time in C counts for who called it.  Unlike cProfile it makes small
functions no dearer than they are.
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
    """Give ``package/module.py:function`` of the innermost frame that is no part of the standard library, or of asyncio."""
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
    """Run the command line that is left."""
    result, sys.argv = Path(sys.argv[1]), ["bulkzoho", *sys.argv[2:]]
    seen: Counter[str] = Counter()

    def note(_number: int, frame: FrameType | None) -> None:
        seen[place_of(frame)] += 1

    import bulkzoho.cli  # noqa: PLC0415  its loading is no part of an import

    signal.signal(signal.SIGPROF, note)
    signal.setitimer(signal.ITIMER_PROF, TICK_S, TICK_S)
    try:
        return bulkzoho.cli.main()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        result.write_text(json.dumps(seen.most_common()), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
