"""Profile an import by sampling: CPU time by stage and by function."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import replace
from typing import Final

from benchmarks import page, results
from benchmarks.compared_clients import PRODUCT
from benchmarks.machine import describe_machine
from benchmarks.measurement import CACHE
from benchmarks.stub_server.process import StubServer

STAGES: Final = (  # stage and prefixes of module names; the first match wins
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
    """Add the options of this benchmark."""
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--jsonl", action="store_true", help="JSON Lines instead of CSV; not saved")
    parser.add_argument("--save", action="store_true", help="save the results and write them to docs/benchmarks.md")


def run(options: argparse.Namespace) -> None:
    """Sample, group and print."""
    machine, samples_file = describe_machine(), CACHE / "samples.json"
    with StubServer() as server:
        sampled_client = replace(PRODUCT, program=("benchmarks.sampled", str(samples_file)), jsonl=options.jsonl)
        cost = sampled_client.run(options.rows, server.url, server.environment)
    samples = [
        (name, count) for name, count in json.loads(samples_file.read_text(encoding="utf-8")) if not name.endswith("<module>")
    ]
    total = sum(count for _, count in samples)
    stages: Counter[str] = Counter()
    for name, count in samples:
        stages[stage_of(name)] += count
    per_sample = cost.cpu_seconds / total / options.rows * 1e6
    profile = {
        "stages": {name: count * per_sample for name, count in stages.most_common()},
        "functions": {name: count * per_sample for name, count in samples[:FUNCTIONS]},
    }
    for name, seconds in (*profile["stages"].items(), *profile["functions"].items()):
        print(f"{seconds:7.2f} CPU s per million  {name}")
    if options.save and not options.jsonl:
        run_facts = {"rows": options.rows, "samples": total, "cpu_s_per_million": cost.cpu_seconds / options.rows * 1e6}
        results.save("profile", {"machine": machine, **run_facts, **profile})
        page.write()


def stage_of(place: str) -> str:
    """Return the stage that *place* belongs to."""
    ours = [(stage, tuple(f"bulkzoho/{start}" for start in starts.split())) for stage, starts in STAGES]
    return next((stage for stage, starts in (*ours, *PACKAGES) if place.startswith(starts)), REST)
