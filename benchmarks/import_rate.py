"""Measure imports: bulkzoho, the floor, the reference and other clients, with the same rows and stub server."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Final

from benchmarks import page, results
from benchmarks.compared_clients import FLOOR, IN_FLIGHT, JSON_LINES, PRODUCT, RAW, REFERENCE, UPSERT, ClientSpec
from benchmarks.machine import describe_machine
from benchmarks.measurement import CACHE
from benchmarks.peers import PEERS, installed
from benchmarks.rounds import Round, Rounds, measure, medians, ratio
from benchmarks.source_trees import checkout
from benchmarks.stub_server.process import StubServer

OURS: Final = (RAW, FLOOR, REFERENCE, PRODUCT, JSON_LINES, UPSERT)
_RATE: Final = "net_per_s"
_CPU: Final = "net_cpu_s_per_million"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5, help="valid rounds; an invalid round is repeated")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each response of the stub server")
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT, help="concurrent calls")
    parser.add_argument("--only", default="a,d1,bulkzoho", help="comma-separated names of clients, or all")
    parser.add_argument("--base", metavar="REV", help="also measure bulkzoho at this revision, in the same rounds")
    parser.add_argument("--at", metavar="REV", help="measure bulkzoho at this revision instead of the working tree")
    parser.add_argument("--save", action="store_true", help="save the results and write them to docs/benchmarks.md")


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    machine = describe_machine(options.at)
    versions = installed() if options.only == "all" or {client.name for client in PEERS} & set(options.only.split(",")) else {}
    selected = _select_clients(options, versions)
    report = partial(print, flush=True)
    rounds = measure(
        selected, rows=options.rows, rounds=options.rounds, latency_s=options.latency, in_flight=options.in_flight, report=report
    )
    report(f"{len(rounds.valid)} valid rounds, {len(rounds.invalid)} invalid")
    if not rounds.valid:
        return
    report(table(rounds.valid, selected))
    if options.save:
        setup = _setup(options, selected, rounds)
        setup["stall"] = _measure_stall(options)
        saved = results.load("import")
        setups = {**saved.get("setups", {}), f"{options.latency * 1000:g} ms": setup}
        results.save("import", {"machine": {**machine, "clients": versions}, "setups": setups})
        page.write()


def _select_clients(options: argparse.Namespace, versions: dict[str, str]) -> list[ClientSpec]:
    """Return the selected clients; bulkzoho twice if there is a base revision."""
    names = options.only.split(",")
    unknown = {*names} - {"all"} - {client.name for client in (*OURS, *PEERS)}
    if unknown:
        raise SystemExit(f"--only: unknown client {', '.join(sorted(unknown))}")
    available = [*OURS, *(client for client in PEERS if client.needs in versions)]
    selected = [client for client in available if options.only == "all" or client.name in names]
    if options.at:
        selected = [client if client.module else replace(client, tree=checkout(options.at)) for client in selected]
    if options.base:
        tree = checkout(options.base)
        selected += [replace(client, name=f"{client.name} BASE", tree=tree) for client in selected if not client.module]
    return selected


def _setup(options: argparse.Namespace, selected: Sequence[ClientSpec], rounds: Rounds) -> dict[str, Any]:
    """Return all measurements as a JSON value."""
    names = [client.name for client in selected]
    pairs = (("of_a", FLOOR.name, _RATE), ("of_d1", REFERENCE.name, _RATE), ("cpu_of_d1", REFERENCE.name, _CPU))
    return {
        "latency_s": options.latency,
        "in_flight": options.in_flight,
        "rounds": len(rounds.valid),
        "void_rounds": len(rounds.invalid),
        "d1_of_a": [each.reference_share for each in (*rounds.valid, *rounds.invalid)],
        "clients": {
            client.name: {
                "about": client.about,
                **medians(rounds.valid, client.name),
                **{key: ratio(rounds.valid, client.name, base, figure) for key, base, figure in pairs if base in names},
            }
            for client in selected
        },
        "each_round": [
            {name: asdict(figures) for name, figures in each.figures.items()} for each in (*rounds.valid, *rounds.invalid)
        ],
    }


def _measure_stall(options: argparse.Namespace) -> dict[str, Any]:
    """Measure stalls of bulkzoho's event loop in a separate run."""
    result_file = CACHE / "stall.json"
    watched_client = replace(PRODUCT, program=("benchmarks.watched_process", str(result_file)))
    with StubServer(latency_s=options.latency) as server:
        watched_client.run(options.rows, server.url, server.environment, in_flight=options.in_flight)
    measurements: dict[str, Any] = json.loads(result_file.read_text(encoding="utf-8"))
    return measurements


def table(rounds: Sequence[Round], selected: Sequence[ClientSpec]) -> str:
    """Return a table with one line per client."""
    headings = "records/s", "min", "max", "CPU s/M", "of a", "of d1", "CPU of d1", "total/s", "start s", "peak MB", "server"
    lines = [f"{'':20}" + "".join(f"{word:>11}" for word in headings)]
    names = {client.name for client in selected}
    for client in selected:
        measurements = medians(rounds, client.name)
        shares = [
            f"{ratio(rounds, client.name, base, figure)['median']:.3f}" if base in names else ""
            for base, figure in ((FLOOR.name, _RATE), (REFERENCE.name, _RATE), (REFERENCE.name, _CPU))
        ]
        cells = [
            *(f"{measurements[key]:,.0f}" for key in (_RATE, f"{_RATE}_least", f"{_RATE}_most")),
            f"{measurements[_CPU]:.2f}",
            *shares,
            f"{measurements['whole_per_s']:,.0f}",
            f"{measurements['start_seconds']:.2f}",
            f"{measurements['peak_mb']:.0f}",
            f"{100 * measurements['server_cpu_share']:.0f} %",
        ]
        lines.append(f"{client.name:20}" + "".join(f"{cell:>11}" for cell in cells))
    return "\n".join(lines)
