"""A module out of the sandbox by each route: time, memory, calls and credits against the prediction, content against the store.

python benchmarks/sandbox_export.py [RECORDS]        1,000,000 by default; the list is asked for 100,000, as far as it reaches
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from benchmarks.filled_sandbox import filled_sandbox
from bulkzoho.domain.model.export import ExportRoute, OutputFormat
from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.policy.export_route import RouteRequest, choose_route

FIELDS = ("Last_Name", "Email", "Company", "Annual_Revenue", "Languages")
PROGRAM = Path(sys.executable).with_name("bulkzoho")


def main() -> None:
    """Print one line a route."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    heads = ("records", 10), ("seconds", 9), ("records/s", 11), ("peak MB", 9), ("calls", 8), ("credits", 9), ("predicted", 11)
    print("route ", *(f"{word:>{width}}" for word, width in heads), "  content", sep="")
    for count, routes in ((min(wanted, 100_000), ("list",)), (wanted, ("coql", "bulk"))):
        with tempfile.TemporaryDirectory() as folder, filled_sandbox(count, _record) as environment:
            for route in routes:
                _measure(route, count, {**environment, "BULKZOHO_HOME": f"{folder}/home"}, Path(folder) / f"{route}.csv")


def _record(number: int) -> dict[str, Any]:
    return {
        "Last_Name": f"Lead {number}",
        "Email": f"lead{number}@example.com",
        "Company": "Acme",
        "Annual_Revenue": number,
        "Languages": ["English"],
    }


def _measure(route: str, count: int, environment: dict[str, str], output: Path) -> None:
    words = [str(PROGRAM), "export", "Leads", "-o", str(output), "--fields", ",".join(FIELDS), "--route", route]
    quiet = ["--json", "--progress", "none", "--calls-per-minute", "100000", "--in-flight", "20", "--credits-per-day", "none"]
    began = time.monotonic()
    process = Popen([*words, *quiet], stdout=PIPE, env={**os.environ, **environment}, text=True)
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    assert status == 0, out
    summary = json.loads(out)
    fields = [FieldMetadata(api_name=name, label=name, data_type="text", json_type="string") for name in FIELDS]
    request = RouteRequest(wanted=ExportRoute(route), fields=fields, format=OutputFormat.CSV, expected=count)
    predicted = choose_route(request).credits
    print(
        f"{route:<6}{count:>10,}{seconds:>9.1f}{count / seconds:>11,.0f}{usage.ru_maxrss / 1024:>9.0f}"
        f"{summary['calls']['total']:>8,}{summary['credits']:>9,}{predicted:>11,}  {_compared(output, count)}",
        flush=True,
    )


def _compared(output: Path, count: int) -> str:
    """Tell whether the file holds each record once, with its values."""
    seen = bytearray(count)
    with output.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            number = int(row["Annual_Revenue"])
            if seen[number] or row["Email"] != f"lead{number}@example.com" or row["Languages"] != "English":
                return f"DIFFERS at {number}"
            seen[number] = 1
    return "equal" if all(seen) else "LACKS RECORDS"


if __name__ == "__main__":
    main()
