"""Ledger: no call is lost or counted twice, whatever happens to processes, clocks and disks."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bulkzoho.errors import JournalError
from bulkzoho.ratelimit.allocation import HORIZON_S, LEASE_S, Allocation, UsageReport
from bulkzoho.ratelimit.ledger_queries import ClockReading, free_from_tenths
from bulkzoho.ratelimit.sqlite_ledger import Ledger, LedgerBusyError
from bulkzoho.testing.limiter_simulation import limits

START = 1_800_000_000.0
MANY = limits(minute=600, day=10_000)


def at(seconds: float, *, set_by: float = 0.0, boot: str = "boot") -> ClockReading:
    return ClockReading(wall=START + seconds + set_by, monotonic=1_000.0 + seconds, boot=boot)


def used(calls: int, *, at_s: float, credits_: int = 0) -> UsageReport:
    """Return a report of finished calls with no unused token."""
    wall = START + at_s
    return UsageReport(
        in_flight=0, unused=0, cooling={free_from_tenths(wall): calls}, spent={int(wall // 60): (calls, credits_ or calls)}
    )


class Process:
    """One process with its access to the ledger."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.ledger = Ledger.open(path, org="org", process_id=name, run=name)

    def report(self, report: UsageReport, reading: ClockReading) -> Allocation:
        return self.ledger.exchange(report, MANY, reading)


Opener = Callable[[str], Process]


@pytest.fixture(name="process")
def fixture_process(path: Path) -> Iterator[Opener]:
    """Return a function that opens the ledger as a process with a given name; all are closed at the end."""
    with ExitStack() as stack:

        def opened(name: str) -> Process:
            process = Process(path, name)
            stack.callback(process.ledger.close)
            return process

        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "quota" / "org.db"


def granted(allocation: Allocation) -> int:
    return sum(calls for _, calls in allocation.tokens)


def test_a_process_takes_the_calls_of_two_seconds_at_a_time(process: Opener) -> None:
    one = process("a")

    allocation = one.report(UsageReport(in_flight=0, unused=0), at(0.0))

    assert granted(allocation) == 21  # 2 s at 1.02 x 600 a minute
    assert HORIZON_S == 2.0


def test_tokens_of_a_dead_process_count_as_used_at_the_end_of_its_lease(process: Opener) -> None:
    dead, living = process("a"), process("b")
    held = granted(dead.report(UsageReport(in_flight=0, unused=0), at(0.0)))

    soon = living.report(UsageReport(in_flight=0, unused=0), at(1.0))
    later = living.report(UsageReport(in_flight=0, unused=granted(soon)), at(LEASE_S + 1.0))

    assert (soon.calls_last_minute, soon.calls_last_day) == (0, 0)
    assert (later.calls_last_minute, later.calls_last_day) == (held, held)
    assert later.pace_share == 1.0
    gone = living.report(UsageReport(in_flight=0, unused=0), at(LEASE_S + 60.1))
    assert gone.calls_last_minute <= granted(soon)


def test_a_process_with_an_expired_lease_drops_its_tokens(process: Opener) -> None:
    asleep, awake = process("a"), process("b")
    had = granted(asleep.report(UsageReport(in_flight=0, unused=0), at(0.0)))
    awake.report(UsageReport(in_flight=0, unused=0), at(10.0))

    allocation = asleep.report(UsageReport(in_flight=0, unused=had), at(10.1))

    assert allocation.expired
    assert allocation.calls_last_day == had  # counted once, as used


def test_a_process_that_leaves_returns_its_unused_tokens(process: Opener) -> None:
    one, two = process("a"), process("b")
    one.report(UsageReport(in_flight=0, unused=0), at(0.0))
    one.ledger.leave(replace(used(3, at_s=0.5), in_flight=2, credits_in_flight=20), at(1.0))

    allocation = two.report(UsageReport(in_flight=0, unused=0), at(1.1))

    assert (allocation.calls_last_minute, allocation.calls_last_day, allocation.credits_last_day) == (5, 5, 23)


def test_calls_and_credits_leave_the_day_24_hours_after_their_minute(process: Opener) -> None:
    one = process("a")
    one.report(used(7, at_s=30.0, credits_=70), at(30.0))
    day = 24 * 3_600.0

    before = one.report(UsageReport(in_flight=0, unused=0), at(day + 30.0))
    after = one.report(UsageReport(in_flight=0, unused=0), at(day + 61.0))

    assert (before.calls_last_day, before.credits_last_day) == (7, 70)
    assert (after.calls_last_day, after.credits_last_day) == (0, 0)


@pytest.mark.parametrize("set_by", [-86_400.0 * 300, -3_600.0, -5.0, 5.0, 3_600.0])
def test_setting_the_clock_neither_frees_nor_blocks_the_minute(process: Opener, set_by: float) -> None:
    one = process("a")
    one.report(used(600, at_s=1.0), at(1.0))

    just_before = one.report(UsageReport(in_flight=0, unused=0), at(60.0 - HORIZON_S, set_by=set_by))
    just_after = one.report(UsageReport(in_flight=0, unused=0), at(61.2, set_by=set_by))

    assert granted(just_before) == 0
    assert granted(just_after) > 0


@pytest.mark.parametrize("set_by", [-86_400.0 * 300, -3_600.0, -5.0, 5.0, 3_600.0])
def test_setting_the_clock_neither_ends_nor_extends_a_pause(process: Opener, set_by: float) -> None:
    one, two = process("a"), process("b")
    one.report(UsageReport(in_flight=0, unused=0, paused_until=START + 20.0), at(0.0))

    allocation = two.report(UsageReport(in_flight=0, unused=0), at(5.0, set_by=set_by))

    assert allocation.paused_until == pytest.approx(START + 20.0 + set_by)


@pytest.mark.parametrize(("left_s", "kept_s"), [(15.0, 15.0), (7_200.0, 60.0)])
@pytest.mark.parametrize("boots", [("first", "second"), ("", "")])
def test_a_pause_after_a_reboot_is_cut_to_our_own_longest_pause(
    process: Opener, boots: tuple[str, str], left_s: float, kept_s: float
) -> None:
    one, two = process("a"), process("b")
    one.report(UsageReport(in_flight=0, unused=0, paused_until=START + 5.0 + left_s), at(0.0, boot=boots[0]))

    allocation = two.report(UsageReport(in_flight=0, unused=0), ClockReading(wall=START + 5.0, monotonic=7.0, boot=boots[1]))

    assert allocation.paused_until == START + 5.0 + kept_s


def test_usage_recorded_years_ahead_before_a_reboot_does_not_block_for_years(process: Opener) -> None:
    ahead = process("a")
    ahead.report(used(600, at_s=86_400.0 * 900), at(86_400.0 * 900, boot="first"))
    ahead.ledger.close()

    one = process("b")
    one.report(UsageReport(in_flight=0, unused=0), at(0.0, boot="second"))
    minute_later = one.report(UsageReport(in_flight=0, unused=0), at(61.0, boot="second"))
    day_later = one.report(UsageReport(in_flight=0, unused=0), at(86_400.0 + 121.0, boot="second"))

    assert granted(minute_later) > 0
    assert minute_later.calls_last_day >= 600
    assert day_later.calls_last_day < 600


def test_a_reboot_does_not_move_the_minute(process: Opener) -> None:
    one = process("a")
    one.report(used(600, at_s=1.0), at(1.0, boot="first"))

    allocation = one.report(UsageReport(in_flight=0, unused=0), ClockReading(wall=START + 30.0, monotonic=5.0, boot="second"))

    assert granted(allocation) == 0
    assert allocation.calls_last_minute == 600


def test_the_ledger_is_private(path: Path, process: Opener) -> None:
    process("a").report(UsageReport(in_flight=0, unused=0), at(0.0))

    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_ledger_of_another_organization_is_refused(path: Path, process: Opener) -> None:
    process("a")

    with pytest.raises(JournalError, match="organization org, not of other"):
        Ledger.open(path, org="other", process_id="b", run="b")


def test_a_newer_ledger_is_refused(process: Opener) -> None:
    process("a").ledger._connection.execute("PRAGMA user_version = 99")

    with pytest.raises(JournalError, match=r"version 99.*Upgrade"):
        process("b")


def test_a_file_that_is_not_a_ledger_is_refused_with_a_hint(path: Path, process: Opener) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but long enough to look at" * 100)

    with pytest.raises(JournalError, match="may be removed"):
        process("a")


def test_a_folder_that_cannot_be_created_is_refused_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "quota").write_text("a file where the folder should be")

    with pytest.raises(JournalError, match="BULKZOHO_HOME"):
        Ledger.open(tmp_path / "quota" / "org.db", org="org", process_id="a", run="a")


def test_a_full_disk_is_an_error_with_a_hint_and_loses_nothing(process: Opener) -> None:
    one = process("a")
    one.report(used(5, at_s=0.0), at(0.0))
    pages = one.ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    one.ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
    spread = UsageReport(in_flight=0, unused=0, cooling={free_from_tenths(START + n / 10.0): 1 for n in range(5_000)})

    with pytest.raises(JournalError, match="Free disk space"):
        one.report(spread, at(1.0))

    assert one.report(UsageReport(in_flight=0, unused=0), at(2.0)).calls_last_day == 5


def test_a_locked_ledger_is_not_waited_for_long(path: Path, process: Opener) -> None:
    one = process("a")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(LedgerBusyError):
        one.report(used(5, at_s=0.0), at(0.0))

    other.execute("ROLLBACK")
    other.close()
    assert one.report(used(5, at_s=0.0), at(0.5)).calls_last_day == 5
