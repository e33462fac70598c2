"""Count the source files that run between reading one row and settling it: ``python -m benchmarks.row_path``.

A file of three batches is imported in this process under a profile hook.  The hook collects the files whose functions are called
from the moment the reader has the second block of rows until the journal has the results of that batch.  Reading further blocks,
renewing the share of the quota and showing progress happen at the same time and do not count.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from types import FrameType
from typing import Final

import bulkzoho
from bulkzoho.cli import main as run_command_line
from bulkzoho.sandbox.testing import sandbox_process

PACKAGE: Final = f"{Path(bulkzoho.__file__).parent}/"
BATCH: Final = 2  # the first one also opens files
TAKE: Final = "InputReader._take"
SETTLE: Final = "OutcomeRecorder.settle"
COMMIT: Final = "SqliteJournal.prepare"
BESIDE: Final = frozenset({"InputReader._next_block", "Lease.renew", "RunMonitor._show", "InDoubtResolver.run", "_RunLog.write"})
_COROUTINE: Final = 0x280  # CO_COROUTINE | CO_ASYNC_GENERATOR


class RowPath:
    """Profile hook that collects the functions on the path of one batch.

    Attributes:
        files: Names of the functions called, by file relative to the package.
    """

    def __init__(self) -> None:
        self.files: dict[str, set[str]] = defaultdict(set)
        self._suspended: dict[int, FrameType] = {}  # coroutines that began before the batch; held, so that ids are not reused
        self._counts: dict[str, int] = defaultdict(int)
        self._state = "before"

    def hook(self, frame: FrameType, event: str, _: object) -> None:
        """Take one event of :func:`sys.setprofile`."""
        code = frame.f_code
        if event != "call" or self._state == "after" or not code.co_filename.startswith(PACKAGE):
            return
        if id(frame) in self._suspended or "/sandbox/" in code.co_filename:
            return
        if code.co_flags & _COROUTINE:
            self._suspended[id(frame)] = frame
        self._counts[code.co_qualname] += 1
        if self._state == "before":
            if self._counts[TAKE] < BATCH:
                return
            self._state = "on the path"
        if not _is_beside(frame):
            self.files[code.co_filename.removeprefix(PACKAGE)].add(code.co_qualname)
        if self._counts[SETTLE] >= BATCH and code.co_qualname == COMMIT:
            self._state = "after"


def _is_beside(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_qualname in BESIDE:
            return True
        frame = frame.f_back
    return False


def files_on_the_path() -> dict[str, set[str]]:
    """Import a file of three batches; return the functions on the path of the second batch, by file."""
    path = RowPath()
    with tempfile.TemporaryDirectory() as folder, sandbox_process() as environment:
        rows = Path(folder) / "rows.csv"
        rows.write_text("Last Name,Company\n" + "".join(f"Lead {number},Acme\n" for number in range(300)), encoding="utf-8")
        os.environ.update(environment, BULKZOHO_HOME=f"{folder}/home")
        threading.setprofile(path.hook)
        sys.setprofile(path.hook)
        try:
            code = run_command_line(["import", str(rows), "--module", "Leads", "--progress", "none", "--in-flight", "1"])
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    assert code == 0, f"the import ended with {code}"
    return path.files


def main() -> None:
    """Print each file with its functions, and the count."""
    files = files_on_the_path()
    for name in sorted(files):
        print(name, *sorted(files[name]))
    print(f"{len(files)} files")


if __name__ == "__main__":
    main()
