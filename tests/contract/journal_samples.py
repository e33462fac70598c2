"""Journals as older versions of bulkzoho wrote them, as SQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path

__all__ = ["VERSION_1", "VERSION_3_EXPORT", "VERSION_3_IMPORT", "write_journal"]

_TABLES_1 = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    run TEXT NOT NULL, command TEXT NOT NULL, crm_module TEXT NOT NULL, operation TEXT NOT NULL,
    settings TEXT NOT NULL, started TEXT NOT NULL, org TEXT NOT NULL, user TEXT NOT NULL,
    status TEXT NOT NULL, seconds REAL NOT NULL, calls INTEGER NOT NULL, retried INTEGER NOT NULL,
    throttled INTEGER NOT NULL, credits INTEGER NOT NULL, crm_before INTEGER
) STRICT;
CREATE TABLE source (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    read_bytes INTEGER NOT NULL, digest TEXT NOT NULL, content TEXT NOT NULL,
    rows_read INTEGER NOT NULL, complete INTEGER NOT NULL
) STRICT;
CREATE TABLE shipment (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, rows TEXT NOT NULL,
    state TEXT NOT NULL, attempt INTEGER NOT NULL, sent_at REAL,
    created INTEGER NOT NULL DEFAULT 0, updated INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0, dead_lettered INTEGER NOT NULL DEFAULT 0, already_settled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE file (name TEXT PRIMARY KEY, length INTEGER NOT NULL) STRICT;
CREATE TABLE letter (
    run TEXT NOT NULL, source TEXT NOT NULL, row INTEGER NOT NULL, content BLOB NOT NULL, accepted INTEGER NOT NULL,
    PRIMARY KEY (run, source, row)
) STRICT, WITHOUT ROWID;
"""

_TO_3 = """
ALTER TABLE shipment ADD COLUMN skew_s REAL;
ALTER TABLE shipment ADD COLUMN since_s REAL;
ALTER TABLE run ADD COLUMN turn INTEGER;
PRAGMA user_version = 3;
"""

_IMPORT = """
INSERT INTO run (id, run, command, crm_module, operation, settings, started, org, user, status, seconds, calls, retried,
                 throttled, credits, crm_before)
VALUES (1, 'r1', 'import', 'Leads', 'upsert',
        '{"import": {"inputs": ["/a.csv"], "crm_module": "leads", "operation": "upsert", "match_on": ["Email"], "limit": 250,
          "quota": {"plan": "ultimate", "reserve": 0.3}, "window": {"start": "22:00", "end": "06:00"}, "forgotten": 1},
          "only_codes": [], "account": {"profile": "acme"}}',
        '2026-11-24T10:15:00Z', '1', '2', 'interrupted', 1.5, 5, 1, 1, 50, 7);
INSERT INTO source VALUES (0, '/a.csv', 'a.csv', 9, 8, 9, 'd', '', 250, 1);
INSERT INTO shipment (id, source, rows, state, attempt, sent_at, created, dead_lettered)
VALUES (1, 0, '1-100', 'settled', 1, 1000.5, 99, 1);
INSERT INTO shipment (id, source, rows, state, attempt, sent_at) VALUES (2, 0, '101-200', 'sent', 2, 1001.5);
INSERT INTO file VALUES ('results.jsonl', 77);
"""

VERSION_1 = f"{_TABLES_1} {_IMPORT} PRAGMA user_version = 1;"
VERSION_3_IMPORT = f"{_TABLES_1} {_TO_3} {_IMPORT}"

#: A finished export: it counted its records in a source and a shipment of their own.
VERSION_3_EXPORT = f"""{_TABLES_1} {_TO_3}
INSERT INTO run VALUES (1, 'e1', 'export', 'Leads', '',
        '{{"export": {{"crm_module": "Leads", "output": "/leads.csv", "format": "csv", "converted": "false"}}, "account": {{}}}}',
        '2026-11-24T10:15:00Z', '1', '2', 'completed', 1.5, 5, 0, 0, 5, NULL, NULL);
CREATE TABLE export (id INTEGER PRIMARY KEY CHECK (id = 1), plan TEXT NOT NULL) STRICT;
CREATE TABLE strand (
    number INTEGER PRIMARY KEY, above TEXT NOT NULL, up_to TEXT NOT NULL, position TEXT NOT NULL,
    records INTEGER NOT NULL, length INTEGER NOT NULL, done INTEGER NOT NULL
) STRICT;
CREATE TABLE edge (id TEXT PRIMARY KEY, moment TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO export VALUES (1, '{{"route": "list", "reason": "cheapest", "fields": ["Email", "City"],
        "bound": "2026-11-24T10:15:00+00:00", "since": null, "expected": 7, "notes": []}}');
INSERT INTO strand VALUES (0, '', '', '{{"tokens": ["a"]}}', 7, 70, 1);
INSERT INTO edge VALUES ('5725', '2026-11-24T10:14:00+00:00');
INSERT INTO source VALUES (0, '', 'Leads', -1, -1, 0, '', '', 7, 1);
INSERT INTO shipment (id, source, rows, state, attempt, sent_at, unchanged) VALUES (1, 0, '1-7', 'settled', 1, 1000.5, 7);
"""


def write_journal(path: Path, sql: str) -> None:
    """Make the journal at *path* with *sql*."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(sql)
    connection.close()
