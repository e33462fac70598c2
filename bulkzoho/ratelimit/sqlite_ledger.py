"""The ledger in SQLite: what all processes of one organization used and hold.  One file per organization.

``synchronous=NORMAL``: a killed process loses nothing; a power cut may lose the last seconds, and the restart takes longer than
their minute.  No call here blocks for more than :data:`BUSY_S`, because they run in the event loop.
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
from bulkzoho.storage.files.private_folder import make_private_folder

__all__ = ["BUSY_S", "Ledger", "LedgerBusyError", "map_ledger_errors", "require_known_version"]

BUSY_S: Final = 0.25  # seconds to wait for another process's transaction
OPENING_BUSY_S: Final = 5.0  # the same while opening: several processes may create the tables at once


class LedgerBusyError(Exception):
    """Another process has locked the ledger; nothing was written, try again."""


class Ledger:
    """One process's access to the ledger.  Not thread-safe."""

    def __init__(self, path: Path, connection: sqlite3.Connection, queries: LedgerQueries) -> None:
        self.path = path
        self._connection = connection
        self._queries = queries
        self._registered = False
        self._saved_limits: QuotaLimits | None = None

    @classmethod
    def open(cls, path: Path, *, org: str, process_id: str, run: str) -> Self:
        """Open the ledger of *org*; create it if it does not exist.

        Args:
            path: The file; its folder is created if necessary.
            org: Id of the organization whose calls it counts.
            process_id: Unique name of this process in the ledger.
            run: Name of the run that the calls belong to.

        Raises:
            JournalError: It cannot be read or written, or belongs to another organization.
        """
        try:
            with map_ledger_errors(path):
                make_private_folder(path.parent)
                path.touch(mode=0o600, exist_ok=True)
                connection = sqlite3.connect(path, timeout=OPENING_BUSY_S, isolation_level=None)
                try:
                    _prepare(connection, path, org)
                except BaseException:
                    connection.close()
                    raise
        except LedgerBusyError as error:
            raise JournalError(
                f"{path}: another process has locked the rate limit ledger for {OPENING_BUSY_S:.0f} s.",
                hint="Find the program that has the file open (a stopped bulkzoho?), then run this command again.",
            ) from error
        return cls(path, connection, LedgerQueries(connection, process_id=process_id, run=run))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def exchange(self, report: UsageReport, limits: QuotaLimits, reading: ClockReading) -> Allocation:
        """Record *report* and take the next allocation, in one transaction.

        Raises:
            LedgerBusyError: Nothing was written; report again.
            JournalError: The file cannot be written.
        """
        queries = self._queries
        with map_ledger_errors(self.path), self._transaction():
            queries.sync_clock(reading)
            queries.expire_dead_processes(reading.wall)
            expired = self._registered and not queries.is_registered()
            if expired:  # its tokens already count as used
                report = replace(report, unused=0, unused_credits=0)
            queries.record_usage(report, reading.wall)
            shared = queries.shared_state(limits, reading.wall)
            allocation = allocate(shared, report, limits, process_id=queries.process_id)
            queries.record_allocation(allocation, report, reading.wall)
            if limits is not self._saved_limits:
                queries.save_limits(limits)
            if allocation.limited_by is LimitKind.DAY:
                allocation = replace(allocation, frees_at_tenths=queries.next_call_at(shared, limits))
            elif allocation.limited_by is LimitKind.CREDITS:
                allocation = replace(allocation, frees_at_tenths=queries.next_credits_at(shared, report.credits_needed))
            paused_until = queries.paused_until()
        self._registered, self._saved_limits = True, limits
        return replace(allocation, expired=expired, paused_until=paused_until)

    def leave(self, report: UsageReport, reading: ClockReading) -> None:
        """Record *report* and release everything this process holds; calls in flight count as finished now.

        Raises:
            LedgerBusyError: Nothing was written.
            JournalError: The file cannot be written.
        """
        with map_ledger_errors(self.path), self._transaction():
            self._queries.sync_clock(reading)
            self._queries.record_usage(report, reading.wall)
            self._queries.remove_process(report, reading.wall)
        self._registered = False

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
            f"{path}: this file system does not support a write-ahead log (journal mode {mode}).",
            hint="Set BULKZOHO_HOME to a folder on a local disk.",
        )
    connection.execute("PRAGMA synchronous = NORMAL")
    require_known_version(connection, path)
    connection.executescript(SCHEMA)
    connection.execute("INSERT OR IGNORE INTO shared (one, org) VALUES (1, ?)", (org,))
    owner = connection.execute("SELECT org FROM shared").fetchone()[0]
    if owner != org:
        raise JournalError(
            f"{path}: this is the rate limit ledger of organization {owner}, not of {org}.",
            hint="If the file was copied here by hand, remove it; it holds at most 24 hours of calls.",
        )
    connection.execute(f"PRAGMA busy_timeout = {round(BUSY_S * 1000)}")


def require_known_version(connection: sqlite3.Connection, path: Path) -> None:
    """Check the schema version of the ledger at *path*; a file without tables passes.

    Raises:
        JournalError: Another version wrote it.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, SCHEMA_VERSION):
        remove = "remove the file while no run is active: it holds at most 24 hours of calls."
        raise JournalError(
            f"{path}: the rate limit ledger has version {version}; this bulkzoho reads version {SCHEMA_VERSION}.",
            hint="Upgrade bulkzoho." if version > SCHEMA_VERSION else f"Finish the runs of the older bulkzoho, then {remove}",
        )


@contextmanager
def map_ledger_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the system into ours.

    Raises:
        LedgerBusyError: Another process has locked the ledger.
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
        f"{path}: cannot read or write the rate limit ledger: {error}.",
        hint="Free disk space and check that the folder is writable, or set BULKZOHO_HOME to another directory; then resume."
        " A damaged ledger may be removed: it holds at most 24 hours of calls.",
    )
