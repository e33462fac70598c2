"""Connect to a journal's file, and say what goes wrong with it in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bulkzoho.errors import JournalError

__all__ = ["UNBORN", "connect", "incomplete_journal_error", "map_sqlite_errors"]

UNBORN: Final = "UNBORN"  #: the code of a journal that its run had not finished to make
CACHE_KB: Final = 256  # of pages; SQLite's own 2,000 would only fill up, since a run goes back to its last rows at most


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
            f"{path}: the file system cannot hold a write-ahead log (journal mode is {mode}).",
            hint="Set BULKZOHO_HOME to a folder on a local disk.",
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    return connection


@contextmanager
def map_sqlite_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into our one error, with the remedy."""
    try:
        yield
    except sqlite3.Error as error:
        # a rollback journal lies beside it: the process died as it turned the new file to a write-ahead log
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
    return "See that the run's folder is on a local disk and not in use, then `bulkzoho resume`."


def incomplete_journal_error(path: Path) -> JournalError:
    """Give the error of a journal that its run had not finished to make."""
    return JournalError(f"{path}: the run died before its first call, or is about to begin.", hint="Begin again.", code=UNBORN)
