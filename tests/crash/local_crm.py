"""A sandbox inside the test's own event loop, and a clock that can make records old."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bulkzoho.sandbox import Sandbox, SystemClock

from .workloads import Record

__all__ = ["AgedClock", "LocalCrm"]


class AgedClock(SystemClock):
    """The system's clock, set back by :attr:`ago_s` while older records are created."""

    def __init__(self) -> None:
        super().__init__()
        self.ago_s = 0.0

    def wall(self) -> float:
        """Return the seconds since the epoch."""
        return super().wall() - self.ago_s


class LocalCrm:
    """The part of a sandbox that a crash test uses."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def add(self, crm_module: str, records: Iterable[Record]) -> list[str]:
        """Add records without a call; return their ids."""
        return self._sandbox.add(crm_module, records)

    def records(self, crm_module: str = "Leads") -> list[dict[str, Any]]:
        """Return all records of a module."""
        return list(self._sandbox.records(crm_module))
