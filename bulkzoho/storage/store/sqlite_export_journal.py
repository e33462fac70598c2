"""The part of a run's SQLite journal that only an export uses: plan, partitions, overlap with the next export."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from bulkzoho.domain.model.export import ExportPlan, Partition
from bulkzoho.domain.model.settings_json import from_json, to_json
from bulkzoho.storage.store.connection import map_sqlite_errors, transaction

__all__ = ["SqliteExportJournal"]


class SqliteExportJournal:
    """See :class:`bulkzoho.interfaces.ExportJournal`.  Uses the connection of the run's journal."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def begin(self, plan: ExportPlan, partitions: Sequence[Partition]) -> None:
        """See :meth:`bulkzoho.interfaces.ExportJournal.begin`."""
        with map_sqlite_errors(self._path), transaction(self._connection) as execute:
            execute("INSERT INTO export VALUES (1, ?)", (json.dumps(to_json(plan)),))
            for partition in partitions:
                execute("INSERT INTO partition VALUES (?, ?, ?, ?, ?, ?, ?)", _row(partition))

    def plan(self) -> ExportPlan | None:
        """See :meth:`bulkzoho.interfaces.ExportJournal.plan`."""
        with map_sqlite_errors(self._path):
            row = self._connection.execute("SELECT plan FROM export").fetchone()
        return None if row is None else from_json(ExportPlan, json.loads(row["plan"]))

    def partitions(self) -> list[Partition]:
        """See :meth:`bulkzoho.interfaces.ExportJournal.partitions`."""
        with map_sqlite_errors(self._path):
            rows = self._connection.execute("SELECT * FROM partition ORDER BY number").fetchall()
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

    def overlap(self) -> dict[str, str]:
        """See :meth:`bulkzoho.interfaces.ExportJournal.overlap`."""
        with map_sqlite_errors(self._path):
            return {row["id"]: row["moment"] for row in self._connection.execute("SELECT id, moment FROM overlap")}

    def settle(self, partition: Partition, overlap: Mapping[str, str]) -> None:
        """See :meth:`bulkzoho.interfaces.ExportJournal.settle`."""
        with map_sqlite_errors(self._path), transaction(self._connection) as execute:
            for record_id, moment in overlap.items():
                execute("INSERT OR REPLACE INTO overlap VALUES (?, ?)", (record_id, moment))
            execute("INSERT OR REPLACE INTO partition VALUES (?, ?, ?, ?, ?, ?, ?)", _row(partition))

    def records(self) -> int | None:
        """Return the records read so far; None in a journal of an older version that was opened read-only."""
        try:
            total = self._connection.execute("SELECT coalesce(sum(records), 0) FROM partition").fetchone()[0]
        except sqlite3.OperationalError:  # no such table
            return None
        return int(total)


def _row(partition: Partition) -> tuple[int | str, ...]:
    position = json.dumps(dict(partition.position))
    return (
        *(partition.number, partition.above, partition.up_to, position),
        *(partition.records, partition.length, int(partition.done)),
    )
