"""Read a ledger without changing it: what is used, what is left, by which run, and when it comes back.

The file is copied into memory, and the same code that an active process runs brings the copy up to date.
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
from bulkzoho.ratelimit.sqlite_ledger import LedgerBusyError, map_ledger_errors, require_known_version

__all__ = ["LedgerView"]

MINUTE_STEP_S: Final = 10  # seconds: resolution of the forecast for calls per minute
DAY_STEP_S: Final = 3_600  # seconds: resolution of the forecast for calls and credits per day


class LedgerView:
    """Copy of one ledger at one moment.  Not thread-safe."""

    def __init__(self, copy: sqlite3.Connection, reading: ClockReading) -> None:
        self._sql = copy
        self._wall = reading.wall
        queries = self._queries = LedgerQueries(copy, process_id="", run="")
        queries.sync_clock(reading)
        queries.expire_dead_processes(reading.wall)
        queries.record_usage(UsageReport(in_flight=0, unused=0), reading.wall)

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, org: str, reading: ClockReading) -> Iterator[Self]:
        """Open a copy of the ledger of *org* at *path*; a missing file counts as empty.

        Raises:
            JournalError: It cannot be read, or another version wrote it.
        """
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
            try:
                with map_ledger_errors(path):
                    if path.exists():
                        _copy(path, copy)
                    copy.executescript(SCHEMA)
                    copy.execute("INSERT OR IGNORE INTO shared (one, org) VALUES (1, ?)", (org,))
                    view = cls(copy, reading)
            except LedgerBusyError as error:
                raise JournalError(
                    f"{path}: another process has locked the rate limit ledger.", hint="Try again in a moment."
                ) from error
            yield view

    def limits_in_use(self) -> tuple[str, QuotaLimits] | None:
        """Return the largest active run, else the largest of the last 24 hours, with its limits; None if there is none."""
        limits = self._queries.limits_of_runs()
        for usage in sorted(self.runs(), key=lambda run: run.processes == 0):  # stable: the largest first
            if usage.run in limits:
                return usage.run, limits[usage.run]
        return None

    def windows(self, limits: QuotaLimits) -> tuple[WindowUsage, ...]:
        """Return the usage of each limit."""
        shared = self._queries.shared_state(limits, self._wall)
        held, held_credits, in_flight, heavy = self._sql.execute(
            "SELECT total(calls), total(credits), total(flying), total(flying_heavy) FROM process"
        ).fetchone()
        cooling = [(until / 10.0, calls) for until, calls in shared.cooling]
        return (
            _window(LimitKind.MINUTE, limits.calls_per_minute, int(held), cooling, step_s=MINUTE_STEP_S),
            _window(LimitKind.DAY, limits.calls_per_day, int(held), self._returning("calls"), step_s=DAY_STEP_S),
            _window(LimitKind.CREDITS, shared.credits_limit, int(held_credits), self._returning("credits"), step_s=DAY_STEP_S),
            WindowUsage(name=LimitKind.IN_FLIGHT, limit=limits.calls_in_flight, used=int(in_flight)),
            WindowUsage(name=LimitKind.HEAVY, limit=limits.heavy_in_flight, used=int(heavy)),
        )

    @property
    def org(self) -> str:
        """Id of the organization."""
        return str(self._sql.execute("SELECT org FROM shared").fetchone()[0])

    def runs(self) -> tuple[RunUsage, ...]:
        """Return the runs that are active or used something in the last 24 hours, the largest first."""
        active = {
            run: (processes, in_flight)
            for run, processes, in_flight in self._sql.execute("SELECT run, count(*), sum(flying) FROM process GROUP BY run")
        }
        used = {
            run: (calls, credits_, last * 60.0)
            for run, calls, credits_, last in self._sql.execute(
                "SELECT run, sum(calls), sum(credits), max(minute) FROM spent GROUP BY run"
            )
        }
        return tuple(
            RunUsage(run=run, calls=calls, credits=credits_, last_at=last_at, processes=processes, calls_in_flight=in_flight)
            for run in sorted({*used, *active}, key=lambda run: (-used.get(run, (0,))[0], run))
            for calls, credits_, last_at in [used.get(run, (0, 0, self._wall // 60 * 60.0))]
            for processes, in_flight in [active.get(run, (0, 0))]
        )

    def paused_until(self) -> float | None:
        """Return the end of the pause after a 429, or None if there is no pause now."""
        until = self._queries.paused_until()
        return until if until > self._wall else None

    def credits_from_service(self, limits: QuotaLimits) -> bool:
        """Return whether the limit of the credits comes from the service's own figure."""
        return self._queries.shared_state(limits, self._wall).credits_limit != limits.credits_per_day

    def _returning(self, column: str) -> Iterable[tuple[float, int]]:
        """Return when the use of each minute leaves the day: 24 hours after the end of the minute."""
        rows = self._sql.execute(
            f"SELECT minute, sum({column}) FROM spent GROUP BY minute ORDER BY minute"  # noqa: S608  one of two words above
        )
        return [((minute + 1) * 60.0 + DAY_S, amount) for minute, amount in rows if amount]


def _copy(path: Path, copy: sqlite3.Connection) -> None:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as file:
        require_known_version(file, path)
        file.backup(copy)


def _window(name: LimitKind, limit: int | None, held: int, returning: Iterable[tuple[float, int]], *, step_s: int) -> WindowUsage:
    returns = list(returning)
    steps: dict[int, CapacityReturn] = {}
    for at, amount in returns:
        step = int(at // step_s)
        before = steps[step].amount if step in steps else 0
        steps[step] = CapacityReturn(by=at, amount=before + amount)
    return WindowUsage(
        name=name,
        limit=limit,
        used=sum(amount for _, amount in returns),
        held=held,
        next_back=CapacityReturn(by=returns[0][0], amount=returns[0][1]) if returns else None,
        comes_back=tuple(steps.values()),
    )
