"""A minute at a plan's full pace: which share of a core the product takes for 1,000 calls a minute, 100 records each."""

from __future__ import annotations

import argparse
from dataclasses import replace

from benchmarks import page, results
from benchmarks.contestants import FEW_ROWS, PRODUCT
from benchmarks.machine import described
from benchmarks.standin import Standin
from benchmarks.trees import tree_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be told to it."""
    parser.add_argument("--calls", type=int, default=1000, help="a minute, and in all")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds before each answer of the stand-in")
    parser.add_argument("--at", metavar="REV", help="measure the product at this revision, not as it lies here")
    parser.add_argument("--save", action="store_true", help="keep the figures and write them into docs/benchmarks.md")


def run(given: argparse.Namespace) -> None:
    """Measure and print."""
    machine = described()
    tree = tree_of(given.at) if given.at else PRODUCT.tree
    paced = replace(PRODUCT, tree=tree, options=("--calls-per-minute", str(given.calls)))  # the last of two options counts
    with Standin(latency_s=given.latency) as standin:
        few = paced.run(FEW_ROWS, standin.url, standin.environment)
        many = paced.run(given.calls * 100, standin.url, standin.environment)
    seconds, cpu = many.seconds - few.seconds, many.cpu_seconds - few.cpu_seconds
    print(f"{given.calls:,} calls in {seconds:.1f} s: {cpu:.2f} CPU s, {100 * cpu / seconds:.2f} % of a core", flush=True)
    if given.save:
        told = {"calls": given.calls, "latency_s": given.latency, "seconds": seconds, "cpu_seconds": cpu, "share": cpu / seconds}
        results.save("minute", {"machine": machine, **told})
        page.write()
