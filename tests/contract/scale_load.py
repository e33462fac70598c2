"""Load a million leads, by records or from a state file; print seconds of CPU and the peak of memory as JSON.

Run in a process of its own: ``python scale_load.py add|load FILE``.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

from bulkzoho.sandbox import Sandbox, SandboxSettings

COUNT = 1_000_000


def leads() -> Iterator[dict[str, Any]]:
    """Give leads of twelve fields."""
    for number in range(COUNT):
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


async def main() -> None:
    """Load and tell."""
    way, path = sys.argv[1:]
    started = time.process_time()
    for _ in leads() if way == "add" else ():  # making them is not the sandbox's work
        pass
    made_s = time.process_time() - started
    started = time.process_time()
    if way == "add":
        sandbox = Sandbox(SandboxSettings())
        sandbox.add("Leads", leads())
        seconds = time.process_time() - started - made_s
        sandbox.save(path)
    else:
        sandbox = Sandbox(SandboxSettings(state_file=path))
        seconds = time.process_time() - started
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "peak_mb": peak_kib * 1024 / 1e6, "count": sandbox.count("Leads")}))


asyncio.run(main())
