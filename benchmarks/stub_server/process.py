"""The stand-in as a process of its own, for as long as a context lasts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Self

TOP = Path(__file__).resolve().parents[2]


class Standin:
    """Runs while the context lasts; ``environment`` is what a client needs to find it."""

    def __init__(self, *, latency_s: float = 0.0, records: int = 0) -> None:
        """Answer after *latency_s* seconds; hold *records* records for who reads them."""
        self.latency_s = latency_s
        words = ["--latency", str(latency_s), "--records", str(records)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stub_server", *words], cwd=TOP, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), "the stand-in did not start"

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the product."""
        hosts = {f"BULKZOHO_{name}_URL": self.url for name in ("ACCOUNTS", "API", "UPLOAD")}
        secrets = {
            "BULKZOHO_CLIENT_ID": "1000.BENCH",
            "BULKZOHO_CLIENT_SECRET": "bench",
            "BULKZOHO_REFRESH_TOKEN": "1000.bench.r",
        }
        return {**hosts, **secrets}

    def cpu_seconds(self) -> float:
        """Give the processor time that the server has used so far, in seconds."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
