"""Measure exports: bulkzoho by each route, compared with a minimal exporter, and peak memory."""

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
from benchmarks.compared_clients import NO_LIMITS
from benchmarks.leads import HEADER
from benchmarks.machine import describe_machine
from benchmarks.measurement import CACHE, TOP, BenchmarkError, Cost, run_measured
from benchmarks.source_trees import checkout
from benchmarks.stub_server.process import StubServer

START_RECORDS: Final = 200  # records of the run that measures the start-up
# route, records to time (list: as far as page tokens reach; bulk read: one job), records of the run that compares peak memory
ROUTES: Final = (("list", 90_000, 9_000), ("coql", 200_000, 600_000), ("bulk", 200_000, 600_000))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--routes", default="list,coql,bulk")
    parser.add_argument("--format", default="csv", choices=("csv", "jsonl"))
    parser.add_argument("--base", metavar="REV", help="also measure bulkzoho at this revision, in the same rounds")
    parser.add_argument("--at", metavar="REV", help="measure bulkzoho at this revision instead of the working tree")
    parser.add_argument("--save", action="store_true", help="save the results and write them to docs/benchmarks.md")


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    machine, results_by_route = describe_machine(options.at), {}
    trees = {"bulkzoho": checkout(options.at) if options.at else TOP}
    if options.base:
        trees["bulkzoho BASE"] = checkout(options.base)
    for route, records, others in ROUTES:
        if route in options.routes.split(","):
            results_by_route[route] = _measure_route(
                route, records, others, rounds=options.rounds, form=options.format, trees=trees
            )
            for name, client in results_by_route[route]["clients"].items():
                figures = ", ".join(f"{key} {value:,.4g}" for key, value in client.items())
                print(f"{route} {name}: {figures}", flush=True)
    if options.save:
        results.save("export", {"machine": machine, "format": options.format, "routes": results_by_route})
        page.write()


def _measure_route(
    route: str, records: int, other_records: int, *, rounds: int, form: str, trees: Mapping[str, Path]
) -> dict[str, Any]:
    """Return medians over *rounds* rounds, in each of which bulkzoho and the minimal exporter take turns."""
    with StubServer(records=START_RECORDS) as start_server, StubServer(records=records) as full_server:
        products = {name: partial(_run_export, route, form=form, tree=tree) for name, tree in trees.items()}
        others = {**products, "least": partial(_run_minimal, route)}
        costs: dict[str, list[tuple[Cost, Cost]]] = {name: [] for name in others}
        for client in others.values():
            client(START_RECORDS, start_server)
        for _ in range(rounds):
            for name, client in others.items():
                costs[name].append((client(START_RECORDS, start_server), client(records, full_server)))
    with StubServer(records=other_records) as another:
        peak_mb = products["bulkzoho"](other_records, another).peak_mb
    return {
        "records": records,
        "other_records": other_records,
        "other_peak_mb": peak_mb,
        "clients": {name: _medians(pairs, records) for name, pairs in costs.items()},
    }


def _medians(pairs: list[tuple[Cost, Cost]], records: int) -> dict[str, float]:
    rates = [(records - START_RECORDS) / (full.seconds - start.seconds) for start, full in pairs]
    cpu = [(full.cpu_seconds - start.cpu_seconds) / (records - START_RECORDS) * 1e6 for start, full in pairs]
    return {
        "per_s": statistics.median(rates),
        "per_s_least": min(rates),
        "per_s_most": max(rates),
        "cpu_s_per_million": statistics.median(cpu),
        "start_seconds": statistics.median(start.seconds for start, _ in pairs),
        "peak_mb": statistics.median(full.peak_mb for _, full in pairs),
    }


def _run_minimal(route: str, count: int, server: StubServer) -> Cost:
    output = CACHE / "least.csv"
    cost = run_measured([sys.executable, "-m", "benchmarks.clients.exports", server.url, str(output), route])
    _check_lines(output, count + 1)
    return cost


def _run_export(route: str, count: int, server: StubServer, *, form: str, tree: Path) -> Cost:
    """Export all records with an empty state folder and check the number of lines."""
    home, output = CACHE / "home", CACHE / f"out.{form}"
    shutil.rmtree(home, ignore_errors=True)
    output.unlink(missing_ok=True)
    arguments = ["export", "Leads", "-o", str(output), "--fields", ",".join(HEADER), "--route", route, "--format", form]
    quiet = ["--json", "--progress", "none", *NO_LIMITS, "--in-flight", "10"]
    variables = {**server.environment, "BULKZOHO_HOME": str(home)}
    cost = run_measured([sys.executable, "-m", "bulkzoho", *arguments, *quiet], environment=variables, cwd=tree)
    _check_lines(output, count + (form == "csv"))
    return cost


def _check_lines(output: Path, lines: int) -> None:
    """Check the number of lines.

    Raises:
        BenchmarkError: The file is incomplete.
    """
    with output.open("rb") as file:
        results_by_route = sum(1 for _ in file)
    if results_by_route != lines:
        raise BenchmarkError(f"{output.name} has {results_by_route} of {lines} lines")
