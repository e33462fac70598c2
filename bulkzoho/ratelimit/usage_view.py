"""Look at a ledger without touching it: what is used, what is left, by whom, and when it comes back.

The file is copied into memory, and the copy brought up to the moment by the same code that a working process runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Self

from bulkzoho.domain.model.quota import CapacityReturn, RunUsage, WindowUsage
from bulkzoho.domain.policy.rate_limits import DAY_S, LimitKind, QuotaLimits
from bulkzoho.errors import JournalError
from bulkzoho.ratelimit.allocation import UsageReport
from bulkzoho.ratelimit.ledger_queries import ClockReading, LedgerQueries
from bulkzoho.ratelimit.schema import SCHEMA
from bulkzoho.ratelimit.sqlite_ledger import LedgerBusyError, mapped_errors, refuse_other_version
from bulkzoho.ratelimit.stored_limits import limits_from_json

__all__ = ["LedgerView"]

MINUTE_STEP_S: Final = 10  # seconds: how finely the return of calls a minute is told
DAY_STEP_S: Final = 3_600  # seconds: and that of a day


class LedgerView:
    """One ledger as it stood at one moment.  Not for several threads."""

    def __init__(self, copy: sqlite3.Connection, moment: ClockReading) -> None:
        self._sql = copy
        self._wall = moment.wall
        rows = self._rows = LedgerQueries(copy, me="", run="")
        rows.tell_clock(moment)
        rows.give_up_dead(moment.wall)
        rows.note(UsageReport(flying=0, unspent=0), moment.wall)

    @classmethod
    @contextmanager
    def of(cls, path: Path, *, org: str, moment: ClockReading) -> Iterator[Self]:
        """Look at the ledger of *org* at *path*; one that is not there is empty.

        Raises:
            JournalError: It cannot be read, or was written by another version.
        """
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
            try:
                with mapped_errors(path):
                    if path.exists():
                        _copy(path, copy)
                    copy.executescript(SCHEMA)
                    copy.execute("INSERT OR IGNORE INTO shared (one, org) VALUES (1, ?)", (org,))
                    view = cls(copy, moment)
            except LedgerBusyError as error:
                raise JournalError(f"{path}: another process holds the quota's ledger.", hint="Try again in a moment.") from error
            yield view

    def told(self) -> tuple[str, QuotaLimits] | None:
        """Give the run that is at work, else the largest of the last 24 hours, and its limits; None when there is none."""
        limits = dict(self._sql.execute("SELECT run, limits FROM told"))
        for one in sorted(self.runs(), key=lambda run: run.processes == 0):  # stable: the largest first
            told = limits_from_json(limits.get(one.run, ""))
            if told is not None:
                return one.run, told
        return None

    def windows(self, limits: QuotaLimits) -> tuple[WindowUsage, ...]:
        """Give each window of *limits*, and how it stands."""
        pool = self._rows.pool(limits, self._wall)
        held, held_credits, flying, heavy = self._sql.execute(
            "SELECT total(calls), total(credits), total(flying), total(flying_heavy) FROM process"
        ).fetchone()
        cooling = [(until / 10.0, calls) for until, calls in pool.cooling]
        return (
            _window(LimitKind.MINUTE, limits.calls_per_minute, int(held), cooling, step_s=MINUTE_STEP_S),
            _window(LimitKind.DAY, limits.calls_per_day, int(held), self._returning("calls"), step_s=DAY_STEP_S),
            _window(LimitKind.CREDITS, pool.credits_limit, int(held_credits), self._returning("credits"), step_s=DAY_STEP_S),
            WindowUsage(name=LimitKind.IN_FLIGHT, limit=limits.calls_in_flight, used=int(flying)),
            WindowUsage(name=LimitKind.HEAVY, limit=limits.heavy_in_flight, used=int(heavy)),
        )

    @property
    def org(self) -> str:
        """Whose ledger it is."""
        return str(self._sql.execute("SELECT org FROM shared").fetchone()[0])

    def runs(self) -> tuple[RunUsage, ...]:
        """Give the runs that used something in the last 24 hours or are at work, the largest first."""
        working = {
            run: (processes, flying)
            for run, processes, flying in self._sql.execute("SELECT run, count(*), sum(flying) FROM process GROUP BY run")
        }
        used = {
            run: (calls, credits_, last * 60.0)
            for run, calls, credits_, last in self._sql.execute(
                "SELECT run, sum(calls), sum(credits), max(minute) FROM spent GROUP BY run"
            )
        }
        return tuple(
            RunUsage(run=run, calls=calls, credits=credits_, last_at=last_at, processes=processes, calls_in_flight=flying)
            for run in sorted({*used, *working}, key=lambda one: (-used.get(one, (0,))[0], one))
            for calls, credits_, last_at in [used.get(run, (0, 0, self._wall // 60 * 60.0))]
            for processes, flying in [working.get(run, (0, 0))]
        )

    def paused_until(self) -> float | None:
        """Give when calls may leave again after a 429, if that is still to come."""
        until = self._rows.paused_until()
        return until if until > self._wall else None

    def credits_told_by_service(self, limits: QuotaLimits) -> bool:
        """Whether the limit of the credits follows from what the service said."""
        return self._rows.pool(limits, self._wall).credits_limit != limits.credits_per_day

    def _returning(self, column: str) -> Iterable[tuple[float, int]]:
        """Give when each minute's part of *column* leaves the day: 24 hours after the minute's end."""
        rows = self._sql.execute(
            f"SELECT minute, sum({column}) FROM spent GROUP BY minute ORDER BY minute"  # noqa: S608  one of two words above
        )
        return [((minute + 1) * 60.0 + DAY_S, amount) for minute, amount in rows if amount]


def _copy(path: Path, copy: sqlite3.Connection) -> None:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as file:
        refuse_other_version(file, path)
        file.backup(copy)


def _window(name: LimitKind, limit: int | None, held: int, returning: Iterable[tuple[float, int]], *, step_s: int) -> WindowUsage:
    all_of_it = list(returning)
    steps: dict[int, CapacityReturn] = {}
    for at, amount in all_of_it:
        step = int(at // step_s)
        before = steps[step].amount if step in steps else 0
        steps[step] = CapacityReturn(by=at, amount=before + amount)
    return WindowUsage(
        name=name,
        limit=limit,
        used=sum(amount for _, amount in all_of_it),
        held=held,
        next_back=CapacityReturn(by=all_of_it[0][0], amount=all_of_it[0][1]) if all_of_it else None,
        comes_back=tuple(steps.values()),
    )
