"""Tables of the rate limit ledger."""

from __future__ import annotations

from typing import Final

__all__ = ["SCHEMA", "SCHEMA_VERSION"]

SCHEMA_VERSION: Final = 2

SCHEMA: Final = f"""
BEGIN IMMEDIATE;
-- used tokens: free again from this tenth of a second on (wall time)
CREATE TABLE IF NOT EXISTS cooling (until INTEGER PRIMARY KEY, calls INTEGER NOT NULL);
-- calls finished in each minute of the epoch, by run
CREATE TABLE IF NOT EXISTS spent (
    minute INTEGER NOT NULL, run TEXT NOT NULL, calls INTEGER NOT NULL, credits INTEGER NOT NULL,
    PRIMARY KEY (minute, run)
) WITHOUT ROWID;
-- active processes with what they hold; ``calls`` are leased or in flight, ``beat`` is the wall time of the last report
CREATE TABLE IF NOT EXISTS process (
    id TEXT PRIMARY KEY, run TEXT NOT NULL, beat REAL NOT NULL, calls INTEGER NOT NULL, credits INTEGER NOT NULL,
    rate_want REAL NOT NULL, in_flight INTEGER NOT NULL, in_flight_want INTEGER NOT NULL,
    heavy INTEGER NOT NULL, heavy_want INTEGER NOT NULL, flying INTEGER NOT NULL, flying_heavy INTEGER NOT NULL
) WITHOUT ROWID;
-- one row: the clock that the times belong to, the end of a pause, the service's last figure of the credits
CREATE TABLE IF NOT EXISTS shared (
    one INTEGER PRIMARY KEY CHECK (one = 1), org TEXT NOT NULL, boot TEXT NOT NULL DEFAULT '', clock_offset REAL,
    paused_until REAL NOT NULL DEFAULT 0, credits_allowed INTEGER, credits_at REAL NOT NULL DEFAULT 0
);
-- limits, as JSON, of each run of the last 24 hours
CREATE TABLE IF NOT EXISTS told (run TEXT PRIMARY KEY, limits TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
