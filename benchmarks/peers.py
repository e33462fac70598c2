"""Other clients, in a virtual environment of their own; what is not installed there does not take part, and the page says so."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.compared_clients import Contestant
from benchmarks.measurement import CACHE, TOP

_FOLDER: Final = CACHE / "peers"
_ANY_PYTHON: Final = ("install", "--quiet", "--ignore-requires-python")
PYTHON: Final = _FOLDER / "bin" / "python"
_SDK: Final = Contestant(name="sdk", about="", module="benchmarks.clients.with_zoho_sdk", python=str(PYTHON))

PEERS: Final = (
    Contestant(
        name="httpx",
        about="httpx and orjson; no journal",
        module="benchmarks.clients.with_httpx",
        python=str(PYTHON),
        share=0.3,
        needs="httpx",
    ),
    Contestant(
        name="requests",
        about="requests and orjson, a thread for each call in flight; no journal",
        module="benchmarks.clients.with_requests",
        python=str(PYTHON),
        share=0.3,
        needs="requests",
    ),
    Contestant(
        name="zoho",
        about="the package zoho, its own calls; no journal, looks at one result a call",
        module="benchmarks.clients.with_zoho_package",
        python=str(PYTHON),
        share=0.2,
        needs="zoho",
    ),
    replace(
        _SDK,
        about="Zoho's official SDK, one call at a time",
        share=0.03,
        share_at_latency=0.06,
        in_flight=1,
        needs="zohocrmsdk8_0",
    ),
    replace(
        _SDK,
        name="sdk threads",
        about="Zoho's official SDK, a thread for each call in flight",
        share=0.03,
        share_at_latency=0.3,
        needs="zohocrmsdk8_0",
    ),
)


def installed() -> dict[str, str]:
    """Give the versions of the packages of other clients, by name; install them first if there are none."""
    if not PYTHON.exists():
        wanted = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]["bench"]
        subprocess.run([sys.executable, "-m", "venv", str(_FOLDER)], check=True)
        subprocess.run([str(PYTHON), "-m", "pip", "install", "--quiet", "orjson", *wanted], check=True)
        # it asks for Python 3.12 but runs on 3.11; without it the others are measured
        subprocess.run([str(PYTHON), "-m", "pip", *_ANY_PYTHON, "zoho[orjson]==0.1.3"], check=False, capture_output=True)
    return {name: found for name in sorted({one.needs for one in PEERS}) if (found := _version(name, PYTHON))}


def _version(package: str, python: Path) -> str:
    words = f"import importlib.metadata as m\ntry: print(m.version({package!r}))\nexcept m.PackageNotFoundError: pass"
    return subprocess.run([str(python), "-c", words], capture_output=True, text=True, check=True).stdout.strip()
