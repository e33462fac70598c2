"""Imports: the product beside the floor, the reference and other clients, on the same rows and the same stand-in."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Final

from benchmarks import page, results
from benchmarks.compared_clients import FLOOR, IN_FLIGHT, JSON_LINES, PRODUCT, RAW, REFERENCE, UPSERT, Contestant
from benchmarks.machine import described
from benchmarks.measurement import CACHE
from benchmarks.peers import PEERS, installed
from benchmarks.rounds import Round, Rounds, measure, medians, ratio
from benchmarks.source_trees import tree_of
from benchmarks.stub_server.process import Standin

OURS: Final = (RAW, FLOOR, REFERENCE, PRODUCT, JSON_LINES, UPSERT)
_RATE: Final = "net_per_s"
_CPU: Final = "net_cpu_s_per_million"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be told to it."""
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5, help="that count; a void round is repeated")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer of the stand-in")
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT, help="calls at one time")
    parser.add_argument("--only", default="a,d1,bulkzoho", help="names, with commas between; all for everybody")
    parser.add_argument("--base", metavar="REV", help="compare with the product as it was at this revision too")
    parser.add_argument("--at", metavar="REV", help="measure the product at this revision, not as it lies here")
    parser.add_argument("--save", action="store_true", help="keep the figures and write them into docs/benchmarks.md")


def run(given: argparse.Namespace) -> None:
    """Measure and print."""
    machine = described(given.at)
    versions = installed() if given.only == "all" or {one.name for one in PEERS} & set(given.only.split(",")) else {}
    chosen = _chosen(given, versions)
    tell = partial(print, flush=True)
    rounds = measure(chosen, rows=given.rows, rounds=given.rounds, latency_s=given.latency, in_flight=given.in_flight, tell=tell)
    tell(f"{len(rounds.good)} rounds count, {len(rounds.void)} are void")
    if not rounds.good:
        return
    tell(table(rounds.good, chosen))
    if given.save:
        setup = _setup(given, chosen, rounds)
        setup["stall"] = _stall(given)
        kept = results.load("import")
        setups = {**kept.get("setups", {}), f"{given.latency * 1000:g} ms": setup}
        results.save("import", {"machine": {**machine, "clients": versions}, "setups": setups})
        page.write()


def _chosen(given: argparse.Namespace, versions: dict[str, str]) -> list[Contestant]:
    """Give who was asked for; the product at two revisions when there is a base."""
    wanted = given.only.split(",")
    strangers = {*wanted} - {"all"} - {one.name for one in (*OURS, *PEERS)}
    if strangers:
        raise SystemExit(f"--only: nobody is called {', '.join(sorted(strangers))}")
    able = [*OURS, *(one for one in PEERS if one.needs in versions)]
    chosen = [one for one in able if given.only == "all" or one.name in wanted]
    if given.at:
        chosen = [one if one.module else replace(one, tree=tree_of(given.at)) for one in chosen]
    if given.base:
        tree = tree_of(given.base)
        chosen += [replace(one, name=f"{one.name} BASE", tree=tree) for one in chosen if not one.module]
    return chosen


def _setup(given: argparse.Namespace, chosen: Sequence[Contestant], rounds: Rounds) -> dict[str, Any]:
    """Give everything that was measured, as JSON can hold it."""
    names = [one.name for one in chosen]
    pairs = (("of_a", FLOOR.name, _RATE), ("of_d1", REFERENCE.name, _RATE), ("cpu_of_d1", REFERENCE.name, _CPU))
    return {
        "latency_s": given.latency,
        "in_flight": given.in_flight,
        "rounds": len(rounds.good),
        "void_rounds": len(rounds.void),
        "d1_of_a": [one.reference_share for one in (*rounds.good, *rounds.void)],
        "clients": {
            one.name: {
                "about": one.about,
                **medians(rounds.good, one.name),
                **{key: ratio(rounds.good, one.name, to, figure) for key, to, figure in pairs if to in names},
            }
            for one in chosen
        },
        "each_round": [{name: asdict(figures) for name, figures in one.figures.items()} for one in (*rounds.good, *rounds.void)],
    }


def _stall(given: argparse.Namespace) -> dict[str, Any]:
    """Watch the product's event loop in a run of its own."""
    told = CACHE / "stall.json"
    watched = replace(PRODUCT, program=("benchmarks.watched_process", str(told)))
    with Standin(latency_s=given.latency) as standin:
        watched.run(given.rows, standin.url, standin.environment, in_flight=given.in_flight)
    found: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    return found


def table(rounds: Sequence[Round], chosen: Sequence[Contestant]) -> str:
    """Give one line a contestant."""
    heads = "records/s", "least", "most", "CPU s/M", "of a", "of d1", "CPU of d1", "whole/s", "start s", "peak MB", "server"
    lines = [f"{'':20}" + "".join(f"{word:>11}" for word in heads)]
    names = {one.name for one in chosen}
    for one in chosen:
        found = medians(rounds, one.name)
        shares = [
            f"{ratio(rounds, one.name, to, figure)['median']:.3f}" if to in names else ""
            for to, figure in ((FLOOR.name, _RATE), (REFERENCE.name, _RATE), (REFERENCE.name, _CPU))
        ]
        cells = [
            *(f"{found[key]:,.0f}" for key in (_RATE, f"{_RATE}_least", f"{_RATE}_most")),
            f"{found[_CPU]:.2f}",
            *shares,
            f"{found['whole_per_s']:,.0f}",
            f"{found['start_seconds']:.2f}",
            f"{found['peak_mb']:.0f}",
            f"{100 * found['server_cpu_share']:.0f} %",
        ]
        lines.append(f"{one.name:20}" + "".join(f"{cell:>11}" for cell in cells))
    return "\n".join(lines)
