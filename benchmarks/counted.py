"""Count what an import does, without a clock: ``python -m benchmarks.counted calls FILE...``, or ``blocks``.

Prints, as a list in JSON, a count for each file; the first import loads what is loaded once.

``calls``: how often each function of the product was called, and how often its modules called others, by cProfile; what the event
loop does by itself is left out, since it differs with the moment at which bytes arrive.  ``blocks``: the most memory blocks that
were in use between two turns of the event loop, circles not counted.

``--one-more-a-row`` makes ``aiohttp`` call one function, and keep one object, for each record of a body: a test sees by it that
the bounds break.
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
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, Final

from benchmarks.compared_clients import UNBOUND
from benchmarks.stub_server.writes import MARK

TURNS: Final = 20
_run: Final = asyncio.run
_kept: Final[list[object]] = []


def one_more() -> None:
    """Be the call that is too many, and keep an object."""
    _kept.append(object())


def add_one_a_row() -> None:
    """Let whoever sends a body call one function for each record in it."""
    import aiohttp  # noqa: PLC0415  nothing but this needs it

    request = aiohttp.ClientSession.request

    def slower(session: aiohttp.ClientSession, method: str, url: str, **more: Any) -> Any:
        body = more.get("data")
        for _ in range(body.count(MARK) if isinstance(body, bytes) else 0):
            one_more()
        return request(session, method, url, **more)

    vars_of: Any = aiohttp.ClientSession
    vars_of.request = slower


def calls_of(profile: cProfile.Profile, folder: str) -> dict[str, int]:
    """Give how often each function in *folder* was called, and how often each module there called what is not."""
    found: Counter[str] = Counter()
    for entry in profile.getstats():
        if entry.code is one_more.__code__:
            found[one_more.__name__] += entry.callcount
        if isinstance(entry.code, CodeType) and _is_in(entry.code, folder):
            module = entry.code.co_filename.removeprefix(folder)
            found[f"{module}:{entry.code.co_name}"] += entry.callcount
            for each in entry.calls or ():
                if not _is_in(each.code, folder):
                    found[f"{module} calls {_name_of(each.code)}"] += each.callcount
    return dict(found)


def _name_of(code: CodeType | str) -> str:
    return code if isinstance(code, str) else code.co_name


def _is_in(code: CodeType | str, folder: str) -> bool:
    return isinstance(code, CodeType) and code.co_filename.startswith(folder)


async def watch_blocks(most: list[int]) -> None:
    """Keep the most blocks in use, looked at every few turns of the loop, when what is in circles was let go."""
    while True:
        gc.collect()
        most[0] = max(most[0], sys.getallocatedblocks())
        for _ in range(TURNS):
            await asyncio.sleep(0)


def import_counting_calls(words: list[str]) -> dict[str, int]:
    """Run the product's command; return its calls."""
    main = _main()
    profile = cProfile.Profile()
    _succeeded(profile.runcall(main, words))
    return calls_of(profile, f"{Path(main.__code__.co_filename).parents[1]}/")


def import_watching_blocks(words: list[str]) -> int:
    """Run the product's command; return the most blocks that were in use."""
    main = _main()
    most = [0]

    async def beside(work: Coroutine[Any, Any, Any]) -> Any:
        watcher = asyncio.create_task(watch_blocks(most))
        try:
            return await work
        finally:
            watcher.cancel()

    asyncio.run = lambda work, **more: _run(beside(work), **more)
    _succeeded(main(words))
    return most[0]


@cache
def _main() -> Any:
    """Load the command with the first import; later its package attribute is the module of the same name."""
    import bulkzoho.cli  # noqa: PLC0415  loading is counted with the first import

    return bulkzoho.cli.main


def _succeeded(status: int) -> None:
    if status:
        sys.exit(f"the import ended with {status}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counted", description=__doc__)
    parser.add_argument("what", choices=("calls", "blocks"))
    parser.add_argument("files", nargs="+")
    parser.add_argument("--one-more-a-row", action="store_true")
    given = parser.parse_args()
    if given.one_more_a_row:
        add_one_a_row()
    count: Callable[[list[str]], object] = import_counting_calls if given.what == "calls" else import_watching_blocks
    options = ["--module", "Leads", "--progress", "none", *UNBOUND, "--in-flight", "1"]
    print(json.dumps([count(["import", file, *options]) for file in given.files]))


if __name__ == "__main__":
    main()
