"""The tables of a run's journal, and the steps that upgrade a journal of an older version."""

from __future__ import annotations

import sqlite3
from typing import Final

__all__ = ["READABLE", "SCHEMA_VERSION", "create", "upgrade"]

SCHEMA_VERSION: Final = 5
READABLE: Final = range(1, SCHEMA_VERSION + 1)  # versions that can be read without an upgrade

_RUN_TABLES: Final = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    run TEXT NOT NULL, command TEXT NOT NULL, crm_module TEXT NOT NULL, operation TEXT NOT NULL,
    settings TEXT NOT NULL, started TEXT NOT NULL, org TEXT NOT NULL, user TEXT NOT NULL,
    status TEXT NOT NULL, seconds REAL NOT NULL, calls INTEGER NOT NULL, retried INTEGER NOT NULL,
    throttled INTEGER NOT NULL, credits INTEGER NOT NULL, crm_before INTEGER, turn INTEGER,
    row_rules INTEGER NOT NULL
) STRICT;
CREATE TABLE source (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    read_bytes INTEGER NOT NULL, digest TEXT NOT NULL, content TEXT NOT NULL,
    rows_read INTEGER NOT NULL, complete INTEGER NOT NULL
) STRICT;
CREATE TABLE shipment (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, rows TEXT NOT NULL,
    state TEXT NOT NULL, attempt INTEGER NOT NULL, sent_at REAL, skew_s REAL, since_s REAL, leaves_by REAL,
    created INTEGER NOT NULL DEFAULT 0, updated INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0, dead_lettered INTEGER NOT NULL DEFAULT 0, already_settled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE file (name TEXT PRIMARY KEY, length INTEGER NOT NULL) STRICT;
CREATE TABLE letter (
    run TEXT NOT NULL, source TEXT NOT NULL, row INTEGER NOT NULL, content BLOB NOT NULL, accepted INTEGER NOT NULL,
    PRIMARY KEY (run, source, row)
) STRICT, WITHOUT ROWID;
"""

_EXPORT_TABLES: Final = """
CREATE TABLE export (id INTEGER PRIMARY KEY CHECK (id = 1), plan TEXT NOT NULL) STRICT;
CREATE TABLE partition (
    number INTEGER PRIMARY KEY, above TEXT NOT NULL, up_to TEXT NOT NULL, position TEXT NOT NULL,
    records INTEGER NOT NULL, length INTEGER NOT NULL, done INTEGER NOT NULL
) STRICT;
CREATE TABLE overlap (id TEXT PRIMARY KEY, moment TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""

#: Exports of version 3 added their tables themselves, some of them without "edge", and counted their records in a shipment.
_EXPORT_TABLES_OF_VERSION_3: Final = """
CREATE TABLE IF NOT EXISTS export (id INTEGER PRIMARY KEY CHECK (id = 1), plan TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS strand (
    number INTEGER PRIMARY KEY, above TEXT NOT NULL, up_to TEXT NOT NULL, position TEXT NOT NULL,
    records INTEGER NOT NULL, length INTEGER NOT NULL, done INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS edge (id TEXT PRIMARY KEY, moment TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""

_STEPS: Final = {  # from this version to the next
    1: "ALTER TABLE shipment ADD COLUMN skew_s REAL; ALTER TABLE shipment ADD COLUMN since_s REAL;",
    2: "ALTER TABLE run ADD COLUMN turn INTEGER;",
    3: _EXPORT_TABLES_OF_VERSION_3  # noqa: S608  constants
    + """
        ALTER TABLE strand RENAME TO partition;
        ALTER TABLE edge RENAME TO overlap;
        DELETE FROM shipment WHERE (SELECT command FROM run) = 'export';
        DELETE FROM source WHERE (SELECT command FROM run) = 'export';
    """,
    4: "ALTER TABLE shipment ADD COLUMN leaves_by REAL; ALTER TABLE run ADD COLUMN row_rules INTEGER NOT NULL DEFAULT 1;",
}


def create(connection: sqlite3.Connection) -> None:
    """Create the tables of a new journal, in one transaction with their version."""
    connection.executescript(f"BEGIN; {_RUN_TABLES} {_EXPORT_TABLES} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def upgrade(connection: sqlite3.Connection, *, read_only: bool) -> int:
    """Upgrade an existing journal to :data:`SCHEMA_VERSION`; return the version that it has then.

    A newer journal stays as it is, for the caller to refuse; so does a journal that is only read.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 or version >= SCHEMA_VERSION or read_only:
        return version
    steps = " ".join(_STEPS[step] for step in range(version, SCHEMA_VERSION))
    connection.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    return SCHEMA_VERSION
