"""A minute at a plan's full pace: which share of a core the product takes for 1,000 calls a minute, 100 records each."""

from __future__ import annotations

import argparse
from dataclasses import replace

from benchmarks import page, results
from benchmarks.compared_clients import FEW_ROWS, IN_FLIGHT, PRODUCT, REFERENCE, Contestant
from benchmarks.machine import described
from benchmarks.source_trees import tree_of
from benchmarks.stub_server.process import Standin


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be told to it."""
    parser.add_argument("--calls", type=int, default=1000, help="a minute, and in all")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds before each answer of the stand-in")
    parser.add_argument("--at", metavar="REV", help="measure the product at this revision, not as it lies here")
    parser.add_argument("--save", action="store_true", help="keep the figures and write them into docs/benchmarks.md")


def run(given: argparse.Namespace) -> None:
    """Measure and print."""
    machine = described(given.at)
    tree = tree_of(given.at) if given.at else PRODUCT.tree
    paced = replace(PRODUCT, tree=tree, options=("--calls-per-minute", str(given.calls)))  # the last of two options counts
    found = {
        paced.name: _cost(paced, given.calls, latency_s=given.latency, in_flight=IN_FLIGHT),
        # one call at a time, each as long as its share of the minute
        REFERENCE.name: _cost(REFERENCE, given.calls, latency_s=60 / given.calls, in_flight=1),
        # the same work without a pause: the difference is the processor's, which sleeps and forgets in between
        f"{REFERENCE.name}, no pauses": _cost(REFERENCE, given.calls, latency_s=0.0, in_flight=1),
    }
    for name, one in found.items():
        print(
            f"{name}: {one['seconds']:.1f} s, {one['cpu_seconds']:.2f} CPU s, {100 * one['share']:.2f} % of a core a minute",
            flush=True,
        )
    if given.save:
        results.save("minute", {"machine": machine, "calls": given.calls, "latency_s": given.latency, "clients": found})
        page.write()


def _cost(one: Contestant, calls: int, *, latency_s: float, in_flight: int) -> dict[str, float]:
    with Standin(latency_s=latency_s) as standin:
        few = one.run(FEW_ROWS, standin.url, standin.environment, in_flight=in_flight)
        many = one.run(calls * 100, standin.url, standin.environment, in_flight=in_flight)
    seconds, cpu = many.seconds - few.seconds, many.cpu_seconds - few.cpu_seconds
    return {"seconds": seconds, "cpu_seconds": cpu, "share": cpu / 60}
