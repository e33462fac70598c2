"""A sandbox in the test's event loop, and a clock that can backdate records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bulkzoho.sandbox import Sandbox, SystemClock

from .workloads import Record

__all__ = ["BackdatedClock", "LocalCrm"]


class BackdatedClock(SystemClock):
    """The system clock, set back by :attr:`backdate_s` while existing records are created."""

    def __init__(self) -> None:
        super().__init__()
        self.backdate_s = 0.0

    def wall(self) -> float:
        """Return the seconds since 1970."""
        return super().wall() - self.backdate_s


class LocalCrm:
    """Interface of a workload to a sandbox in this process."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def add(self, crm_module: str, records: Iterable[Record]) -> list[str]:
        """Insert records without an API call and return their ids."""
        return self._sandbox.add(crm_module, records)

    def records(self, crm_module: str = "Leads") -> list[dict[str, Any]]:
        """Return all records of a module."""
        return list(self._sandbox.records(crm_module))
