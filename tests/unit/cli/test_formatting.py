"""Numbers and states as text."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from bulkzoho.cli.formatting import (
    format_count,
    format_duration,
    format_limit,
    format_progress,
    format_rate,
    format_wait,
    pluralize,
)
from bulkzoho.cli.rate_estimator import RateEstimator
from bulkzoho.domain.model.progress import ProgressSnapshot, QuotaStatus
from bulkzoho.domain.policy.rate_limits import LimitKind

QuotaMaker = Callable[..., QuotaStatus]
SnapshotMaker = Callable[..., ProgressSnapshot]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1.0, "0.0 s"),
        (0.04, "0.0 s"),
        (7.123, "7.1 s"),
        (59.4, "59 s"),
        (59.9, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7_800, "2 h 10 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_numbers_have_thousands_separators_and_a_noun() -> None:
    assert (
        format_count(1234567),
        pluralize(1, "rejected row"),
        pluralize(2, "rejected row"),
        pluralize(0, "entry", "entries"),
    ) == (
        "1,234,567",
        "1 rejected row",
        "2 rejected rows",
        "0 entries",
    )
    assert (format_rate(3.14159), format_rate(1234.5)) == ("3.1 records/s", "1,234 records/s")


def test_the_state_leaves_out_zeros(snapshot: SnapshotMaker) -> None:
    words = format_progress(snapshot(1.0, accepted=900, read=1_000, bytes_read=500), records_per_second=900.0, left_s=None)

    assert words == "900 of 1,000 rows done, 900 records/s, 480/500 calls per minute, 2 rate-limited"


def test_the_state_has_rejected_rows_and_time_left(snapshot: SnapshotMaker) -> None:
    words = format_progress(
        snapshot(1.0, accepted=900, rejected=10, read=1_000, bytes_read=500), records_per_second=900.0, left_s=75.0
    )

    assert "10 rejected" in words
    assert "about 1 min 15 s left" in words


def test_a_wait_has_its_end_and_its_limit(quota: QuotaMaker) -> None:
    until = time.mktime((2026, 11, 24, 14, 5, 0, 0, 0, -1))

    assert format_wait(None) == format_wait(quota()) == ""
    assert format_wait(quota(waiting_for="calls a minute")) == "waiting (limit: API calls per minute)"
    wait = format_wait(quota(waiting_for="calls a day", waiting_until=until))
    assert wait.startswith("waiting until 14:05:00 ")
    assert wait.endswith(" (limit: API calls per day)")


def test_every_limit_has_a_name_for_a_person() -> None:
    limits = set(LimitKind) - {LimitKind.PAUSE, LimitKind.LEDGER}  # no limits, and readable

    assert {limit for limit in limits if format_limit(limit.value) == limit.value} == set()


def test_the_estimator_returns_rate_share_and_time_left(snapshot: SnapshotMaker) -> None:
    estimator = RateEstimator()
    estimator.feed(snapshot(0.0, accepted=0, read=100, bytes_read=100))
    estimator.feed(snapshot(10.0, accepted=200, read=250, bytes_read=250))

    assert estimator.records_per_second == 20.0
    assert estimator.share_done == pytest.approx(0.2)
    assert estimator.left_s == pytest.approx(40.0)


def test_the_estimator_forgets_old_snapshots(snapshot: SnapshotMaker) -> None:
    estimator = RateEstimator()
    for second in range(200):
        estimator.feed(snapshot(float(second), accepted=min(second, 100) * 10, read=2_000, bytes_read=999))

    assert estimator.records_per_second == 0.0
    assert estimator.left_s is None


def test_the_estimator_has_no_time_left_for_standard_input(snapshot: SnapshotMaker) -> None:
    estimator = RateEstimator()
    estimator.feed(snapshot(0.0, accepted=0, read=100, bytes_read=100, total=None))
    estimator.feed(snapshot(10.0, accepted=90, read=100, bytes_read=100, total=None))

    assert estimator.left_s is None
    assert estimator.records_per_second == 9.0


def test_an_export_shows_records_read_of_the_expected_ones(snapshot: SnapshotMaker) -> None:
    running = snapshot(2.0, accepted=4_000, read=4_000, bytes_read=0, total=None)

    known, unknown, more = (
        format_progress(replace(running, expected=expected), records_per_second=2_000.0, left_s=3.0)
        for expected in (10_000, 0, 3_999)
    )

    assert known.startswith("4,000 of 10,000 records read, 2,000 records/s")
    assert unknown.startswith("4,000 records read, ")
    assert more.startswith("4,000 of 4,000 records read, ")
    assert replace(running, expected=10_000).share_read == 0.4
    assert replace(running, expected=0).share_read is None
