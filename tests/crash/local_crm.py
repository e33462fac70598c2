"""A sandbox inside the test's own event loop, and a clock that can make records old."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bulkzoho.sandbox import Sandbox, SystemClock

from .workloads import Record

__all__ = ["AgedClock", "LocalCrm"]


class AgedClock(SystemClock):
    """The system's clock, set back by :attr:`ago_s` while records are made that shall have been there before."""

    def __init__(self) -> None:
        super().__init__()
        self.ago_s = 0.0

    def wall(self) -> float:
        """Give the seconds since the epoch."""
        return super().wall() - self.ago_s


class LocalCrm:
    """What an attack needs of a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def add(self, crm_module: str, records: Iterable[Record]) -> list[str]:
        """Put records in without a call; give their ids."""
        return self._sandbox.add(crm_module, records)

    def records(self, crm_module: str = "Leads") -> list[dict[str, Any]]:
        """Give all records of a module."""
        return list(self._sandbox.records(crm_module))
