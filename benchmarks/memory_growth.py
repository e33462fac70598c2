"""Memory: the product's peak over 100,000 rows and over fifty times as many.  Takes some minutes, and a gigabyte of disk."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Final

from benchmarks import page, results
from benchmarks.compared_clients import PRODUCT
from benchmarks.machine import described
from benchmarks.source_trees import tree_of
from benchmarks.stub_server.process import Standin

ROWS: Final = (100, 100_000, 1_000_000, 5_000_000)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be told to it."""
    parser.add_argument("--rows", type=int, default=ROWS[-1], help="the most")
    parser.add_argument("--at", metavar="REV", help="measure the product at this revision, not as it lies here")
    parser.add_argument("--save", action="store_true", help="keep the figures and write them into docs/benchmarks.md")


def run(given: argparse.Namespace) -> None:
    """Measure and print."""
    machine = described(given.at)
    product = replace(PRODUCT, tree=tree_of(given.at)) if given.at else PRODUCT
    found = []
    with Standin() as standin:
        for rows in (*(one for one in ROWS if one < given.rows), given.rows):
            cost = product.run(rows, standin.url, standin.environment)
            found.append({"rows": rows, "peak_mb": cost.peak_mb, "seconds": cost.seconds, "cpu_seconds": cost.cpu_seconds})
            print(f"{rows:>10,} rows: {cost.peak_mb:.1f} MB, {cost.seconds:.1f} s, {cost.cpu_seconds:.1f} CPU s", flush=True)
    if given.save:
        results.save("growth", {"machine": machine, "runs": found})
        page.write()
