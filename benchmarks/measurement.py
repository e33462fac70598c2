"""Run a command as a process and measure seconds, CPU seconds and peak memory with the kernel's counters."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TOP = Path(__file__).resolve().parents[1]
_LAUNCH: Final = TOP / "benchmarks" / "launch.py"
CACHE = TOP / ".bench"  #: input files, state folders, other clients' packages; ignored by git


class BenchmarkError(Exception):
    """A measured process failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of a process from start to exit."""

    seconds: float
    cpu_seconds: float  #: user and system
    peak_mb: float  #: peak resident memory in MiB
    out: str = ""
    err: str = ""


def run_measured(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, cwd: Path = TOP, accept: Sequence[int] = (0,)
) -> Cost:
    """Run a command and return its cost.

    Raises:
        BenchmarkError: The exit status is not one of *accept*.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.NamedTemporaryFile("r") as result_file:
        variables = {name: value for name, value in os.environ.items() if not name.startswith("BULKZOHO_")}
        launch_command = [sys.executable, "-I", "-S", str(_LAUNCH), result_file.name, *command]
        completed = subprocess.run(
            launch_command, env={**variables, **(environment or {})}, cwd=cwd, stdout=out, stderr=err, check=False
        )
        outputs = []
        for file in (out, err):
            file.seek(0)
            outputs.append(file.read().decode(errors="replace"))
        if completed.returncode not in accept:
            raise BenchmarkError(f"{' '.join(command)} ended with {completed.returncode}:\n{outputs[0]}\n{outputs[1]}")
        seconds, cpu_seconds, peak = map(float, result_file.read().split())
    return Cost(
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak_mb=peak / (1 << (20 if sys.platform == "darwin" else 10)),
        out=outputs[0],
        err=outputs[1],
    )
