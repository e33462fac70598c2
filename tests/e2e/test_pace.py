"""The quota of calls a minute: used, never passed."""

from __future__ import annotations

import pytest

from .harness import SOAK, Program, SandboxMaker

A_MINUTE = 60
AT_LEAST = 57  # 95 %
FULL_MINUTES = 2 if SOAK else 1
WORK_S = 60 * FULL_MINUTES + 35  # full minutes, and a part of the next


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_sixty_calls_a_minute_are_used_and_never_passed(new_sandbox: SandboxMaker, bulkzoho: Program) -> None:
    strict = new_sandbox("--calls-per-minute", str(A_MINUTE), "--latency", "0.02", "--jitter", "0.02")
    bulkzoho.leads("leads.csv", 40_000)

    # bulkzoho import leads.csv --module Leads --calls-per-minute 60 --max-duration 95s
    words = (
        "import",
        "leads.csv",
        "--module",
        "Leads",
        "--calls-per-minute",
        str(A_MINUTE),
        "--max-duration",
        f"{WORK_S}s",
        "--json",
    )
    summary = bulkzoho.run(*words, timeout_s=300, environment=strict.environment).expect(10).summary

    arrivals = strict.state()["arrivals"]
    assert arrivals["most_in_60_s"] <= A_MINUTE
    assert len(arrivals["by_full_minute"]) >= FULL_MINUTES
    assert min(arrivals["by_full_minute"]) >= AT_LEAST
    assert summary["calls"]["throttled"] == 0
    assert summary["quota"]["calls_per_minute"] == A_MINUTE
    assert summary["rows"]["accepted"] == strict.count()
