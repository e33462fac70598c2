"""python -m benchmarks NAME: one of the benchmarks of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys

from benchmarks import exporting, growth, importing, minute, profiling, starting
from benchmarks.measuring import BenchmarkError

BENCHMARKS = {
    "import": importing,
    "export": exporting,
    "growth": growth,
    "start": starting,
    "minute": minute,
    "profile": profiling,
}


def main() -> None:
    """Read the command line and run one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True)
    for name, benchmark in BENCHMARKS.items():
        benchmark.add_options(names.add_parser(name, help=(benchmark.__doc__ or "").partition("\n")[0]))
    given = parser.parse_args()
    try:
        BENCHMARKS[given.name].run(given)
    except BenchmarkError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
