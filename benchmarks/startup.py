"""Starting: ``bulkzoho --help`` beside bare Python, one after the other."""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Final

from benchmarks import page, results
from benchmarks.machine import described
from benchmarks.measurement import measured

COMMANDS: Final = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "bulkzoho --help": [str(Path(sys.executable).with_name("bulkzoho")), "--help"],
    "bulkzoho import --help": [str(Path(sys.executable).with_name("bulkzoho")), "import", "--help"],
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be told to it."""
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--save", action="store_true", help="keep the figures and write them into docs/benchmarks.md")


def run(given: argparse.Namespace) -> None:
    """Measure and print."""
    machine = described()
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(given.rounds + 1):
        for name, words in COMMANDS.items():
            taken[name].append(1000 * measured(words).seconds)
    found = {}
    bare = taken["python -c pass"][1:]  # the first round warms up
    for name, each in taken.items():
        ratios = [one / other for one, other in zip(each[1:], bare, strict=True)]
        found[name] = {
            "ms": statistics.median(each[1:]),
            "ms_least": min(each[1:]),
            "ms_most": max(each[1:]),
            "of_python": statistics.median(ratios),
        }
        print(f"{name:24}{found[name]['ms']:7.0f} ms, {found[name]['of_python']:.1f} times bare Python", flush=True)
    if given.save:
        results.save("start", {"machine": machine, "commands": found})
        page.write()
