"""Exports: the product's own command by each route from the stand-in, CSV to CSV, and whether memory grows with the records."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks import page, results
from benchmarks.contestants import UNBOUND
from benchmarks.leads import HEADER
from benchmarks.machine import described
from benchmarks.measuring import CACHE, TOP, Cost, measured
from benchmarks.standin import Standin
from benchmarks.trees import tree_of

FEW: Final = 200  # records of the run that tells what a start takes
ROUTES: Final = (("list", 90_000), ("coql", 200_000), ("bulk", 200_000))  # records: as far as tokens reach, and one job


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be told to it."""
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--routes", default="list,coql,bulk")
    parser.add_argument("--format", default="csv", choices=("csv", "jsonl"))
    parser.add_argument("--at", metavar="REV", help="measure the product at this revision, not as it lies here")
    parser.add_argument("--save", action="store_true", help="keep the figures and write them into docs/benchmarks.md")


def run(given: argparse.Namespace) -> None:
    """Measure and print."""
    machine, tree = described(), tree_of(given.at) if given.at else TOP
    found = {}
    for route, records in ROUTES:
        if route in given.routes.split(","):
            found[route] = _measured(route, records, rounds=given.rounds, form=given.format, tree=tree)
            shown = {key: f"{value:,.5g}" if isinstance(value, float) else value for key, value in found[route].items()}
            print(route, shown, flush=True)
    if given.save:
        results.save("export", {"machine": machine, "format": given.format, "routes": found})
        page.write()


def _measured(route: str, records: int, *, rounds: int, form: str, tree: Path) -> dict[str, Any]:
    """Give medians of *rounds* rounds over all records, a tenth of them, and a few."""
    costs: dict[int, list[Cost]] = {}
    for count in (FEW, records // 10, records):
        with Standin(records=count) as standin:
            _export(route, count, standin, form, tree)
            costs[count] = [_export(route, count, standin, form, tree) for _ in range(rounds)]
    few, tenth, whole = costs.values()
    start = statistics.median(one.seconds for one in few)
    rates = [(records - FEW) / (one.seconds - start) for one in whole]
    cpu = statistics.median(one.cpu_seconds for one in whole) - statistics.median(one.cpu_seconds for one in few)
    return {
        "records": records,
        "per_s": statistics.median(rates),
        "per_s_least": min(rates),
        "per_s_most": max(rates),
        "cpu_s_per_million": cpu / (records - FEW) * 1e6,
        "start_seconds": start,
        "peak_mb": statistics.median(one.peak_mb for one in whole),
        "peak_mb_of_a_tenth": statistics.median(one.peak_mb for one in tenth),
    }


def _export(route: str, count: int, standin: Standin, form: str, tree: Path) -> Cost:
    """Export everything with a state folder that knows nothing yet, and see that the file has all of it."""
    home, output = CACHE / "home", CACHE / f"out.{form}"
    shutil.rmtree(home, ignore_errors=True)
    output.unlink(missing_ok=True)
    words = ["export", "Leads", "-o", str(output), "--fields", ",".join(HEADER), "--route", route, "--format", form]
    quiet = ["--json", "--progress", "none", *UNBOUND, "--in-flight", "10"]
    told = {**standin.environment, "BULKZOHO_HOME": str(home)}
    cost = measured([sys.executable, "-m", "bulkzoho", *words, *quiet], environment=told, cwd=tree)
    lines = output.read_bytes().count(b"\n") - (form == "csv")
    assert lines == count, f"{lines} lines of {count}: {json.loads(cost.out)}"
    return cost
