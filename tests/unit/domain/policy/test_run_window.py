"""Hours in which a run may make calls."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from bulkzoho.domain.model.settings import RunWindow
from bulkzoho.domain.policy.run_window import closes_at, opens_at

NIGHT = RunWindow(start=time(22), end=time(6))
NOON = RunWindow(start=time(12), end=time(13, 30))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "now", "closes"),
    [
        (NIGHT, at(24, 23), at(25, 6)),
        (NIGHT, at(24, 5, 59), at(24, 6)),
        (NIGHT, at(24, 6), None),
        (NIGHT, at(24, 12), None),
        (NOON, at(24, 12), at(24, 13, 30)),
        (NOON, at(24, 13, 30), None),
    ],
)
def test_closing_time_of_a_window(window: RunWindow, now: datetime, closes: datetime | None) -> None:
    """A window may span midnight."""
    assert closes_at(window, now) == closes


@pytest.mark.parametrize(
    ("window", "now", "opens"),
    [(NIGHT, at(24, 12), at(24, 22)), (NIGHT, at(24, 23), at(24, 23)), (NOON, at(24, 14), at(25, 12))],
)
def test_next_opening_of_a_window(window: RunWindow, now: datetime, opens: datetime) -> None:
    """An open window opens now."""
    assert opens_at(window, now) == opens
