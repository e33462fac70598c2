"""Load leads as records or from a state file; print CPU seconds and peak memory as JSON.

Run as a separate process: ``python scale_load.py add COUNT [FILE]``, which saves a state file if named, and
``python scale_load.py load COUNT FILE``.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from bulkzoho.sandbox import Sandbox, SandboxSettings

SAMPLE = 50_000
REFERENCE_S = 0.05  # sample_s on the machine where the limits were set


def leads() -> Iterator[dict[str, Any]]:
    """Generate leads of twelve fields."""
    number = 0
    while True:
        yield {
            "Last_Name": f"Lead{number}",
            "First_Name": "Ada",
            "Company": "Company of some name",
            "Email": f"lead{number}@example.com",
            "Phone": f"+46 8 {number:07}",
            "City": "Stockholm",
            "Country": "Sweden",
            "Lead_Source": "Web",
            "Annual_Revenue": number * 1.5,
            "No_of_Employees": 12,
            "External_Id": f"x{number:08}",
            "Description": "A few words of a description, as people write them",
        }
        number += 1


def sample_s() -> float:
    """Return the CPU seconds for generating a sample; they show how fast and busy the machine is."""
    started = time.process_time()
    for _ in islice(leads(), SAMPLE):
        pass
    return time.process_time() - started


async def main() -> None:
    """Load leads and print the measurements."""
    way, count, *path = sys.argv[1], int(sys.argv[2]), *sys.argv[3:]
    before_s = sample_s()
    started = time.process_time()
    if way == "add":
        sandbox = Sandbox(SandboxSettings())
        sandbox.add("Leads", islice(leads(), count))
        seconds = time.process_time() - started - before_s * count / SAMPLE  # generating leads is not part of the measurement
        if path:
            sandbox.save(path[0])
    else:
        sandbox = Sandbox(SandboxSettings(state_file=path[0]))
        seconds = time.process_time() - started
    slower = max(1.0, (before_s + sample_s()) / 2 / REFERENCE_S)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    figures = {"seconds": seconds, "slower": slower, "peak_mb": peak_mb, "count": sandbox.count("Leads")}
    print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main())
