"""Cost of each export route: calls and credits counted by the sandbox, compared with the prediction.

python -m benchmarks.cost [RECORDS ...]        1,000 10,000 100,000 1,000,000 by default
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import urllib.request
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from benchmarks.filled_sandbox import filled_sandbox
from bulkzoho.domain.model.export import ExportRoute, OutputFormat
from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.policy.export_route import PARTITION_RECORDS, RouteRequest, choose_route, records_beyond_page_tokens

FIELDS = ("Last_Name", "Email", "Company", "Annual_Revenue", "City")
PROGRAM = Path(sys.executable).with_name("bulkzoho")
CONNECT_CALLS = 4  # calls of one credit each: organization, user, modules, fields
COUNT_QUERIES = 2  # queries of one credit each: record counts before and after
BOUNDARY_QUERIES = 2  # queries of one credit each: first and last id of a partitioned export
FAST = ("--calls-per-minute", "100000", "--in-flight", "20", "--credits-per-day", "none")


def main() -> None:
    """Print a Markdown table."""
    counts = [int(word) for word in sys.argv[1:]] or [1_000, 10_000, 100_000, 1_000_000]
    print("| records | route | calls | credits | predicted | job polls | seconds | content |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for count in counts:
        with filled_sandbox(count, _record) as environment:
            for route in ("list", "coql", "bulk"):
                _measure(route, count, environment)


def _measure(route: str, count: int, environment: dict[str, str]) -> None:
    before = len(_calls(environment))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "leads.csv"
        arguments = ["export", "Leads", "-o", str(output), "--fields", ",".join(FIELDS), "--route", route, "--json", *FAST]
        variables = {**os.environ, **environment, "BULKZOHO_HOME": f"{folder}/home"}
        process = Popen([PROGRAM, *arguments, "--progress", "none"], stdout=PIPE, env=variables, text=True)
        out, _ = process.communicate()
        assert process.returncode == 0, out
        content = _check_content(output, count)
    calls = [call for call in _calls(environment)[before:] if call["operation"] != "token"]
    polls = sum(call["operation"] in ("bulk_read_status", "bulk_read_result") for call in calls)
    credits_ = sum(call["credits"] for call in calls)
    seconds = json.loads(out)["seconds"]
    print(
        f"| {count:,} | {route} | {len(calls):,} | {credits_:,} | {_predicted_credits(route, count):,} | {polls or ''} "
        f"| {seconds:.0f} | {content} |",
        flush=True,
    )


def _predicted_credits(route: str, count: int) -> int:
    """Return the predicted credits: reading at bulkzoho's own prices, plus the calls around it."""
    fields = [FieldMetadata(api_name=name, label=name, data_type="text", json_type="string") for name in FIELDS]
    request = RouteRequest(wanted=ExportRoute(route), fields=fields, format=OutputFormat.CSV, expected=count)
    reading = choose_route(request).credits
    by_ids = {"list": records_beyond_page_tokens(count), "coql": max(0, count - PARTITION_RECORDS)}.get(route)
    return reading + CONNECT_CALLS + COUNT_QUERIES + (BOUNDARY_QUERIES if by_ids else 0)


def _check_content(output: Path, count: int) -> str:
    """Return whether the file has each record once."""
    seen = bytearray(count)
    with output.open(encoding="utf-8") as file:
        next(file)
        for line in file:
            seen[int(line.split(",")[4])] += 1
    return "equal" if set(seen) == {1} else "DIFFERS"


def _record(number: int) -> dict[str, Any]:
    return {
        "Last_Name": f"Lead {number}",
        "Email": f"lead{number}@example.com",
        "Company": "Acme",
        "Annual_Revenue": number,
        "City": "Oslo",
    }


def _calls(environment: dict[str, str]) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{environment['BULKZOHO_API_URL']}/__sandbox/calls?since=0", timeout=600) as answer:
        return [json.loads(line) for line in answer]


if __name__ == "__main__":
    main()
