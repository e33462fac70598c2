"""Who takes part in the comparison of imports, and how each is started on a number of rows."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.leads import write_csv, write_jsonl
from benchmarks.measurement import CACHE, TOP, Cost, measured

IN_FLIGHT: Final = 10
FEW_ROWS: Final = 100  # of the run that tells what a start takes
UNBOUND: Final = ("--calls-per-minute", "100000000", "--calls-per-day", "1000000000", "--credits-per-day", "none")
_NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A client of the stand-in.

    Attributes:
        share: Of the rows that it gets; below 1 for who would take minutes.
        share_at_latency: The same where calls take long, so that all are about as fast.
        tree: The source tree that it runs from.
        in_flight: Calls at one time, where it has a number of its own.
        needs: The package without which it cannot take part.
        program: The module that is the product's command, and words before its own.
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
        """Give how many of *rows* it sends, in whole calls."""
        share = self.share_at_latency if latency_s else self.share
        return max(1000, int(rows * share) // 100 * 100)

    def run(self, rows: int, url: str, environment: Mapping[str, str] = _NOTHING, *, in_flight: int = IN_FLIGHT) -> Cost:
        """Send *rows* rows to the stand-in at *url*."""
        CACHE.mkdir(exist_ok=True)
        if not self.module:
            return self._import(rows, environment, in_flight)
        file = write_csv(CACHE, rows)
        words = [self.python, "-m", self.module, url, str(file), str(rows), str(self.in_flight or in_flight)]
        return measured(words, cwd=self.tree)

    def _import(self, rows: int, environment: Mapping[str, str], in_flight: int) -> Cost:
        """Run the product's own command, with a state folder that knows nothing yet."""
        file = (write_jsonl if self.jsonl else write_csv)(CACHE, rows)
        home = CACHE / "home"
        shutil.rmtree(home, ignore_errors=True)
        words = [
            "import",
            str(file),
            "--module",
            "Leads",
            "--json",
            "--progress",
            "plain",
            *UNBOUND,
            "--in-flight",
            str(in_flight),
        ]
        told = {**environment, "BULKZOHO_HOME": str(home)}
        cost = measured([self.python, "-m", *self.program, *words, *self.options], environment=told, cwd=self.tree)
        assert f'"accepted": {rows}, ' in cost.out, cost.out
        return cost


RAW: Final = Contestant(
    name="raw", about="calls by hand on asyncio.Protocol: what the stand-in can answer", module="benchmarks.clients.raw"
)
FLOOR: Final = Contestant(name="a", about="aiohttp, one body made beforehand, orjson.loads", module="benchmarks.clients.floor")
REFERENCE: Final = Contestant(
    name="d1", about="aiohttp, csv.reader, orjson, results looked at, SQLite NORMAL", module="benchmarks.clients.reference"
)
PRODUCT: Final = Contestant(name="bulkzoho", about="bulkzoho import, CSV, everything on")
JSON_LINES: Final = Contestant(name="bulkzoho jsonl", about="the same rows as JSON Lines", jsonl=True)
UPSERT: Final = Contestant(
    name="bulkzoho upsert",
    about="CSV, upsert by Email: keys kept apart",
    options=("--operation", "upsert", "--match-on", "Email"),
)
