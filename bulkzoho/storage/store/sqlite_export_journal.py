"""The export's tables in the run's journal: what was decided, how far each strand was read, what the next export must know."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from bulkzoho.domain.model.export import Partition
from bulkzoho.storage.store.connection import connect, map_sqlite_errors

__all__ = ["SqliteExportJournal"]

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS export (id INTEGER PRIMARY KEY CHECK (id = 1), plan TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS strand (
    number INTEGER PRIMARY KEY, above TEXT NOT NULL, up_to TEXT NOT NULL, position TEXT NOT NULL,
    records INTEGER NOT NULL, length INTEGER NOT NULL, done INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS edge (id TEXT PRIMARY KEY, moment TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""  # an export that an older version began gets what it lacks when it is opened
_NOTHING: Final[Mapping[str, str]] = {}


class SqliteExportJournal:
    """Beside :class:`~bulkzoho.storage.store.sqlite_journal.SqliteJournal`, on the same file; the run's lock keeps others out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with map_sqlite_errors(path):
            self._connection = connect(path)
            self._connection.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def plan(self) -> dict[str, Any] | None:
        """Give what was decided, None before it was."""
        with map_sqlite_errors(self._path):
            row = self._connection.execute("SELECT plan FROM export").fetchone()
        return None if row is None else dict(json.loads(row["plan"]))

    def begin(self, plan: dict[str, Any], strands: Sequence[Partition]) -> None:
        """Keep what was decided, together with its strands.

        Raises:
            JournalError: It cannot be written.
        """
        with map_sqlite_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("INSERT INTO export VALUES (1, ?)", (json.dumps(plan),))
            self._connection.executemany("INSERT INTO strand VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, strands))
            self._connection.execute("COMMIT")

    def settle(self, strand: Partition, edge: Mapping[str, str] = _NOTHING) -> None:
        """Make durable how far *strand* was read, and what *edge* adds; its file must be durable up to its length already.

        Raises:
            JournalError: It cannot be written; nothing of it is.
        """
        with map_sqlite_errors(self._path), self._connection:  # which commits, or rolls back
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO edge VALUES (?, ?)", edge.items())
            self._connection.execute("INSERT OR REPLACE INTO strand VALUES (?, ?, ?, ?, ?, ?, ?)", _row(strand))

    def edge(self) -> dict[str, str]:
        """Give what was settled of the edge: when each record was changed or deleted, by id."""
        with map_sqlite_errors(self._path):
            return {row["id"]: row["moment"] for row in self._connection.execute("SELECT id, moment FROM edge")}

    def strands(self) -> list[Partition]:
        """Give the strands, in the order in which their files are joined."""
        with map_sqlite_errors(self._path):
            rows = self._connection.execute("SELECT * FROM strand ORDER BY number").fetchall()
        return [
            Partition(
                number=row["number"],
                above=row["above"],
                up_to=row["up_to"],
                position=json.loads(row["position"]),
                records=row["records"],
                length=row["length"],
                done=bool(row["done"]),
            )
            for row in rows
        ]


def _row(strand: Partition) -> tuple[int | str, ...]:
    position = json.dumps(dict(strand.position))
    return (strand.number, strand.above, strand.up_to, position, strand.records, strand.length, int(strand.done))
