"""View of a ledger: the figures of an active process, without any change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bulkzoho.domain.model.quota import CapacityReturn
from bulkzoho.domain.policy.rate_limits import DAY_S, MINUTE_S
from bulkzoho.errors import JournalError
from bulkzoho.ratelimit.allocation import LEASE_S, UsageReport
from bulkzoho.ratelimit.ledger_queries import ClockReading, free_from_tenths
from bulkzoho.ratelimit.sqlite_ledger import Ledger
from bulkzoho.ratelimit.usage_view import LedgerView
from bulkzoho.testing.limiter_simulation import limits

START = 1_800_000_000.0  # a full minute, and a full hour
OURS = limits(minute=600, day=10_000, credits_per_day=50_000, in_flight=20)


def at(seconds: float, *, set_by: float = 0.0) -> ClockReading:
    return ClockReading(wall=START + seconds + set_by, monotonic=1_000.0 + seconds, boot="boot")


@pytest.fixture(name="path")
def fixture_path(tmp_path: Path) -> Path:
    return tmp_path / "quota" / "org.db"


@contextmanager
def opened(path: Path, run: str) -> Iterator[Ledger]:
    ledger = Ledger.open(path, org="org", process_id=run, run=run)
    try:
        yield ledger
    finally:
        ledger.close()


def use(path: Path, run: str, calls: int, *, at_s: float, credits_: int = 0, leave: bool = True) -> None:
    """Record *calls* of *run* that all ended at *at_s*."""
    wall = START + at_s
    with opened(path, run) as ledger:
        spent = {int(wall // 60): (calls, credits_ or calls)}
        ledger.exchange(UsageReport(in_flight=0, unused=0, cooling={free_from_tenths(wall): calls}, spent=spent), OURS, at(at_s))
        if leave:
            ledger.leave(UsageReport(in_flight=0, unused=0), at(at_s))


def test_a_missing_ledger_is_empty_and_is_not_created(path: Path) -> None:
    with LedgerView.open(path, org="org", reading=at(0)) as view:
        windows, runs, in_use = view.windows(OURS), view.runs(), view.limits_in_use()

    assert [(window.used, window.held) for window in windows] == [(0, 0)] * 5
    assert [window.left for window in windows] == [600, 10_000, 50_000, 20, 10]
    assert (runs, in_use) == ((), None)
    assert not path.exists()


def test_used_calls_come_back_to_the_minute_and_to_the_day(path: Path) -> None:
    use(path, "one", 100, at_s=0, credits_=1_000)
    use(path, "two", 50, at_s=30)

    with LedgerView.open(path, org="org", reading=at(40)) as view:
        minute, day, credits_a_day, *_ = view.windows(OURS)

    assert (minute.used, minute.left) == (150, 450)
    assert minute.comes_back == (
        CapacityReturn(by=START + MINUTE_S, amount=100),
        CapacityReturn(by=START + 30 + MINUTE_S, amount=50),
    )
    assert (day.used, day.next_back) == (150, CapacityReturn(by=START + 60 + DAY_S, amount=150))
    assert (credits_a_day.used, credits_a_day.left) == (1_050, 48_950)


def test_after_a_minute_calls_count_only_for_the_day(path: Path) -> None:
    use(path, "one", 100, at_s=0)

    with LedgerView.open(path, org="org", reading=at(61)) as view:
        minute, day, *_ = view.windows(OURS)

    assert (minute.used, minute.next_back, day.used) == (0, None, 100)


def test_the_forecast_of_a_day_has_steps_of_an_hour(path: Path) -> None:
    for minute in (0, 10, 50, 70):
        use(path, "one", 10, at_s=minute * 60)

    with LedgerView.open(path, org="org", reading=at(4_300)) as view:
        day = view.windows(OURS)[1]

    assert [(part.by - START - DAY_S, part.amount) for part in day.comes_back] == [(51 * 60.0, 30), (71 * 60.0, 10)]


def test_runs_are_sorted_by_usage_and_show_their_processes(path: Path) -> None:
    use(path, "small", 5, at_s=0)
    use(path, "large", 50, at_s=0, credits_=500)
    with opened(path, "small") as ledger:
        ledger.exchange(UsageReport(in_flight=3, unused=0), OURS, at(10))

        with LedgerView.open(path, org="org", reading=at(11)) as view:
            runs, windows = view.runs(), view.windows(OURS)

    assert [(run.run, run.calls, run.credits, run.processes, run.calls_in_flight) for run in runs] == [
        ("large", 50, 500, 0, 0),
        ("small", 5, 5, 1, 3),
    ]
    assert windows[0].held >= 3
    assert (windows[3].used, windows[3].left) == (3, 17)


def test_tokens_of_a_dead_process_count_as_used(path: Path) -> None:
    with opened(path, "dead") as ledger:
        allocation = ledger.exchange(UsageReport(in_flight=2, unused=0), OURS, at(0))
    held = 2 + sum(calls for _, calls in allocation.tokens)

    with LedgerView.open(path, org="org", reading=at(LEASE_S + 1)) as view:
        minute, runs = view.windows(OURS)[0], view.runs()

    assert (minute.used, minute.held) == (held, 0)
    assert runs[0].processes == 0


def test_a_view_changes_nothing(path: Path) -> None:
    with opened(path, "dead") as ledger:
        ledger.exchange(UsageReport(in_flight=2, unused=0), OURS, at(0))
        before = list(ledger._connection.iterdump())

        with LedgerView.open(path, org="org", reading=at(1_000, set_by=5_000)) as view:
            view.windows(OURS)

        assert list(ledger._connection.iterdump()) == before


def test_limits_come_from_a_run_of_the_last_24_hours(path: Path) -> None:
    use(path, "one", 1, at_s=0)

    with LedgerView.open(path, org="org", reading=at(1)) as view:
        assert view.limits_in_use() == ("one", OURS)
    with LedgerView.open(path, org="org", reading=at(2 * DAY_S)) as view:
        assert view.limits_in_use() is None


def test_the_services_figure_is_the_credit_limit_for_15_minutes(path: Path) -> None:
    with opened(path, "one") as ledger:
        spent = {int(START // 60): (10, 100)}
        ledger.exchange(UsageReport(in_flight=0, unused=0, spent=spent, credits_remaining=900), OURS, at(0))

    with LedgerView.open(path, org="org", reading=at(1)) as view:
        credits_a_day = view.windows(OURS)[2]
        assert (credits_a_day.limit, view.credits_from_service(OURS)) == (1_000, True)
    with LedgerView.open(path, org="org", reading=at(1_000)) as view:
        assert view.windows(OURS)[2].limit == 50_000


@pytest.mark.parametrize("content", [b"no ledger", b"SQLite format 3\0" + bytes(200)])
def test_an_error_names_a_file_that_is_not_a_ledger(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(JournalError, match=r"org\.db"), LedgerView.open(path, org="org", reading=at(0)):
        pass
