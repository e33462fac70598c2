"""Export a module from the sandbox by each route; compare time, memory, calls and credits with the prediction, and the content.

python -m benchmarks.sandbox_export [RECORDS]        1,000,000 by default; the list route exports 100,000, its maximum
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
    """Print one line per route."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    headings = ("records", 10), ("seconds", 9), ("records/s", 11), ("peak MB", 9), ("calls", 8), ("credits", 9), ("predicted", 11)
    print("route ", *(f"{word:>{width}}" for word, width in headings), "  content", sep="")
    for count, routes in ((min(records, 100_000), ("list",)), (records, ("coql", "bulk"))):
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
    arguments = [str(PROGRAM), "export", "Leads", "-o", str(output), "--fields", ",".join(FIELDS), "--route", route]
    options = ["--json", "--progress", "none", "--calls-per-minute", "100000", "--in-flight", "20", "--credits-per-day", "none"]
    started = time.monotonic()
    process = Popen([*arguments, *options], stdout=PIPE, env={**os.environ, **environment}, text=True)
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    assert status == 0, out
    summary = json.loads(out)
    fields = [FieldMetadata(api_name=name, label=name, data_type="text", json_type="string") for name in FIELDS]
    request = RouteRequest(wanted=ExportRoute(route), fields=fields, format=OutputFormat.CSV, expected=count)
    predicted = choose_route(request).credits
    print(
        f"{route:<6}{count:>10,}{seconds:>9.1f}{count / seconds:>11,.0f}{usage.ru_maxrss / 1024:>9.0f}"
        f"{summary['calls']['total']:>8,}{summary['credits']:>9,}{predicted:>11,}  {_check_content(output, count)}",
        flush=True,
    )


def _check_content(output: Path, count: int) -> str:
    """Return whether the file has each record once, with its values."""
    seen = bytearray(count)
    with output.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            number = int(row["Annual_Revenue"])
            if seen[number] or row["Email"] != f"lead{number}@example.com" or row["Languages"] != "English":
                return f"DIFFERS at {number}"
            seen[number] = 1
    return "equal" if all(seen) else "RECORDS MISSING"


if __name__ == "__main__":
    main()
