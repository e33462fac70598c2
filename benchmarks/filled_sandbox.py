"""Start a sandbox filled with leads."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import Any

CHUNK = 20_000  # leads per control call


@contextmanager
def filled_sandbox(count: int, lead: Callable[[int], dict[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield the environment of a sandbox with *count* leads, generated from their numbers, from 0."""
    command = [sys.executable, "-m", "bulkzoho.sandbox", "--port", "0", "--edition", "ultimate", "--licences", "10000"]
    process = Popen(command, stdout=PIPE, text=True)
    assert process.stdout is not None
    environment: dict[str, str] = {}
    while "BULKZOHO_UPLOAD_URL" not in environment:
        name, _, value = process.stdout.readline().removeprefix("export ").strip().partition("=")
        environment[name] = value
    try:
        _fill(environment["BULKZOHO_API_URL"], count, lead)
        yield {name: value for name, value in environment.items() if name.startswith("BULKZOHO_")}
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _fill(url: str, count: int, lead: Callable[[int], dict[str, Any]]) -> None:
    for start in range(0, count, CHUNK):
        lines = (json.dumps(lead(number)) for number in range(start, min(start + CHUNK, count)))
        request = urllib.request.Request(f"{url}/__sandbox/records/Leads", data="\n".join(lines).encode())
        urllib.request.urlopen(request, timeout=600).read()
