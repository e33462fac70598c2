"""Imports: the product beside the floor, the reference and other clients, on the same rows and the same stand-in."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from benchmarks.contestants import FLOOR, IN_FLIGHT, JSON_LINES, PRODUCT, RAW, REFERENCE, UPSERT, Contestant
from benchmarks.rounds import Round, measure, medians, ratio
from benchmarks.trees import tree_of

ALL: Final = (RAW, FLOOR, REFERENCE, PRODUCT, JSON_LINES, UPSERT)
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


def run(given: argparse.Namespace) -> None:
    """Measure and print."""
    chosen = _chosen(given)
    tell = partial(print, flush=True)
    good, void = measure(
        chosen, rows=given.rows, rounds=given.rounds, latency_s=given.latency, in_flight=given.in_flight, tell=tell
    )
    tell(f"{len(good)} rounds count, {len(void)} are void")
    if good:
        tell(table(good, chosen))


def _chosen(given: argparse.Namespace) -> list[Contestant]:
    """Give who was asked for; the product at two revisions when there is a base."""
    wanted = given.only.split(",")
    chosen = [one for one in ALL if given.only == "all" or one.name in wanted]
    if given.at:
        chosen = [one if one.module else replace(one, tree=tree_of(given.at)) for one in chosen]
    if given.base:
        tree = tree_of(given.base)
        chosen += [replace(one, name=f"{one.name} BASE", tree=tree) for one in chosen if not one.module]
    return chosen


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
