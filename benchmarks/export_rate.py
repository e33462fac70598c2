"""Exports: the product's own command by each route beside the least that an exporter can do; whether memory grows."""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import page, results
from benchmarks.compared_clients import UNBOUND
from benchmarks.leads import HEADER
from benchmarks.machine import described
from benchmarks.measurement import CACHE, TOP, BenchmarkError, Cost, measured
from benchmarks.source_trees import tree_of
from benchmarks.stub_server.process import Standin

FEW: Final = 200  # records of the run that tells what a start takes
# records that are timed, the list's as far as tokens reach, a bulk read's of one job; and how many more or less are held against
# their peak of memory
ROUTES: Final = (("list", 90_000, 9_000), ("coql", 200_000, 600_000), ("bulk", 200_000, 600_000))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be told to it."""
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--routes", default="list,coql,bulk")
    parser.add_argument("--format", default="csv", choices=("csv", "jsonl"))
    parser.add_argument("--base", metavar="REV", help="compare with the product as it was at this revision too")
    parser.add_argument("--at", metavar="REV", help="measure the product at this revision, not as it lies here")
    parser.add_argument("--save", action="store_true", help="keep the figures and write them into docs/benchmarks.md")


def run(given: argparse.Namespace) -> None:
    """Measure and print."""
    machine, found = described(given.at), {}
    trees = {"bulkzoho": tree_of(given.at) if given.at else TOP}
    if given.base:
        trees["bulkzoho BASE"] = tree_of(given.base)
    for route, records, others in ROUTES:
        if route in given.routes.split(","):
            found[route] = _measured(route, records, others, rounds=given.rounds, form=given.format, trees=trees)
            for name, one in found[route]["clients"].items():
                shown = ", ".join(f"{key} {value:,.4g}" for key, value in one.items())
                print(f"{route} {name}: {shown}", flush=True)
    if given.save:
        results.save("export", {"machine": machine, "format": given.format, "routes": found})
        page.write()


def _measured(
    route: str, records: int, held_against: int, *, rounds: int, form: str, trees: Mapping[str, Path]
) -> dict[str, Any]:
    """Give medians over *rounds* rounds, in each of which the product and the least exporter take turns."""
    with Standin(records=FEW) as few, Standin(records=records) as whole:
        products = {name: partial(_export, route, form=form, tree=tree) for name, tree in trees.items()}
        others = {**products, "least": partial(_least, route)}
        taken: dict[str, list[tuple[Cost, Cost]]] = {name: [] for name in others}
        for one in others.values():
            one(FEW, few)
        for _ in range(rounds):
            for name, one in others.items():
                taken[name].append((one(FEW, few), one(records, whole)))
    with Standin(records=held_against) as another:
        peak_mb = products["bulkzoho"](held_against, another).peak_mb
    return {
        "records": records,
        "other_records": held_against,
        "other_peak_mb": peak_mb,
        "clients": {name: _medians(pairs, records) for name, pairs in taken.items()},
    }


def _medians(pairs: list[tuple[Cost, Cost]], records: int) -> dict[str, float]:
    rates = [(records - FEW) / (whole.seconds - few.seconds) for few, whole in pairs]
    cpu = [(whole.cpu_seconds - few.cpu_seconds) / (records - FEW) * 1e6 for few, whole in pairs]
    return {
        "per_s": statistics.median(rates),
        "per_s_least": min(rates),
        "per_s_most": max(rates),
        "cpu_s_per_million": statistics.median(cpu),
        "start_seconds": statistics.median(few.seconds for few, _ in pairs),
        "peak_mb": statistics.median(whole.peak_mb for _, whole in pairs),
    }


def _least(route: str, count: int, standin: Standin) -> Cost:
    output = CACHE / "least.csv"
    cost = measured([sys.executable, "-m", "benchmarks.clients.exports", standin.url, str(output), route])
    _see(output, count + 1)
    return cost


def _export(route: str, count: int, standin: Standin, *, form: str, tree: Path) -> Cost:
    """Export everything with a state folder that knows nothing yet, and see that the file has all of it."""
    home, output = CACHE / "home", CACHE / f"out.{form}"
    shutil.rmtree(home, ignore_errors=True)
    output.unlink(missing_ok=True)
    words = ["export", "Leads", "-o", str(output), "--fields", ",".join(HEADER), "--route", route, "--format", form]
    quiet = ["--json", "--progress", "none", *UNBOUND, "--in-flight", "10"]
    told = {**standin.environment, "BULKZOHO_HOME": str(home)}
    cost = measured([sys.executable, "-m", "bulkzoho", *words, *quiet], environment=told, cwd=tree)
    _see(output, count + (form == "csv"))
    return cost


def _see(output: Path, lines: int) -> None:
    """See that everything is there.

    Raises:
        BenchmarkError: It is not.
    """
    with output.open("rb") as file:
        found = sum(1 for _ in file)
    if found != lines:
        raise BenchmarkError(f"{output.name} has {found} lines of {lines}")
