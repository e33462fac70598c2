"""Count the function calls or memory blocks of imports: ``python -m benchmarks.counted calls FILE...``, or ``blocks``.

Prints a JSON list with a count per file; the first import also loads modules.

``calls``: calls of each bulkzoho function, and calls from its modules to others, by cProfile.  The event loop itself is excluded,
since its calls depend on when bytes arrive.  ``blocks``: maximum memory blocks in use between two turns of the event loop,
without reference cycles.

``--one-more-a-row`` makes ``aiohttp`` call one function and keep one object per record: a test proves with it that the limits
detect a regression.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import CodeType
from typing import Any, Final

import bulkzoho
from benchmarks.compared_clients import NO_LIMITS
from benchmarks.stub_server.writes import MARK
from bulkzoho.cli import main as run_bulkzoho

TURNS: Final = 20
_run: Final = asyncio.run
_kept_objects: Final[list[object]] = []


def extra_call() -> None:
    """Be one extra call, and keep an object."""
    _kept_objects.append(object())


def add_extra_calls() -> None:
    """Patch aiohttp to call ``one_more`` for each record in a body."""
    import aiohttp  # noqa: PLC0415  needed only here

    request = aiohttp.ClientSession.request

    def slower(session: aiohttp.ClientSession, method: str, url: str, **options: Any) -> Any:
        body = options.get("data")
        for _ in range(body.count(MARK) if isinstance(body, bytes) else 0):
            extra_call()
        return request(session, method, url, **options)

    vars_of: Any = aiohttp.ClientSession
    vars_of.request = slower


def count_calls(profile: cProfile.Profile, folder: str) -> dict[str, int]:
    """Return the calls of each function in *folder*, and of each module there to functions outside."""
    counts: Counter[str] = Counter()
    for entry in profile.getstats():
        if entry.code is extra_call.__code__:
            counts[extra_call.__name__] += entry.callcount
        if isinstance(entry.code, CodeType) and _is_in(entry.code, folder):
            module = entry.code.co_filename.removeprefix(folder)
            counts[f"{module}:{entry.code.co_name}"] += entry.callcount
            for each in entry.calls or ():
                if not _is_in(each.code, folder):
                    counts[f"{module} calls {_name_of(each.code)}"] += each.callcount
    return dict(counts)


def _name_of(code: CodeType | str) -> str:
    return code if isinstance(code, str) else code.co_name


def _is_in(code: CodeType | str, folder: str) -> bool:
    return isinstance(code, CodeType) and code.co_filename.startswith(folder)


async def record_max_blocks(max_blocks: list[int]) -> None:
    """Record the maximum blocks in use every few turns of the loop, after garbage collection."""
    while True:
        gc.collect()
        max_blocks[0] = max(max_blocks[0], sys.getallocatedblocks())
        for _ in range(TURNS):
            await asyncio.sleep(0)


def count_import_calls(arguments: list[str]) -> dict[str, int]:
    """Run bulkzoho and return its function calls."""
    profile = cProfile.Profile()
    _require_success(profile.runcall(run_bulkzoho, arguments))
    return count_calls(profile, f"{Path(bulkzoho.__file__).parent}/")


def count_import_blocks(arguments: list[str]) -> int:
    """Run bulkzoho and return the maximum blocks in use."""
    max_blocks = [0]

    async def run_with_watcher(work: Coroutine[Any, Any, Any]) -> Any:
        watcher = asyncio.create_task(record_max_blocks(max_blocks))
        try:
            return await work
        finally:
            watcher.cancel()

    asyncio.run = lambda work, **options: _run(run_with_watcher(work), **options)
    _require_success(run_bulkzoho(arguments))
    return max_blocks[0]


def _require_success(status: int) -> None:
    if status:
        sys.exit(f"the import ended with {status}")


def main() -> None:
    """Parse the command line and print the counts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counted", description=__doc__)
    parser.add_argument("what", choices=("calls", "blocks"))
    parser.add_argument("files", nargs="+")
    parser.add_argument("--one-more-a-row", action="store_true")
    options = parser.parse_args()
    if options.one_more_a_row:
        add_extra_calls()
    count: Callable[[list[str]], object] = count_import_calls if options.what == "calls" else count_import_blocks
    flags = ["--module", "Leads", "--progress", "none", *NO_LIMITS, "--in-flight", "1"]
    print(json.dumps([count(["import", file, *flags]) for file in options.files]))


if __name__ == "__main__":
    main()
