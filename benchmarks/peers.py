"""Other clients, installed into a separate virtual environment; missing packages are skipped and marked on the page."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.compared_clients import ClientSpec
from benchmarks.measurement import CACHE, TOP

_FOLDER: Final = CACHE / "peers"
_IGNORE_PYTHON_VERSION: Final = ("install", "--quiet", "--ignore-requires-python")
PYTHON: Final = _FOLDER / "bin" / "python"
_SDK: Final = ClientSpec(name="sdk", about="", module="benchmarks.clients.with_zoho_sdk", python=str(PYTHON))

PEERS: Final = (
    ClientSpec(
        name="httpx",
        about="httpx and orjson; no journal",
        module="benchmarks.clients.with_httpx",
        python=str(PYTHON),
        share=0.3,
        needs="httpx",
    ),
    ClientSpec(
        name="requests",
        about="requests and orjson, a thread per concurrent call; no journal",
        module="benchmarks.clients.with_requests",
        python=str(PYTHON),
        share=0.3,
        needs="requests",
    ),
    ClientSpec(
        name="zoho",
        about="the package zoho, its own calls; no journal, checks one result per call",
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
        about="Zoho's official SDK, a thread per concurrent call",
        share=0.03,
        share_at_latency=0.3,
        needs="zohocrmsdk8_0",
    ),
)


def installed() -> dict[str, str]:
    """Return the package versions of the other clients; install the packages first if necessary."""
    if not PYTHON.exists():
        requirements = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"][
            "bench"
        ]
        subprocess.run([sys.executable, "-m", "venv", str(_FOLDER)], check=True)
        subprocess.run([str(PYTHON), "-m", "pip", "install", "--quiet", "orjson", *requirements], check=True)
        # requires Python 3.12 but runs on 3.11; optional
        subprocess.run(
            [str(PYTHON), "-m", "pip", *_IGNORE_PYTHON_VERSION, "zoho[orjson]==0.1.3"], check=False, capture_output=True
        )
    return {name: version for name in sorted({client.needs for client in PEERS}) if (version := _version(name, PYTHON))}


def _version(package: str, python: Path) -> str:
    script = f"import importlib.metadata as m\ntry: print(m.version({package!r}))\nexcept m.PackageNotFoundError: pass"
    return subprocess.run([str(python), "-c", script], capture_output=True, text=True, check=True).stdout.strip()
