"""Run the stub server as a process within a context."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Self

TOP = Path(__file__).resolve().parents[2]


class StubServer:
    """The stub server process; ``environment`` points a client at it."""

    def __init__(self, *, latency_s: float = 0.0, records: int = 0) -> None:
        """Respond after *latency_s* seconds; provide *records* records for reads."""
        self.latency_s = latency_s
        arguments = ["--latency", str(latency_s), "--records", str(records)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stub_server", *arguments], cwd=TOP, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), "the stub server did not start"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for bulkzoho."""
        hosts = {f"BULKZOHO_{name}_URL": self.url for name in ("ACCOUNTS", "API", "UPLOAD")}
        secrets = {
            "BULKZOHO_CLIENT_ID": "1000.BENCH",
            "BULKZOHO_CLIENT_SECRET": "bench",
            "BULKZOHO_REFRESH_TOKEN": "1000.bench.r",
        }
        return {**hosts, **secrets}

    def cpu_seconds(self) -> float:
        """Return the CPU seconds that the server has used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
