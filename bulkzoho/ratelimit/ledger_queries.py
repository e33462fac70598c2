"""The ledger's rows: reading and writing them within a transaction that somebody else began and ends."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.policy.backoff import MAX_DELAY_S
from bulkzoho.domain.policy.rate_limits import DAY_S, MINUTE_S, QuotaLimits
from bulkzoho.ratelimit.allocation import LEASE_S, Allocation, ProcessShare, SharedState, UsageReport

__all__ = ["ClockReading", "LedgerQueries", "free_from_tenths"]

CREDITS_READING_S: Final = 900.0  # seconds for which we believe what the service said of its credits
CLOCK_STEP_S: Final = 0.25  # seconds by which wall and monotonic time may drift apart unnoticed
DAY_MINUTES: Final = int(DAY_S // 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """One moment on two clocks."""

    wall: float  #: seconds since the epoch
    steady: float  #: monotonic seconds, the same for all processes of a machine
    boot: str  #: since which start of the machine these count; "" when that cannot be known


def free_from_tenths(wall: float) -> int:
    """Give the tenth of a second from which the token of a call that was answered at *wall* is free."""
    return math.ceil(wall * 10.0) + round(MINUTE_S * 10)


class LedgerQueries:
    """Rows of one ledger, as the process *me* sees them; its calls are written on the account of *run*."""

    def __init__(self, connection: sqlite3.Connection, *, me: str, run: str) -> None:
        self._sql = connection
        self._me = me
        self._run = run

    def tell_clock(self, moment: ClockReading) -> None:
        """Keep the minute in step with time that really passed, whatever is done to the wall clock.

        Wall minus monotonic time is the same for all processes of a machine.  When it changed, the clock was set or the machine
        slept: cooling and a pause go on where they were.  A clock set back also takes the day with it, for time cannot have gone
        back.  Where the two cannot be compared, a pause lasts no longer than one that nobody named: if the service wants more, it
        says so again.
        """
        offset = moment.wall - moment.steady
        boot, known = self._sql.execute("SELECT boot, clock_offset FROM shared").fetchone()
        if known is not None and abs(offset - known) <= CLOCK_STEP_S and boot == moment.boot:
            return
        comparable = known is not None and moment.boot != "" and boot == moment.boot
        step = offset - known if comparable else 0.0
        self._sql.execute("UPDATE shared SET boot = ?, clock_offset = ?", (moment.boot, offset))
        if step:
            self._shift("cooling", "until", round(step * 10))
            self._sql.execute("UPDATE process SET beat = beat + ?", (step,))
            self._sql.execute("UPDATE shared SET paused_until = paused_until + ?", (step,))
        if not comparable:
            self._sql.execute("UPDATE shared SET paused_until = min(paused_until, ?)", (moment.wall + MAX_DELAY_S,))
        if step < -MINUTE_S:
            self._shift("spent", "minute", round(step / 60))

    def _shift(self, table: str, key: str, by: int) -> None:
        # through negative numbers, so that no row meets another on its way
        self._sql.execute(f"UPDATE {table} SET {key} = -({key} + ?)", (by,))  # noqa: S608  names from the lines above
        self._sql.execute(f"UPDATE {table} SET {key} = -{key}")  # noqa: S608  names from the lines above

    def give_up_dead(self, wall: float) -> None:
        """Count what a process held that gave no sign of life as used when its lease ended: it sends nothing after that."""
        dead = self._sql.execute(
            "SELECT id, run, beat, calls, credits FROM process WHERE NOT (beat BETWEEN ? AND ?) AND id != ?",
            (wall - LEASE_S, wall + LEASE_S, self._me),  # a sign of life from the future is from a clock that was wrong
        ).fetchall()
        for id_, run, beat, calls, credits_ in dead:
            self._use(min(wall, beat + LEASE_S), run=run, calls=calls, credits_=credits_)
            self._sql.execute("DELETE FROM process WHERE id = ?", (id_,))

    def note(self, report: UsageReport, wall: float) -> None:
        """Write what was used, and forget what no longer counts."""
        for until, calls in report.cooling.items():
            self._cool(until, calls)
        for minute, (calls, credits_) in report.spent.items():
            self._spend(minute, run=self._run, calls=calls, credits_=credits_)
        self._sql.execute("DELETE FROM cooling WHERE until <= ? OR calls <= 0", (int(wall * 10.0),))
        # a minute's calls count until 24 hours after its end
        old = self._sql.execute("DELETE FROM spent WHERE minute < ?", (int(wall // 60) - DAY_MINUTES,))
        if old.rowcount:
            self._sql.execute("DELETE FROM told WHERE run NOT IN (SELECT run FROM spent UNION SELECT run FROM process)")
        self._mend_future(wall)
        if report.paused_until > wall:
            self._sql.execute("UPDATE shared SET paused_until = max(paused_until, ?)", (report.paused_until,))
        if report.credits_remaining is not None:
            allowed = report.credits_remaining + self._spent()[1]
            self._sql.execute("UPDATE shared SET credits_allowed = ?, credits_at = ?", (allowed, wall))

    def _mend_future(self, wall: float) -> None:
        """Count as used now what a clock that was wrong has written as used later: it would hold us back for as long."""
        last, this_minute = free_from_tenths(wall), int(wall // 60)
        later = self._sql.execute("SELECT sum(calls) FROM cooling WHERE until > ?", (last,)).fetchone()[0]
        if later:
            self._sql.execute("DELETE FROM cooling WHERE until > ?", (last,))
            self._cool(last, later)
        rows = self._sql.execute(
            "SELECT run, sum(calls), sum(credits) FROM spent WHERE minute > ? GROUP BY run", (this_minute,)
        ).fetchall()
        if rows:
            self._sql.execute("DELETE FROM spent WHERE minute > ?", (this_minute,))
        for run, calls, credits_ in rows:
            self._spend(this_minute, run=run, calls=calls, credits_=credits_)

    def has_me(self) -> bool:
        """Whether this process is still believed to be alive."""
        return self._sql.execute("SELECT 1 FROM process WHERE id = ?", (self._me,)).fetchone() is not None

    def paused_until(self) -> float:
        """Give the wall time before which nobody calls."""
        return float(self._sql.execute("SELECT paused_until FROM shared").fetchone()[0])

    def pool(self, limits: QuotaLimits, wall: float) -> SharedState:
        """Give what all share."""
        calls, credits_ = self._spent()
        return SharedState(
            now_tenths=int(wall * 10.0),
            cooling=self._sql.execute("SELECT until, calls FROM cooling ORDER BY until").fetchall(),
            others=self._others(),
            day_calls=calls,
            day_credits=credits_,
            credits_limit=self._credits_limit(limits, wall),
        )

    def _others(self) -> list[ProcessShare]:
        rows = self._sql.execute(
            "SELECT id, calls, credits, rate_want, in_flight, in_flight_want, heavy, heavy_want FROM process WHERE id != ?",
            (self._me,),
        )
        return [
            ProcessShare(
                id=id_,
                calls=calls,
                credits=credits_,
                rate_want=rate_want,
                in_flight=in_flight,
                in_flight_want=in_flight_want,
                heavy=heavy,
                heavy_want=heavy_want,
            )
            for id_, calls, credits_, rate_want, in_flight, in_flight_want, heavy, heavy_want in rows
        ]

    def take(self, grant: Allocation, report: UsageReport, wall: float) -> None:
        """Write that *grant* is now held by this process."""
        now_tenths = int(wall * 10.0)
        for until, calls in grant.tokens:
            if until > now_tenths:
                self._sql.execute("UPDATE cooling SET calls = calls - ? WHERE until = ?", (calls, until))
        self._sql.execute(
            "INSERT OR REPLACE INTO process VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._me,
                self._run,
                wall,
                report.flying + report.unspent + sum(calls for _, calls in grant.tokens),
                report.flying_credits + report.unspent_credits + grant.credits,
                report.rate_want,
                max(grant.in_flight, report.flying),
                report.in_flight_want,
                max(grant.heavy, report.flying_heavy),
                report.heavy_want,
                report.flying,
                report.flying_heavy,
            ),
        )

    def tell_limits(self, limits: str) -> None:
        """Write *limits*, as JSON, as those that this run keeps to."""
        self._sql.execute("INSERT OR REPLACE INTO told VALUES (?, ?)", (self._run, limits))

    def leave(self, report: UsageReport, wall: float) -> None:
        """Give back all that is held; calls in flight count as answered now."""
        self._use(wall, run=self._run, calls=report.flying, credits_=report.flying_credits)
        self._sql.execute("DELETE FROM process WHERE id = ?", (self._me,))

    def calls_free(self, pool: SharedState, limits: QuotaLimits) -> int | None:
        """Give the tenth of a second at which the day has a call again; None: when another process gives one back."""
        return self._day_frees(limits.calls_per_day - pool.day_calls, need=1, column="calls")

    def credits_free(self, pool: SharedState, need: int) -> int | None:
        """Give the tenth of a second at which the day has *need* credits again; None: when another process gives some back."""
        assert pool.credits_limit is not None, "asked only when credits bind"
        frees_at = self._day_frees(pool.credits_limit - pool.day_credits, need=need, column="credits")
        allowed, at = self._sql.execute("SELECT credits_allowed, credits_at FROM shared").fetchone()
        again = int((at + CREDITS_READING_S) * 10.0) + 1  # then what the service said is no longer believed
        if allowed is None or again <= pool.now_tenths:
            return frees_at
        return again if frees_at is None else min(frees_at, again)

    def _day_frees(self, left: int, *, need: int, column: str) -> int | None:
        if left >= need:
            return None  # what is missing is held by others, not spent
        for minute, amount in self._sql.execute(
            f"SELECT minute, sum({column}) FROM spent GROUP BY minute ORDER BY minute"  # noqa: S608  one of two words above
        ):
            left += amount
            if left >= need:
                return int((minute + 1 + DAY_MINUTES) * 600)
        return None

    def _credits_limit(self, limits: QuotaLimits, wall: float) -> int | None:
        """Give how many credits may be spent in 24 hours: by the service, else as told or by the formula."""
        allowed, at = self._sql.execute("SELECT credits_allowed, credits_at FROM shared").fetchone()
        if allowed is None or not 0.0 <= wall - at < CREDITS_READING_S:
            return limits.credits_per_day
        allowed = math.floor(int(allowed) * (1.0 - limits.credits_reserve) + 1e-9)
        return min(limits.credits_per_day, allowed) if limits.credits_told and limits.credits_per_day is not None else allowed

    def _spent(self) -> tuple[int, int]:
        calls, credits_ = self._sql.execute("SELECT coalesce(sum(calls), 0), coalesce(sum(credits), 0) FROM spent").fetchone()
        return calls, credits_

    def _use(self, wall: float, *, run: str, calls: int, credits_: int) -> None:
        if calls or credits_:
            self._cool(free_from_tenths(wall), calls)
            self._spend(int(wall // 60), run=run, calls=calls, credits_=credits_)

    def _cool(self, until: int, calls: int) -> None:
        self._sql.execute(
            "INSERT INTO cooling VALUES (?, ?) ON CONFLICT (until) DO UPDATE SET calls = calls + excluded.calls", (until, calls)
        )

    def _spend(self, minute: int, *, run: str, calls: int, credits_: int) -> None:
        self._sql.execute(
            "INSERT INTO spent VALUES (?, ?, ?, ?) ON CONFLICT (minute, run)"
            " DO UPDATE SET calls = calls + excluded.calls, credits = credits + excluded.credits",
            (minute, run, calls, credits_),
        )
