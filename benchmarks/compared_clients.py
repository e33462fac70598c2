"""Clients of the import comparison and how to run them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.leads import write_csv, write_jsonl
from benchmarks.measurement import CACHE, TOP, Cost, run_measured

IN_FLIGHT: Final = 10
FEW_ROWS: Final = 100  # rows of the run that measures the start-up
NO_LIMITS: Final = ("--calls-per-minute", "100000000", "--calls-per-day", "1000000000", "--credits-per-day", "none")
_NO_VARIABLES: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSpec:
    """A client of the stub server.

    Attributes:
        share: Share of the rows that it sends; below 1 for slow clients.
        share_at_latency: The share at a latency, where all clients are about equally fast.
        tree: The source tree that it runs from.
        in_flight: Concurrent calls, if different from the others.
        needs: The package that it requires.
        program: The module of bulkzoho's command, and words before its arguments.
    """

    name: str
    about: str
    module: str = ""
    python: str = sys.executable
    share: float = 1.0
    share_at_latency: float = 1.0
    tree: Path = TOP
    options: Sequence[str] = field(default=())
    jsonl: bool = False
    in_flight: int = 0
    needs: str = ""
    program: Sequence[str] = ("bulkzoho",)

    def rows_of(self, rows: int, *, latency_s: float) -> int:
        """Return how many of *rows* it sends, in whole calls."""
        share = self.share_at_latency if latency_s else self.share
        return max(1000, int(rows * share) // 100 * 100)

    def run(self, rows: int, url: str, environment: Mapping[str, str] = _NO_VARIABLES, *, in_flight: int = IN_FLIGHT) -> Cost:
        """Send *rows* rows to the stub server at *url*."""
        CACHE.mkdir(exist_ok=True)
        if not self.module:
            return self._import(rows, environment, in_flight)
        file = write_csv(CACHE, rows)
        arguments = [self.python, "-m", self.module, url, str(file), str(rows), str(self.in_flight or in_flight)]
        return run_measured(arguments, cwd=self.tree)

    def _import(self, rows: int, environment: Mapping[str, str], in_flight: int) -> Cost:
        """Run ``bulkzoho import`` with an empty state folder."""
        file = (write_jsonl if self.jsonl else write_csv)(CACHE, rows)
        home = CACHE / "home"
        shutil.rmtree(home, ignore_errors=True)
        arguments = [
            "import",
            str(file),
            "--module",
            "Leads",
            "--json",
            "--progress",
            "plain",
            *NO_LIMITS,
            "--in-flight",
            str(in_flight),
        ]
        variables = {**environment, "BULKZOHO_HOME": str(home)}
        cost = run_measured([self.python, "-m", *self.program, *arguments, *self.options], environment=variables, cwd=self.tree)
        assert f'"accepted": {rows}, ' in cost.out, cost.out
        return cost


RAW: Final = ClientSpec(
    name="raw", about="prepared calls on asyncio.Protocol: maximum rate of the stub server", module="benchmarks.clients.raw"
)
FLOOR: Final = ClientSpec(name="a", about="aiohttp, one prepared body, orjson.loads", module="benchmarks.clients.floor")
REFERENCE: Final = ClientSpec(
    name="d1", about="aiohttp, csv.reader, orjson, results checked, SQLite NORMAL", module="benchmarks.clients.reference"
)
PRODUCT: Final = ClientSpec(name="bulkzoho", about="bulkzoho import, CSV, all features")
JSON_LINES: Final = ClientSpec(name="bulkzoho jsonl", about="the same rows as JSON Lines", jsonl=True)
UPSERT: Final = ClientSpec(
    name="bulkzoho upsert",
    about="CSV, upsert by Email: keys locked",
    options=("--operation", "upsert", "--match-on", "Email"),
)
