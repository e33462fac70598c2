"""Measure the start-up time of ``bulkzoho --help``, compared with bare Python."""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Final

from benchmarks import page, results
from benchmarks.machine import describe_machine
from benchmarks.measurement import run_measured

COMMANDS: Final = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "bulkzoho --help": [str(Path(sys.executable).with_name("bulkzoho")), "--help"],
    "bulkzoho import --help": [str(Path(sys.executable).with_name("bulkzoho")), "import", "--help"],
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--save", action="store_true", help="save the results and write them to docs/benchmarks.md")


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    machine = describe_machine()
    times_ms: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(options.rounds + 1):
        for name, command in COMMANDS.items():
            times_ms[name].append(1000 * run_measured(command).seconds)
    figures = {}
    bare = times_ms["python -c pass"][1:]  # the first round warms up
    for name, times in times_ms.items():
        ratios = [time_ms / python_ms for time_ms, python_ms in zip(times[1:], bare, strict=True)]
        figures[name] = {
            "ms": statistics.median(times[1:]),
            "ms_least": min(times[1:]),
            "ms_most": max(times[1:]),
            "of_python": statistics.median(ratios),
        }
        print(f"{name:24}{figures[name]['ms']:7.0f} ms, {figures[name]['of_python']:.1f} times Python's start", flush=True)
    if options.save:
        results.save("start", {"machine": machine, "commands": figures})
        page.write()
