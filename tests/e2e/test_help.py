"""``bulkzoho --help`` is fast."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from bulkzoho.cli.program import COMMANDS

from .harness import PROGRAM

OUTSIDE = ("aiohttp", "asyncio", "rich", "aiolimiter", "orjson", "sqlite3", "tempfile", "dataclasses")
OURS = ("bulkzoho.app.start_import", "bulkzoho.domain", "bulkzoho.domain.model", "bulkzoho.sandbox")
HEAVY = (*OUTSIDE, *OURS)
MAX_S = 0.25


def test_help_is_fast_and_loads_no_heavy_module() -> None:
    # bulkzoho --help
    times = []
    shown = ""
    for _ in range(5):
        started = time.perf_counter()
        shown = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
        times.append(time.perf_counter() - started)

    script = "import sys; from bulkzoho.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr.split()

    assert shown.startswith("Usage: bulkzoho")
    assert min(times) < MAX_S
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_examples_before_its_options(command: str) -> None:
    # bulkzoho <command> --help
    shown = subprocess.run([PROGRAM, command, "--help"], capture_output=True, text=True, check=True).stdout

    assert shown.index(f"    bulkzoho {command}") < shown.index("--help  ")


def test_help_lists_only_existing_commands() -> None:
    # bulkzoho --help
    shown = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    listed = [line.split()[0] for line in shown.split("Commands:")[1].splitlines() if line.startswith("  ")][: len(COMMANDS)]

    assert listed == list(COMMANDS)
    assert "--route" not in subprocess.run([PROGRAM, "import", "--help"], capture_output=True, text=True, check=True).stdout


def test_the_version_is_shown() -> None:
    # bulkzoho --version
    shown = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout

    assert shown == "bulkzoho 0.1.0\n"
