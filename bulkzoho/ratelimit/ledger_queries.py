"""SQL of the rate limit ledger.  The caller owns the transaction."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import asdict, dataclass
from typing import Final

from bulkzoho.domain.model.limits_and_costs import PlanName
from bulkzoho.domain.policy.rate_limits import DAY_S, MINUTE_S, QuotaLimits
from bulkzoho.domain.policy.retry import MAX_DELAY_S
from bulkzoho.ratelimit.allocation import LEASE_S, Allocation, ProcessShare, SharedState, UsageReport

__all__ = ["ClockReading", "LedgerQueries", "free_from_tenths"]

CREDITS_READING_S: Final = 900.0  # seconds for which the service's figure of the credits is valid
CLOCK_STEP_S: Final = 0.25  # seconds by which wall and monotonic time may drift apart without a correction
DAY_MINUTES: Final = int(DAY_S // 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """One moment on two clocks."""

    wall: float  #: seconds since the epoch
    monotonic: float  #: seconds, the same for all processes of a machine
    boot: str  #: id of the boot that ``monotonic`` counts from; "" if unknown


def free_from_tenths(wall: float) -> int:
    """Return the tenth of a second from which the token of a call that ended at *wall* is free."""
    return math.ceil(wall * 10.0) + round(MINUTE_S * 10)


class LedgerQueries:
    """Queries of one process on one ledger; its calls are recorded under *run*."""

    def __init__(self, connection: sqlite3.Connection, *, process_id: str, run: str) -> None:
        self.process_id = process_id
        self._sql = connection
        self._run = run

    def sync_clock(self, reading: ClockReading) -> None:
        """Shift stored times so that they match the time that really passed, however the wall clock was set.

        Wall minus monotonic time is the same for all processes of a machine.  If it changed, the clock was set or the machine
        slept: cooling tokens and a pause continue where they were.  A clock that was set back also shifts the day, because time
        cannot have gone back.  If the two readings cannot be compared, a pause is cut to the longest one of our own backoff: if
        the service wants a longer one, it will answer 429 again.
        """
        offset = reading.wall - reading.monotonic
        boot, known = self._sql.execute("SELECT boot, clock_offset FROM shared").fetchone()
        if known is not None and abs(offset - known) <= CLOCK_STEP_S and boot == reading.boot:
            return
        comparable = known is not None and reading.boot != "" and boot == reading.boot
        step = offset - known if comparable else 0.0
        self._sql.execute("UPDATE shared SET boot = ?, clock_offset = ?", (reading.boot, offset))
        if step:
            self._shift("cooling", "until", round(step * 10))
            self._sql.execute("UPDATE process SET beat = beat + ?", (step,))
            self._sql.execute("UPDATE shared SET paused_until = paused_until + ?", (step,))
        if not comparable:
            self._sql.execute("UPDATE shared SET paused_until = min(paused_until, ?)", (reading.wall + MAX_DELAY_S,))
        if step < -MINUTE_S:
            self._shift("spent", "minute", round(step / 60))

    def _shift(self, table: str, key: str, by: int) -> None:
        # through negative numbers, so that no two rows collide on the way
        self._sql.execute(f"UPDATE {table} SET {key} = -({key} + ?)", (by,))  # noqa: S608  names from the lines above
        self._sql.execute(f"UPDATE {table} SET {key} = -{key}")  # noqa: S608  names from the lines above

    def expire_dead_processes(self, wall: float) -> None:
        """Count everything that a silent process held as used at the end of its lease: it sends nothing after that."""
        dead = self._sql.execute(
            "SELECT id, run, beat, calls, credits FROM process WHERE NOT (beat BETWEEN ? AND ?) AND id != ?",
            (wall - LEASE_S, wall + LEASE_S, self.process_id),  # a report from the future has the time of a wrong clock
        ).fetchall()
        for id_, run, beat, calls, credits_ in dead:
            self._use(min(wall, beat + LEASE_S), run=run, calls=calls, credits_=credits_)
            self._sql.execute("DELETE FROM process WHERE id = ?", (id_,))

    def record_usage(self, report: UsageReport, wall: float) -> None:
        """Write what was used, and delete what no longer counts."""
        for until, calls in report.cooling.items():
            self._cool(until, calls)
        for minute, (calls, credits_) in report.spent.items():
            self._spend(minute, run=self._run, calls=calls, credits_=credits_)
        self._sql.execute("DELETE FROM cooling WHERE until <= ? OR calls <= 0", (int(wall * 10.0),))
        # the calls of a minute count until 24 hours after its end
        old = self._sql.execute("DELETE FROM spent WHERE minute < ?", (int(wall // 60) - DAY_MINUTES,))
        if old.rowcount:
            self._sql.execute("DELETE FROM told WHERE run NOT IN (SELECT run FROM spent UNION SELECT run FROM process)")
        self._correct_future_usage(wall)
        if report.paused_until > wall:
            self._sql.execute("UPDATE shared SET paused_until = max(paused_until, ?)", (report.paused_until,))
        if report.credits_remaining is not None:
            allowed = report.credits_remaining + self._spent()[1]
            self._sql.execute("UPDATE shared SET credits_allowed = ?, credits_at = ?", (allowed, wall))

    def _correct_future_usage(self, wall: float) -> None:
        """Count as used now what a wrong clock recorded in the future: otherwise it would block calls for that long."""
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

    def is_registered(self) -> bool:
        """Return whether this process is still in the ledger."""
        return self._sql.execute("SELECT 1 FROM process WHERE id = ?", (self.process_id,)).fetchone() is not None

    def paused_until(self) -> float:
        """Return the wall time before which no process may call."""
        return float(self._sql.execute("SELECT paused_until FROM shared").fetchone()[0])

    def shared_state(self, limits: QuotaLimits, wall: float) -> SharedState:
        """Return the usage of all processes."""
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
            (self.process_id,),
        )
        return [
            ProcessShare(
                id=id_,
                calls=calls,
                credits=credits_,
                wanted_rate=wanted_rate,
                in_flight=in_flight,
                wanted_in_flight=wanted_in_flight,
                heavy=heavy,
                wanted_heavy=wanted_heavy,
            )
            for id_, calls, credits_, wanted_rate, in_flight, wanted_in_flight, heavy, wanted_heavy in rows
        ]

    def record_allocation(self, allocation: Allocation, report: UsageReport, wall: float) -> None:
        """Write that this process now holds *allocation*."""
        now_tenths = int(wall * 10.0)
        for until, calls in allocation.tokens:
            if until > now_tenths:
                self._sql.execute("UPDATE cooling SET calls = calls - ? WHERE until = ?", (calls, until))
        self._sql.execute(
            "INSERT OR REPLACE INTO process VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.process_id,
                self._run,
                wall,
                report.in_flight + report.unused + sum(calls for _, calls in allocation.tokens),
                report.credits_in_flight + report.unused_credits + allocation.credits,
                report.wanted_rate,
                max(allocation.in_flight, report.in_flight),
                report.wanted_in_flight,
                max(allocation.heavy, report.heavy_in_flight),
                report.wanted_heavy,
                report.in_flight,
                report.heavy_in_flight,
            ),
        )

    def save_limits(self, limits: QuotaLimits) -> None:
        """Save *limits* as those of this run."""
        self._sql.execute("INSERT OR REPLACE INTO told VALUES (?, ?)", (self._run, _limits_json(limits)))

    def limits_of_runs(self) -> dict[str, QuotaLimits]:
        """Return the saved limits by run; those of another version that cannot be read are left out."""
        limits = {run: _parse_limits(text) for run, text in self._sql.execute("SELECT run, limits FROM told")}
        return {run: parsed for run, parsed in limits.items() if parsed is not None}

    def remove_process(self, report: UsageReport, wall: float) -> None:
        """Release everything this process holds; calls in flight count as finished now."""
        self._use(wall, run=self._run, calls=report.in_flight, credits_=report.credits_in_flight)
        self._sql.execute("DELETE FROM process WHERE id = ?", (self.process_id,))

    def next_call_at(self, shared: SharedState, limits: QuotaLimits) -> int | None:
        """Return the tenth of a second at which the day has a call again; None: when another process returns one."""
        return self._day_frees_at(limits.calls_per_day - shared.day_calls, need=1, column="calls")

    def next_credits_at(self, shared: SharedState, need: int) -> int | None:
        """Return the tenth of a second at which the day has *need* credits again; None: when another process returns some."""
        assert shared.credits_limit is not None, "only called if credits are limited"
        frees_at = self._day_frees_at(shared.credits_limit - shared.day_credits, need=need, column="credits")
        allowed, at = self._sql.execute("SELECT credits_allowed, credits_at FROM shared").fetchone()
        outdated_at = int((at + CREDITS_READING_S) * 10.0) + 1  # from then on the service's figure is no longer valid
        if allowed is None or outdated_at <= shared.now_tenths:
            return frees_at
        return outdated_at if frees_at is None else min(frees_at, outdated_at)

    def _day_frees_at(self, left: int, *, need: int, column: str) -> int | None:
        if left >= need:
            return None  # other processes hold the missing part, it is not spent
        for minute, amount in self._sql.execute(
            f"SELECT minute, sum({column}) FROM spent GROUP BY minute ORDER BY minute"  # noqa: S608  one of two words above
        ):
            left += amount
            if left >= need:
                return int((minute + 1 + DAY_MINUTES) * 600)
        return None

    def _credits_limit(self, limits: QuotaLimits, wall: float) -> int | None:
        """Return the credits of 24 hours: the service's figure if there is one, else the user's or the formula's."""
        allowed, at = self._sql.execute("SELECT credits_allowed, credits_at FROM shared").fetchone()
        if allowed is None or not 0.0 <= wall - at < CREDITS_READING_S:
            return limits.credits_per_day
        allowed = math.floor(int(allowed) * (1.0 - limits.credits_reserve) + 1e-9)
        set_by_user = limits.credits_per_day if limits.credits_set_by_user else None
        return allowed if set_by_user is None else min(set_by_user, allowed)

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


def _limits_json(limits: QuotaLimits) -> str:
    values = asdict(limits)
    values["credits_told"] = values.pop("credits_set_by_user")  # the name in the file
    return json.dumps(values)


def _parse_limits(text: str) -> QuotaLimits | None:
    try:
        values = json.loads(text)
        values["credits_set_by_user"] = values.pop("credits_told")
        return QuotaLimits(**{**values, "plan": PlanName(values["plan"]), "notes": tuple(values["notes"])})
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
