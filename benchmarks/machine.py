"""Where figures were taken: processor, system, versions, revision, and how busy the machine was with other things."""

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


def described(at: str | None = None) -> dict[str, Any]:
    """Give what a reader needs to compare figures with his own; *at* is the revision that is measured, if not what lies here."""
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
