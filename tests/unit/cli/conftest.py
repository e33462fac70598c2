"""Snapshots of runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bulkzoho.domain.model.progress import CallCounts, ProgressSnapshot, QuotaStatus
from bulkzoho.domain.model.results import RowCounts


@pytest.fixture(name="quota")
def fixture_quota() -> Callable[..., QuotaStatus]:
    """Return a function that makes the state of a quota."""
    return quota


@pytest.fixture(name="snapshot")
def fixture_snapshot() -> Callable[..., ProgressSnapshot]:
    """Return a function that makes a snapshot."""
    return snapshot


def quota(*, waiting_for: str | None = None, waiting_until: float | None = None) -> QuotaStatus:
    return QuotaStatus(
        plan="enterprise",
        calls_per_minute=500,
        calls_last_minute=480,
        calls_per_day=500_000,
        calls_last_day=1_000,
        calls_in_flight=5,
        calls_in_flight_limit=20,
        credits_per_day=None,
        credits_last_day=0,
        used_share=0.99,
        bound="calls a minute",
        waiting_for=waiting_for,
        waiting_until=waiting_until,
    )


def snapshot(
    seconds: float, *, accepted: int, rejected: int = 0, read: int, bytes_read: int, total: int | None = 1_000
) -> ProgressSnapshot:
    return ProgressSnapshot(
        run="r",
        crm_module="Leads",
        tally=RowCounts(read=read, created=accepted, dead_lettered=rejected),
        calls=CallCounts(total=10, throttled=2),
        quota=quota(),
        seconds=seconds,
        bytes_read=bytes_read,
        bytes_total=total,
        phase="sending",
    )
