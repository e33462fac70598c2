"""Describe the machine of a measurement: processor, system, versions, revision and load."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks.measurement import TOP

PACKAGES: Final = ("aiohttp", "orjson", "aiolimiter", "click")


def describe_machine(at: str | None = None) -> dict[str, Any]:
    """Return the facts needed to compare figures; *at* is the measured revision, by default the working tree."""
    changed = " and changes" if not at and _git("status", "--porcelain", "bulkzoho") else ""
    return {
        "taken": datetime.now(UTC).isoformat(timespec="minutes"),
        "revision": _git("rev-parse", "--short", at or "HEAD") + changed,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=TOP, capture_output=True, text=True, check=False).stdout.strip()
