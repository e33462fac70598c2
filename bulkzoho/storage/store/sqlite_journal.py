"""The journal in SQLite: one file per run, one connection, one writing process.

``journal_mode=WAL`` and ``synchronous=FULL``: when COMMIT returns, the data is on the disk.  FULL and not NORMAL, because a
*sent* that is lost in a power cut is a batch that a resume would insert a second time.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self, assert_never

from bulkzoho.domain.model.journal_events import (
    MOVES,
    Change,
    FileLengthCommitted,
    InputInfo,
    InputProgressed,
    LetterClaimed,
    LetterSettled,
    Ranges,
    RowsRejected,
    RunInfo,
    RunUpdated,
    ShipmentRecord,
    ShipmentReleased,
    ShipmentSent,
    ShipmentSettled,
    ShipmentState,
    count_rows,
)
from bulkzoho.domain.model.progress import CallCounts
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.model.run_settings import ExportRunSettings, RunSettings, run_settings_from_json
from bulkzoho.errors import JournalError
from bulkzoho.storage.store import schema
from bulkzoho.storage.store.connection import connect, incomplete_journal_error, map_sqlite_errors, transaction
from bulkzoho.storage.store.sqlite_export_journal import SqliteExportJournal

__all__ = ["SqliteJournal"]

_CLAIMED = 2  # letter.accepted: 0 rejected, 1 accepted, 2 not settled
_TALLY = ("created", "updated", "deleted", "unchanged", "dead_lettered", "already_settled")
_CLOCKS = ("skew_s", "since_s", "leaves_by")  # columns of a shipment that older versions did not have
_FROM = {  # the states from which each state can be reached, as SQL
    to: ", ".join(f"'{state}'" for state, moves in MOVES.items() if state is not None and to in moves) for to in ShipmentState
}
_SENT = f"""
    INSERT INTO shipment (id, source, rows, state, attempt, sent_at, skew_s, since_s, leaves_by)
    VALUES (?, ?, ?, 'sent', ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET state = 'sent', attempt = excluded.attempt, sent_at = excluded.sent_at,
        skew_s = excluded.skew_s, since_s = excluded.since_s, leaves_by = excluded.leaves_by
    WHERE state IN ({_FROM[ShipmentState.SENT]})
"""  # noqa: S608  constants
_RELEASED = f"UPDATE shipment SET state = 'released' WHERE id = ? AND state IN ({_FROM[ShipmentState.RELEASED]})"  # noqa: S608
_SETTLED = f"""
    UPDATE shipment SET state = 'settled', rows = ?, {", ".join(f"{name} = ?" for name in _TALLY)}
    WHERE id = ? AND state IN ({_FROM[ShipmentState.SETTLED]})
"""  # noqa: S608  constants
_REJECTED = """
    INSERT INTO shipment (id, source, rows, state, attempt, dead_lettered, already_settled) VALUES (?, ?, ?, 'settled', 0, ?, ?)
    ON CONFLICT (id) DO NOTHING
"""
_SOURCE = ("path", "name", "size", "mtime_ns", "read_bytes", "digest", "content", "rows_read", "complete")


class SqliteJournal:
    """See :class:`bulkzoho.interfaces.RunJournal`.  One thread at a time may use it.

    Attributes:
        path: The database file.
        export: The part that only an export uses.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.export = SqliteExportJournal(path, connection)
        self._connection = connection
        self._identity = _identity_of(path)

    @classmethod
    def create(cls, path: Path, info: RunInfo, inputs: Sequence[InputInfo]) -> Self:
        """Create the journal of a new run.

        Raises:
            JournalError: It exists, cannot be written, or the file system does not support a write-ahead log.
        """
        with map_sqlite_errors(path):
            path.touch(mode=0o600, exist_ok=False)
            connection = connect(path)
            schema.create(connection)
            journal = cls(path, connection)
            with transaction(connection):
                journal._insert_run(info)
                for source in inputs:
                    journal._apply(InputProgressed(facts=source))
        return journal

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open the journal of an existing run.

        Raises:
            JournalError: It does not exist, is damaged, or a newer bulkzoho wrote it.
        """
        with map_sqlite_errors(path):
            if not path.exists():
                raise JournalError(f"{path}: there is no journal.", hint="Name a run that `bulkzoho runs` lists.")
            connection = connect(path, read_only=read_only)
            version = schema.upgrade(connection, read_only=read_only)
        if version == 0:
            raise incomplete_journal_error(path)
        if version not in schema.READABLE:
            raise JournalError(
                f"{path}: the journal has version {version}; this bulkzoho knows {schema.SCHEMA_VERSION}.",
                hint="Upgrade bulkzoho, or use the version that started the run.",
            )
        return cls(path, connection)

    def close(self) -> None:
        """Close it; SQLite merges the write-ahead log into the file."""
        self._connection.close()

    def commit(self, changes: Sequence[Change]) -> None:
        """See :meth:`bulkzoho.interfaces.RunJournal.commit`."""
        self.prepare(changes)()

    def prepare(self, changes: Sequence[Change]) -> Callable[[], None]:
        """See :meth:`bulkzoho.interfaces.RunJournal.prepare`."""
        if _identity_of(self.path) != self._identity:  # SQLite would write to a deleted file
            raise JournalError(
                f"{self.path}: the journal was moved or deleted while the run was working.",
                hint="Put journal.db and journal.db-wal back, then `bulkzoho resume`.",
            )
        with map_sqlite_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            with self._rollback_on_error():
                for change in changes:
                    self._apply(change)
        return self._commit

    def undo(self) -> None:
        """See :meth:`bulkzoho.interfaces.RunJournal.undo`."""
        with map_sqlite_errors(self.path):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _commit(self) -> None:
        with map_sqlite_errors(self.path), self._rollback_on_error():
            self._connection.execute("COMMIT")

    @contextmanager
    def _rollback_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def bind_account(
        self, *, org: str, user: str, crm_module: str, crm_before: int | None = None, turn: int | None = None
    ) -> None:
        """See :meth:`bulkzoho.interfaces.RunJournal.bind_account`."""
        with map_sqlite_errors(self.path):
            self._connection.execute(
                "UPDATE run SET org = ?, user = ?, crm_module = ?, crm_before = coalesce(crm_before, ?),"
                " turn = coalesce(turn, ?)",
                (org, user, crm_module, crm_before, turn),
            )

    def change_settings(self, settings: RunSettings) -> None:
        """See :meth:`bulkzoho.interfaces.RunJournal.change_settings`."""
        with map_sqlite_errors(self.path):
            self._connection.execute("UPDATE run SET settings = ?", (json.dumps(settings.to_json()),))

    def info(self) -> RunInfo:
        """See :meth:`bulkzoho.interfaces.RunJournal.info`."""
        with map_sqlite_errors(self.path):
            row = self._connection.execute("SELECT * FROM run").fetchone()
        if row is None:
            raise incomplete_journal_error(self.path)
        return RunInfo(
            run=row["run"],
            crm_module=row["crm_module"],
            settings=self._settings(row),
            started=row["started"],
            org=row["org"],
            user=row["user"],
            status=RunStatus(row["status"]),
            seconds=row["seconds"],
            calls=CallCounts(total=row["calls"], retried=row["retried"], throttled=row["throttled"], credits=row["credits"]),
            crm_before=row["crm_before"],
            row_rules=row["row_rules"] if "row_rules" in row.keys() else 1,  # noqa: SIM118  a Row iterates over values
            turn=row["turn"] if "turn" in row.keys() else None,  # noqa: SIM118  a Row iterates over values
        )

    def _settings(self, row: sqlite3.Row) -> RunSettings:
        try:
            return run_settings_from_json(row["command"], json.loads(row["settings"]))
        except (ValueError, TypeError, KeyError) as error:
            raise JournalError(
                f"{self.path}: the run's settings cannot be read.",
                hint="Upgrade bulkzoho, or use the version that started the run.",
            ) from error

    def inputs(self) -> list[InputInfo]:
        """See :meth:`bulkzoho.interfaces.RunJournal.inputs`."""
        with map_sqlite_errors(self.path):
            rows = self._connection.execute("SELECT * FROM source ORDER BY id").fetchall()
        return [
            InputInfo(
                index=row["id"],
                path=row["path"],
                name=row["name"],
                size=row["size"],
                mtime_ns=row["mtime_ns"],
                read_bytes=row["read_bytes"],
                digest=row["digest"],
                content=row["content"],
                rows_read=row["rows_read"],
                complete=bool(row["complete"]),
            )
            for row in rows
        ]

    def shipments(self) -> Iterator[ShipmentRecord]:
        """See :meth:`bulkzoho.interfaces.RunJournal.shipments`."""
        with map_sqlite_errors(self.path):
            for row in self._connection.execute("SELECT * FROM shipment ORDER BY id"):
                yield ShipmentRecord(
                    id=row["id"],
                    source=row["source"],
                    rows=_ranges(row["rows"]),
                    state=ShipmentState(row["state"]),
                    attempt=row["attempt"],
                    sent_at=row["sent_at"],
                    **{name: row[name] for name in _CLOCKS if name in row.keys()},  # noqa: SIM118  a Row iterates over values
                )

    def tally(self) -> RowCounts:
        """See :meth:`bulkzoho.interfaces.RunJournal.tally`."""
        sums = ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in _TALLY)
        with map_sqlite_errors(self.path):
            row = self._connection.execute(f"SELECT {sums} FROM shipment").fetchone()  # noqa: S608  names are constants
        return RowCounts(**{name: row[name] for name in _TALLY})

    def row_counts(self) -> RowCounts:
        """See :meth:`bulkzoho.interfaces.RunJournal.row_counts`."""
        info = self.info()
        if isinstance(info.settings, ExportRunSettings):
            with map_sqlite_errors(self.path):
                records = self.export.records()
            if records is not None:
                records = records if info.status is RunStatus.COMPLETED else 0
                return RowCounts(read=records, unchanged=records)
        settled = self.tally()
        read = sum(source.rows_read for source in self.inputs())
        in_doubt = sum(count_rows(shipment.rows) for shipment in self.shipments() if shipment.state is ShipmentState.SENT)
        known = settled.accepted + settled.dead_lettered + settled.already_settled
        return replace(settled, read=read, in_doubt=in_doubt, unsent=read - known - in_doubt)

    def lengths(self) -> dict[str, int]:
        """See :meth:`bulkzoho.interfaces.RunJournal.lengths`."""
        with map_sqlite_errors(self.path):
            return {row["name"]: row["length"] for row in self._connection.execute("SELECT name, length FROM file")}

    def last_id(self) -> int:
        """See :meth:`bulkzoho.interfaces.RunJournal.last_id`."""
        with map_sqlite_errors(self.path):
            return int(self._connection.execute("SELECT coalesce(max(id), 0) FROM shipment").fetchone()[0])

    def settled_letters(self) -> Iterator[LetterSettled]:
        """See :meth:`bulkzoho.interfaces.RunJournal.settled_letters`."""
        with map_sqlite_errors(self.path):
            for row in self._connection.execute("SELECT * FROM letter WHERE accepted <> ?", (_CLAIMED,)):
                yield LetterSettled(
                    run=row["run"],
                    source=row["source"],
                    row=row["row"],
                    content=row["content"],
                    accepted=bool(row["accepted"]),
                )

    def claimed_letters(self) -> Iterator[tuple[str, str, int]]:
        """See :meth:`bulkzoho.interfaces.RunJournal.claimed_letters`."""
        with map_sqlite_errors(self.path):
            for row in self._connection.execute("SELECT * FROM letter WHERE accepted = ?", (_CLAIMED,)):
                yield row["run"], row["source"], row["row"]

    def _insert_run(self, info: RunInfo) -> None:
        settings, calls = json.dumps(info.settings.to_json()), info.calls
        self._connection.execute(
            "INSERT INTO run VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(info.run, info.command, info.crm_module, info.operation or "", settings, info.started),
                *(info.org, info.user, info.status, info.seconds),
                *(calls.total, calls.retried, calls.throttled, calls.credits, info.crm_before, info.turn, info.row_rules),
            ),
        )

    def _apply(self, change: Change) -> None:
        execute = self._connection.execute
        match change:
            case ShipmentSent():
                times = (change.at, change.skew_s, change.since_s, change.leaves_by)
                sent = execute(_SENT, (change.id, change.source, _text(change.rows), change.attempt, *times))
                self._require_moved(sent, change.id, ShipmentState.SENT)
            case ShipmentReleased():
                self._require_moved(execute(_RELEASED, (change.id,)), change.id, ShipmentState.RELEASED)
            case ShipmentSettled():
                counts = [getattr(change.tally, name) for name in _TALLY]
                settled = execute(_SETTLED, (_text(change.rows), *counts, change.id))
                self._require_moved(settled, change.id, ShipmentState.SETTLED)
            case RowsRejected():
                counts = [change.tally.dead_lettered, change.tally.already_settled]
                rejected = execute(_REJECTED, (change.id, change.source, _text(change.rows), *counts))
                self._require_moved(rejected, change.id, ShipmentState.SETTLED)
            case InputProgressed():
                facts = change.facts
                values = tuple(int(v) if isinstance(v := getattr(facts, name), bool) else v for name in _SOURCE)
                execute("INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (facts.index, *values))
            case FileLengthCommitted():
                execute("INSERT OR REPLACE INTO file VALUES (?, ?)", (change.name, change.length))
            case LetterClaimed():
                execute(
                    "INSERT OR IGNORE INTO letter VALUES (?, ?, ?, x'', ?)", (change.run, change.source, change.row, _CLAIMED)
                )
            case LetterSettled():
                execute(
                    "INSERT OR REPLACE INTO letter VALUES (?, ?, ?, ?, ?)",
                    (change.run, change.source, change.row, change.content, int(change.accepted)),
                )
            case RunUpdated():
                calls = change.calls
                execute(
                    "UPDATE run SET status = ?, seconds = ?, calls = ?, retried = ?, throttled = ?, credits = ?",
                    (change.status, change.seconds, calls.total, calls.retried, calls.throttled, calls.credits),
                )
            case _:
                assert_never(change)

    def _require_moved(self, cursor: sqlite3.Cursor, shipment: int, to: ShipmentState) -> None:
        """Refuse a move that is not in :data:`MOVES`: it would settle a row twice or send it after its outcome."""
        if cursor.rowcount != 1:
            row = self._connection.execute("SELECT state FROM shipment WHERE id = ?", (shipment,)).fetchone()
            raise JournalError(
                f"shipment {shipment} cannot go from {row['state'] if row else 'planned'} to {to}.",
                hint="This is a bug in bulkzoho: please report it.",
            )


def _identity_of(path: Path) -> tuple[int, int] | None:
    """Return the device and inode of the file at *path*, or None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _text(ranges: Ranges) -> str:
    return ",".join(f"{first}-{last}" for first, last in ranges)


def _ranges(text: str) -> Ranges:
    return [(int(first), int(last)) for first, _, last in (part.partition("-") for part in text.split(",") if part)]
