"""Measure bulkzoho's peak memory for up to 5,000,000 rows.  Takes some minutes and a gigabyte of disk."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Final

from benchmarks import page, results
from benchmarks.compared_clients import PRODUCT
from benchmarks.machine import describe_machine
from benchmarks.source_trees import checkout
from benchmarks.stub_server.process import StubServer

ROWS: Final = (100, 100_000, 1_000_000, 5_000_000)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--rows", type=int, default=ROWS[-1], help="rows of the largest run")
    parser.add_argument("--at", metavar="REV", help="measure bulkzoho at this revision instead of the working tree")
    parser.add_argument("--save", action="store_true", help="save the results and write them to docs/benchmarks.md")


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    machine = describe_machine(options.at)
    product = replace(PRODUCT, tree=checkout(options.at)) if options.at else PRODUCT
    runs = []
    with StubServer() as server:
        for rows in (*(each for each in ROWS if each < options.rows), options.rows):
            cost = product.run(rows, server.url, server.environment)
            runs.append({"rows": rows, "peak_mb": cost.peak_mb, "seconds": cost.seconds, "cpu_seconds": cost.cpu_seconds})
            print(f"{rows:>10,} rows: {cost.peak_mb:.1f} MB, {cost.seconds:.1f} s, {cost.cpu_seconds:.1f} CPU s", flush=True)
    if options.save:
        results.save("growth", {"machine": machine, "runs": runs})
        page.write()
