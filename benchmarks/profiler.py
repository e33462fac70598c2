"""Where the processor time of an import goes, by stage and by function, from samples of a real run."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import replace
from typing import Final

from benchmarks import page, results
from benchmarks.compared_clients import PRODUCT
from benchmarks.machine import described
from benchmarks.measurement import CACHE
from benchmarks.stub_server.process import Standin

STAGES: Final = (  # by how the name of a function's module begins; the first that fits
    (
        "read: bytes to rows",
        "formats/csv_ formats/json formats/raw formats/encoding formats/detect engine/importer/reader app/inputs",
    ),
    (
        "transform: rows to values, by the metadata",
        "domain/transform/row_ domain/transform/conver domain/transform/numbers domain/transform/dates domain/transform/column_",
    ),
    ("batch: keys and batches", "engine/importer/batch engine/importer/key"),
    ("encode: records to a body", "domain/transform/exact_json domain/transform/record_json zoho/api/records_write"),
    ("decode: a response to results", "zoho/api/response zoho/api/write_results domain/policy/retry"),
    ("journal", "storage"),
    ("results and rejected rows", "formats engine/importer/result_lines"),
    ("record: results to journal and files", "engine/importer/recorder engine/importer/group_commit domain/model/row_ranges"),
    ("quota", "ratelimit domain/policy/rate_limits"),
    ("send: retries, senders, in doubt", "engine zoho interfaces"),
)
PACKAGES: Final = (
    ("aiohttp", ("aiohttp", "multidict", "yarl", "aiosignal", "frozenlist", "propcache")),
    ("quota", ("aiolimiter",)),
    ("event loop and sockets", ("asyncio",)),
)
REST: Final = "everything else"
FUNCTIONS: Final = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be told to it."""
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--jsonl", action="store_true", help="JSON Lines in place of CSV; not kept")
    parser.add_argument("--save", action="store_true", help="keep the figures and write them into docs/benchmarks.md")


def run(given: argparse.Namespace) -> None:
    """Sample, group and print."""
    machine, told = described(), CACHE / "samples.json"
    with Standin() as standin:
        watched = replace(PRODUCT, program=("benchmarks.sampled", str(told)), jsonl=given.jsonl)
        cost = watched.run(given.rows, standin.url, standin.environment)
    seen = [(name, count) for name, count in json.loads(told.read_text(encoding="utf-8")) if not name.endswith("<module>")]
    total = sum(count for _, count in seen)
    stages: Counter[str] = Counter()
    for name, count in seen:
        stages[stage_of(name)] += count
    per_sample = cost.cpu_seconds / total / given.rows * 1e6
    found = {
        "stages": {name: count * per_sample for name, count in stages.most_common()},
        "functions": {name: count * per_sample for name, count in seen[:FUNCTIONS]},
    }
    for name, seconds in (*found["stages"].items(), *found["functions"].items()):
        print(f"{seconds:7.2f} CPU s a million  {name}")
    if given.save and not given.jsonl:
        told_rows = {"rows": given.rows, "samples": total, "cpu_s_per_million": cost.cpu_seconds / given.rows * 1e6}
        results.save("profile", {"machine": machine, **told_rows, **found})
        page.write()


def stage_of(place: str) -> str:
    """Give the stage that *place* belongs to."""
    ours = [(stage, tuple(f"bulkzoho/{start}" for start in starts.split())) for stage, starts in STAGES]
    return next((stage for stage, starts in (*ours, *PACKAGES) if place.startswith(starts)), REST)
