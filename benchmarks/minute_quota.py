"""Measure the share of a core that bulkzoho uses at a full quota: 1,000 calls of 100 records per minute."""

from __future__ import annotations

import argparse
from dataclasses import replace

from benchmarks import page, results
from benchmarks.compared_clients import FEW_ROWS, IN_FLIGHT, PRODUCT, REFERENCE, ClientSpec
from benchmarks.machine import describe_machine
from benchmarks.source_trees import checkout
from benchmarks.stub_server.process import StubServer


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--calls", type=int, default=1000, help="calls per minute, and in total")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds before each response of the stub server")
    parser.add_argument("--at", metavar="REV", help="measure bulkzoho at this revision instead of the working tree")
    parser.add_argument("--save", action="store_true", help="save the results and write them to docs/benchmarks.md")


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    machine = describe_machine(options.at)
    tree = checkout(options.at) if options.at else PRODUCT.tree
    paced_client = replace(PRODUCT, tree=tree, options=("--calls-per-minute", str(options.calls)))  # overrides the default option
    figures = {
        paced_client.name: _cost(paced_client, options.calls, latency_s=options.latency, in_flight=IN_FLIGHT),
        # one call at a time, each lasting its share of the minute
        REFERENCE.name: _cost(REFERENCE, options.calls, latency_s=60 / options.calls, in_flight=1),
        # the same work without pauses: the difference is caused by idle CPU states and cold caches
        f"{REFERENCE.name}, no pauses": _cost(REFERENCE, options.calls, latency_s=0.0, in_flight=1),
    }
    for name, client in figures.items():
        print(
            f"{name}: {client['seconds']:.1f} s, {client['cpu_seconds']:.2f} CPU s,"
            f" {100 * client['share']:.2f} % of a core for a minute",
            flush=True,
        )
    if options.save:
        results.save("minute", {"machine": machine, "calls": options.calls, "latency_s": options.latency, "clients": figures})
        page.write()


def _cost(client: ClientSpec, calls: int, *, latency_s: float, in_flight: int) -> dict[str, float]:
    with StubServer(latency_s=latency_s) as server:
        start_run = client.run(FEW_ROWS, server.url, server.environment, in_flight=in_flight)
        full_run = client.run(calls * 100, server.url, server.environment, in_flight=in_flight)
    seconds, cpu = full_run.seconds - start_run.seconds, full_run.cpu_seconds - start_run.cpu_seconds
    return {"seconds": seconds, "cpu_seconds": cpu, "share": cpu / 60}
