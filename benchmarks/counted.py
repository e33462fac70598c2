"""Count what an import does, without a clock: ``python -m benchmarks.counted calls FILE...``, or ``blocks``.

Prints, as a list in JSON, a count for each file; the first import loads what is loaded once.

``calls``: calls made by functions of the product, and to them, by cProfile; what the event loop does by itself is left out,
since it differs with the moment at which bytes arrive.  ``blocks``: the most memory blocks that were in use at any turn of the
event loop.

``--one-more-a-row`` makes the standard library's ``csv.reader`` call one function, and keep one object, for each row: a test
sees by it that the bounds break.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import csv
import json
import sys
from collections.abc import Coroutine
from pathlib import Path
from types import CodeType
from typing import Any, Final, Self

from benchmarks.contestants import UNBOUND

_run: Final = asyncio.run
_reader: Final = csv.reader
_kept: Final[list[list[str]]] = []


class SlowerReader:
    """Read as ``csv.reader`` does, with a call a row, and keep each row."""

    def __init__(self, *given: Any, **more: Any) -> None:
        self._rows = _reader(*given, **more)

    @property
    def line_num(self) -> int:
        """The line that was read last."""
        return self._rows.line_num

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[str]:
        row = next(self._rows)
        _kept.append(row)
        return row


def calls_of(profile: cProfile.Profile, folder: str) -> int:
    """Give the calls of functions in *folder*, and those that they make to others."""
    count = 0
    for entry in profile.getstats():
        if _is_in(entry.code, folder):
            count += entry.callcount
            count += sum(each.callcount for each in entry.calls or () if not _is_in(each.code, folder))
        elif isinstance(entry.code, CodeType) and entry.code is SlowerReader.__next__.__code__:
            count += entry.callcount
    return count


def _is_in(code: CodeType | str, folder: str) -> bool:
    return isinstance(code, CodeType) and code.co_filename.startswith(folder)


async def watch_blocks(most: list[int]) -> None:
    """Keep the most blocks in use, looked at in each turn of the loop."""
    while True:
        most[0] = max(most[0], sys.getallocatedblocks())
        await asyncio.sleep(0)


def import_counting_calls(words: list[str]) -> int:
    """Run the product's command; give its calls."""
    import bulkzoho.cli  # noqa: PLC0415  after csv.reader is what it is to be

    profile = cProfile.Profile()
    _succeeded(profile.runcall(bulkzoho.cli.main, words))
    return calls_of(profile, str(Path(bulkzoho.cli.__file__).parents[1]))


def import_watching_blocks(words: list[str]) -> int:
    """Run the product's command; give the most blocks that were in use."""
    import bulkzoho.cli  # noqa: PLC0415  as above

    most = [0]

    async def beside(work: Coroutine[Any, Any, Any]) -> Any:
        watcher = asyncio.create_task(watch_blocks(most))
        try:
            return await work
        finally:
            watcher.cancel()

    asyncio.run = lambda work, **more: _run(beside(work), **more)
    _succeeded(bulkzoho.cli.main(words))
    return most[0]


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
        vars(csv)["reader"] = SlowerReader
    count = import_counting_calls if given.what == "calls" else import_watching_blocks
    options = ["--module", "Leads", "--progress", "none", *UNBOUND, "--in-flight", "1"]
    print(json.dumps([count(["import", file, *options]) for file in given.files]))


if __name__ == "__main__":
    main()
