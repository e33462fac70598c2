"""One command run to its end as a process of its own: seconds, processor seconds and peak memory, by the kernel's own count."""

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
CACHE = TOP / ".bench"  #: files, homes, other clients' packages; git does not see it


class BenchmarkError(Exception):
    """A process under measurement did not do its work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process took, from its start to its end."""

    seconds: float
    cpu_seconds: float  #: user and system
    peak_mb: float  #: resident memory at its highest, MiB
    out: str = ""
    err: str = ""


def measured(
    words: Sequence[str], *, environment: Mapping[str, str] | None = None, cwd: Path = TOP, accept: Sequence[int] = (0,)
) -> Cost:
    """Run *words* and wait for it.

    Raises:
        BenchmarkError: It ended with another status than one of *accept*.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.NamedTemporaryFile("r") as told:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BULKZOHO_")}
        launched = [sys.executable, "-I", "-S", str(_LAUNCH), told.name, *words]
        ended = subprocess.run(launched, env={**kept, **(environment or {})}, cwd=cwd, stdout=out, stderr=err, check=False)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
        if ended.returncode not in accept:
            raise BenchmarkError(f"{' '.join(words)} ended with {ended.returncode}:\n{texts[0]}\n{texts[1]}")
        seconds, cpu_seconds, peak = map(float, told.read().split())
    return Cost(
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak_mb=peak / (1 << (20 if sys.platform == "darwin" else 10)),
        out=texts[0],
        err=texts[1],
    )
