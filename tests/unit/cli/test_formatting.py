"""Numbers and states in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from bulkzoho.cli.formatting import duration, format_count, format_rate, pluralize, state_words, waiting_words
from bulkzoho.cli.rate_estimator import RateEstimator
from bulkzoho.domain.model.progress import ProgressSnapshot, QuotaStatus

QuotaMaker = Callable[..., QuotaStatus]
SnapshotMaker = Callable[..., ProgressSnapshot]


@pytest.mark.parametrize(
    ("seconds", "words"),
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
def test_durations_are_said_as_a_person_says_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_numbers_have_their_thousands_apart_and_their_noun() -> None:
    assert (
        format_count(1234567),
        pluralize(1, "dead letter"),
        pluralize(2, "dead letter"),
        pluralize(0, "entry", "entries"),
    ) == (
        "1,234,567",
        "1 dead letter",
        "2 dead letters",
        "0 entries",
    )
    assert (format_rate(3.14159), format_rate(1234.5)) == ("3.1 records/s", "1,234 records/s")


def test_the_state_leaves_out_what_is_zero(snapshot: SnapshotMaker) -> None:
    words = state_words(snapshot(1.0, accepted=900, read=1_000, bytes_read=500), records_per_second=900.0, left_s=None)

    assert words == "900 of 1,000 rows settled, 900 records/s, 480/500 calls a minute, 2 throttled"


def test_the_state_tells_letters_and_time_left(snapshot: SnapshotMaker) -> None:
    words = state_words(
        snapshot(1.0, accepted=900, letters=10, read=1_000, bytes_read=500), records_per_second=900.0, left_s=75.0
    )

    assert "10 dead letters" in words
    assert "about 1 min 15 s left" in words


def test_a_wait_is_told_with_its_end(quota: QuotaMaker) -> None:
    until = time.mktime((2026, 11, 24, 14, 5, 0, 0, 0, -1))

    assert waiting_words(None) == waiting_words(quota()) == ""
    assert waiting_words(quota(waiting_for="the minute's quota")) == "waiting for the minute's quota"
    assert waiting_words(quota(waiting_for="the minute's quota", waiting_until=until)).startswith(
        "waiting for the minute's quota until 14:05:00"
    )


def test_the_meter_tells_pace_share_and_time_left(snapshot: SnapshotMaker) -> None:
    meter = RateEstimator()
    meter.feed(snapshot(0.0, accepted=0, read=100, bytes_read=100))
    meter.feed(snapshot(10.0, accepted=200, read=250, bytes_read=250))

    assert meter.records_per_second == 20.0
    assert meter.share_done == pytest.approx(0.2)
    assert meter.left_s == pytest.approx(40.0)


def test_the_meter_forgets_what_is_long_past(snapshot: SnapshotMaker) -> None:
    meter = RateEstimator()
    for second in range(200):
        meter.feed(snapshot(float(second), accepted=min(second, 100) * 10, read=2_000, bytes_read=999))

    assert meter.records_per_second == 0.0
    assert meter.left_s is None


def test_the_meter_knows_no_end_of_standard_input(snapshot: SnapshotMaker) -> None:
    meter = RateEstimator()
    meter.feed(snapshot(0.0, accepted=0, read=100, bytes_read=100, total=None))
    meter.feed(snapshot(10.0, accepted=90, read=100, bytes_read=100, total=None))

    assert meter.left_s is None
    assert meter.records_per_second == 9.0


def test_an_export_counts_records_read_of_those_that_were_counted(snapshot: SnapshotMaker) -> None:
    running = snapshot(2.0, accepted=4_000, read=4_000, bytes_read=0, total=None)

    known, unknown, more = (
        state_words(replace(running, expected=expected), records_per_second=2_000.0, left_s=3.0)
        for expected in (10_000, 0, 3_999)
    )

    assert known.startswith("4,000 of 10,000 records read, 2,000 records/s")
    assert unknown.startswith("4,000 records read, ")
    assert more.startswith("4,000 of 4,000 records read, ")
    assert replace(running, expected=10_000).share_read == 0.4
    assert replace(running, expected=0).share_read is None
