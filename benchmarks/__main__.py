"""One of the benchmarks of docs/benchmarks.md, or all of them."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Final

from benchmarks import export_rate as exporting
from benchmarks import import_rate as importing
from benchmarks import memory_growth as growth
from benchmarks import minute_quota as minute
from benchmarks import profiler as profiling
from benchmarks import startup as starting
from benchmarks.measurement import TOP, BenchmarkError

BENCHMARKS: Final = {
    "import": importing,
    "export": exporting,
    "growth": growth,
    "start": starting,
    "minute": minute,
    "profile": profiling,
}
SCRIPTS: Final = {
    "shape": "what shaping a hundred rows costs",
    "fast_paths": "what the fast paths of reading and transforming save",
    "limiter": "how well the limiter uses a quota, in virtual time",
    "sandbox_export": "exports from the sandbox, content compared",
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
    """Read the command line and run what it names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True)
    for name, benchmark in BENCHMARKS.items():
        benchmark.add_options(names.add_parser(name, help=(benchmark.__doc__ or "").partition("\n")[0]))
    for name, about in SCRIPTS.items():
        names.add_parser(name, help=about)
    quick = names.add_parser("quick", help="all clients of import without latency, into the page; three minutes")
    everything = names.add_parser("all", help="everything, into the page; half an hour")
    for parser_of_all in (quick, everything):
        parser_of_all.add_argument("--at", metavar="REV", help="measure the product at this revision, not as it lies here")
    given = parser.parse_args()
    if given.name in SCRIPTS:
        sys.exit(subprocess.run([sys.executable, "-m", f"benchmarks.{given.name}"], cwd=TOP, check=False).returncode)
    several = {"quick": QUICK, "all": ALL}.get(given.name)
    try:
        for one in [given] if several is None else map(parser.parse_args, several):
            if several is not None and "at" in one:
                one.at = given.at
            if several is not None:
                print(f"== {one.name}", flush=True)
            BENCHMARKS[one.name].run(one)
    except BenchmarkError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
