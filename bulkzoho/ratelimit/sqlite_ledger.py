"""The ledger in SQLite: what all processes of one organization used and hold.  One file an organization.

``synchronous=NORMAL``: a killed process loses nothing; a power cut may lose the last seconds, and takes longer than they count.
Nothing waits here for more than :data:`BUSY_S`: it is called in the event loop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from bulkzoho.domain.policy.rate_limits import LimitKind, QuotaLimits
from bulkzoho.errors import JournalError
from bulkzoho.ratelimit.allocation import Allocation, UsageReport, allocate
from bulkzoho.ratelimit.ledger_queries import ClockReading, LedgerQueries
from bulkzoho.ratelimit.schema import SCHEMA, SCHEMA_VERSION
from bulkzoho.ratelimit.stored_limits import limits_to_json

__all__ = ["BUSY_S", "Ledger", "LedgerBusyError", "mapped_errors", "refuse_other_version"]

BUSY_S: Final = 0.25  # seconds to wait for another process's transaction
OPENING_BUSY_S: Final = 5.0  # the same while opening: several processes may make the tables at once


class LedgerBusyError(Exception):
    """Another process holds the ledger; nothing was written, ask again."""


class Ledger:
    """One process's way to the ledger.  Not for several threads."""

    def __init__(self, path: Path, connection: sqlite3.Connection, rows: LedgerQueries) -> None:
        self.path = path
        self._connection = connection
        self._rows = rows
        self._present = False
        self._told: QuotaLimits | None = None  # limits that this process has written down

    @classmethod
    def open(cls, path: Path, *, org: str, me: str, run: str) -> Self:
        """Open the ledger of *org*, make it when it is not there.

        Args:
            path: The file; its folder is made when needed.
            org: Whose calls it counts.
            me: This process's name in it, unlike any other's.
            run: On whose account its calls are written.

        Raises:
            JournalError: It cannot be read or written, or is another organization's.
        """
        try:
            with mapped_errors(path):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=0o600, exist_ok=True)
                connection = sqlite3.connect(path, timeout=OPENING_BUSY_S, isolation_level=None)
                try:
                    _prepare(connection, path, org)
                except BaseException:
                    connection.close()
                    raise
        except LedgerBusyError as error:
            raise JournalError(
                f"{path}: another process has held the quota's ledger for {OPENING_BUSY_S:.0f} s.",
                hint="See which program has the file open (a stopped bulkzoho?), then give this command again.",
            ) from error
        return cls(path, connection, LedgerQueries(connection, me=me, run=run))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def exchange(self, report: UsageReport, limits: QuotaLimits, moment: ClockReading, *, me: str) -> Allocation:
        """Write down *report* and take what may be taken, in one transaction.

        Raises:
            LedgerBusyError: Nothing was written; report again.
            JournalError: The file cannot be written.
        """
        rows = self._rows
        with mapped_errors(self.path), self._transaction():
            rows.tell_clock(moment)
            rows.give_up_dead(moment.wall)
            lapsed = self._present and not rows.has_me()
            if lapsed:  # it was counted as used
                report = replace(report, unspent=0, unspent_credits=0)
            rows.note(report, moment.wall)
            pool = rows.pool(limits, moment.wall)
            grant = allocate(pool, report, limits, me=me)
            rows.take(grant, report, moment.wall)
            if limits is not self._told:
                rows.tell_limits(limits_to_json(limits))
            if grant.bound is LimitKind.DAY:
                grant = replace(grant, frees_at_tenths=rows.calls_free(pool, limits))
            elif grant.bound is LimitKind.CREDITS:
                grant = replace(grant, frees_at_tenths=rows.credits_free(pool, report.credits_needed))
            paused_until = rows.paused_until()
        self._present, self._told = True, limits
        return replace(grant, lapsed=lapsed, paused_until=paused_until)

    def leave(self, report: UsageReport, moment: ClockReading) -> None:
        """Write down *report* and give back all that is held; calls in flight count as answered now.

        Raises:
            LedgerBusyError: Nothing was written.
            JournalError: The file cannot be written.
        """
        with mapped_errors(self.path), self._transaction():
            self._rows.tell_clock(moment)
            self._rows.note(report, moment.wall)
            self._rows.leave(report, moment.wall)
        self._present = False

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def _prepare(connection: sqlite3.Connection, path: Path, org: str) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise JournalError(
            f"{path}: this file system cannot hold a write-ahead log (journal mode {mode}).",
            hint="Let BULKZOHO_HOME name a folder on a local disk.",
        )
    connection.execute("PRAGMA synchronous = NORMAL")
    refuse_other_version(connection, path)
    connection.executescript(SCHEMA)
    connection.execute("INSERT OR IGNORE INTO shared (one, org) VALUES (1, ?)", (org,))
    owner = connection.execute("SELECT org FROM shared").fetchone()[0]
    if owner != org:
        raise JournalError(
            f"{path}: this is the quota's ledger of organization {owner}, not of {org}.",
            hint="Remove the file if it was copied here by hand; what it remembers is at most 24 hours of calls.",
        )
    connection.execute(f"PRAGMA busy_timeout = {round(BUSY_S * 1000)}")


def refuse_other_version(connection: sqlite3.Connection, path: Path) -> None:
    """See that the ledger at *path* was written as it is read here; a file without tables is as good.

    Raises:
        JournalError: It was not.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, SCHEMA_VERSION):
        forget = "remove the file while no run is at work: what it remembers is 24 hours of calls."
        raise JournalError(
            f"{path}: the quota's ledger has version {version}; this bulkzoho knows {SCHEMA_VERSION}.",
            hint="Upgrade bulkzoho." if version > SCHEMA_VERSION else f"Finish what runs with the older bulkzoho, then {forget}",
        )


@contextmanager
def mapped_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors and the system's into ours.

    Raises:
        LedgerBusyError: Another process holds the ledger.
        JournalError: It cannot be read or written.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise LedgerBusyError from error
        raise _unusable(path, error) from error
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: BaseException | None) -> JournalError:
    return JournalError(
        f"{path}: the quota's ledger cannot be read or written: {error}.",
        hint="Make room on the disk and see that the folder can be written, or let BULKZOHO_HOME name another; then resume."
        " A damaged ledger may be removed: what it remembers is at most 24 hours of calls.",
    )
