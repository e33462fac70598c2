"""Open the SQLite file of a journal, and map SQLite's errors to ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bulkzoho.errors import JournalError

__all__ = ["UNBORN", "connect", "incomplete_journal_error", "map_sqlite_errors", "transaction"]

UNBORN: Final = "UNBORN"  #: the error code of a journal whose run stopped while it made it
CACHE_KB: Final = 256  # of pages; SQLite's own 2,000 would only fill up, since a run reads its last rows at most


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the database at *path* so that a COMMIT survives a power cut."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    connection = sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        timeout=10.0,
        check_same_thread=False,  # a COMMIT waits for the disk in a thread
    )
    connection.row_factory = sqlite3.Row
    if read_only:
        return connection
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        connection.close()
        raise JournalError(
            f"{path}: the file system does not support a write-ahead log (journal mode is {mode}).",
            hint="Set BULKZOHO_HOME to a folder on a local disk.",
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[Callable[[str, Any], sqlite3.Cursor]]:
    """Run statements in one transaction; roll back if one fails."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection.execute
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def map_sqlite_errors(path: Path) -> Iterator[None]:
    """Raise errors of SQLite and of the system as :class:`JournalError`, with the remedy."""
    try:
        yield
    except sqlite3.Error as error:
        # a rollback journal is beside it: the process died while it switched the new file to a write-ahead log
        if getattr(error, "sqlite_errorname", "") == "SQLITE_READONLY_ROLLBACK":
            raise incomplete_journal_error(path) from error
        raise JournalError(f"{path}: the journal could not be read or written ({error}).", hint=_remedy(error)) from error
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror}.", hint="Make room or give write permission, then resume.") from error


def _remedy(error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if "FULL" in name or "IOERR" in name:
        return "Make room on the disk, then `bulkzoho resume`."
    if "READONLY" in name or "CANTOPEN" in name:
        return "Give this user write permission on the run's folder, or set BULKZOHO_HOME, then `bulkzoho resume`."
    return "Check that the run's folder is on a local disk and not in use, then `bulkzoho resume`."


def incomplete_journal_error(path: Path) -> JournalError:
    """Return the error of a journal whose run stopped, or is about to continue, before the journal was complete."""
    return JournalError(
        f"{path}: the run's journal is incomplete: the run stopped before its first call.",
        hint="Start a new run.",
        code=UNBORN,
    )
