"""Run one or all benchmarks of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Final

from benchmarks import export_rate, import_rate, memory_growth, minute_quota, profiler, startup
from benchmarks.measurement import TOP, BenchmarkError

BENCHMARKS: Final = {
    "import": import_rate,
    "export": export_rate,
    "growth": memory_growth,
    "start": startup,
    "minute": minute_quota,
    "profile": profiler,
}
SCRIPTS: Final = {
    "shape": "cost of transforming a hundred rows",
    "fast_paths": "savings of the fast paths of reading and transforming",
    "row_path": "source files that run between reading one row and settling it",
    "limiter": "share of a quota that the rate limiter uses, in virtual time",
    "sandbox_export": "exports from the sandbox, with a check of their content",
}
QUICK: Final = (("import", "--only", "all", "--rows", "100000", "--save"),)
AT_LATENCY: Final = "a,d1,bulkzoho,httpx,requests,zoho,sdk,sdk threads"
ALL: Final = (
    ("import", "--only", "all", "--save"),
    ("import", "--only", AT_LATENCY, "--latency", "0.2", "--rows", "60000", "--save"),
    ("export", "--save"),
    ("start", "--save"),
    ("minute", "--save"),
    ("profile", "--save"),
    ("growth", "--save"),
)


def main() -> None:
    """Parse the command line and run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True)
    for name, benchmark in BENCHMARKS.items():
        benchmark.add_options(names.add_parser(name, help=(benchmark.__doc__ or "").partition("\n")[0]))
    for name, about in SCRIPTS.items():
        names.add_parser(name, help=about)
    quick = names.add_parser("quick", help="import with all clients and no latency, saved to the page; three minutes")
    everything = names.add_parser("all", help="all benchmarks, saved to the page; half an hour")
    for parser_of_all in (quick, everything):
        parser_of_all.add_argument("--at", metavar="REV", help="measure bulkzoho at this revision instead of the working tree")
    options = parser.parse_args()
    if options.name in SCRIPTS:
        sys.exit(subprocess.run([sys.executable, "-m", f"benchmarks.{options.name}"], cwd=TOP, check=False).returncode)
    suite = {"quick": QUICK, "all": ALL}.get(options.name)
    try:
        for benchmark_options in [options] if suite is None else map(parser.parse_args, suite):
            if suite is not None and "at" in benchmark_options:
                benchmark_options.at = options.at
            if suite is not None:
                print(f"== {benchmark_options.name}", flush=True)
            BENCHMARKS[benchmark_options.name].run(benchmark_options)
    except BenchmarkError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
