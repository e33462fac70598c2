"""Arrival times of calls at a sandbox, by its own clock."""

from __future__ import annotations

from collections.abc import Sequence

from .harness import SandboxProcess

__all__ = ["arrivals_at", "most_in"]

DAY_S = 86_400.0


def arrivals_at(sandbox: SandboxProcess, *, writes_only: bool = False) -> list[float]:
    """Return the times of all calls that count against the quota, which token requests do not."""
    calls = sandbox.writes() if writes_only else sandbox.calls()
    return [float(call["arrived_s"]) for call in calls if call["operation"] != "token"]


def most_in(seconds: float, times: Sequence[float]) -> int:
    """Return the largest number of *times* in any window of that many seconds."""
    first = most = 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
