"""The journal in SQLite: one file a run, one connection, one owner.

``journal_mode=WAL`` and ``synchronous=FULL``: a COMMIT is on the disk when it returns, as far as the disk tells the truth.
FULL and not NORMAL, because a *sent* that a power cut forgets is a batch that a resume would insert a second time.
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
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import CallCounts, RunStatus
from bulkzoho.errors import JournalError
from bulkzoho.storage.store import schema
from bulkzoho.storage.store.connection import connect, incomplete_journal_error, map_sqlite_errors

__all__ = ["SqliteJournal"]

_CLAIMED = 2  # letter.accepted: 0 refused, 1 accepted, 2 to be sent
_TALLY = ("created", "updated", "deleted", "unchanged", "dead_lettered", "already_settled")
_CLOCKS = ("skew_s", "since_s")  # columns of a shipment that the first version did not have
_FROM = {  # the states from which each may be reached, as SQL
    to: ", ".join(f"'{state}'" for state, moves in MOVES.items() if state is not None and to in moves) for to in ShipmentState
}
_SENT = f"""
    INSERT INTO shipment (id, source, rows, state, attempt, sent_at, skew_s, since_s) VALUES (?, ?, ?, 'sent', ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET state = 'sent', attempt = excluded.attempt, sent_at = excluded.sent_at,
        skew_s = excluded.skew_s, since_s = excluded.since_s WHERE state IN ({_FROM[ShipmentState.SENT]})
"""  # noqa: S608  constants
_RELEASED = f"UPDATE shipment SET state = 'released' WHERE id = ? AND state IN ({_FROM[ShipmentState.RELEASED]})"  # noqa: S608
_SETTLED = f"""
    UPDATE shipment SET state = 'settled', rows = ?, {", ".join(f"{name} = ?" for name in _TALLY)}
    WHERE id = ? AND state IN ({_FROM[ShipmentState.SETTLED]})
"""  # noqa: S608  constants
_REFUSED = """
    INSERT INTO shipment (id, source, rows, state, attempt, dead_lettered, already_settled) VALUES (?, ?, ?, 'settled', 0, ?, ?)
    ON CONFLICT (id) DO NOTHING
"""
_SOURCE = ("path", "name", "size", "mtime_ns", "read_bytes", "digest", "content", "rows_read", "complete")


class SqliteJournal:
    """A run's journal.  One thread at a time may use it, and one process: the run's lock keeps others out.

    Attributes:
        path: The database file.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._identity = _identity_of(path)

    @classmethod
    def create(cls, path: Path, facts: RunInfo, sources: Sequence[InputInfo]) -> Self:
        """Make the journal of a new run.

        Raises:
            JournalError: It exists, or cannot be written, or the file system cannot hold a write-ahead log.
        """
        with map_sqlite_errors(path):
            path.touch(mode=0o600, exist_ok=False)
            connection = connect(path)
            schema.create(connection)
            journal = cls(path, connection)
            connection.execute("BEGIN IMMEDIATE")
            journal._insert_run(facts)
            for source in sources:
                journal._apply(InputProgressed(facts=source))
            connection.execute("COMMIT")
        return journal

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open the journal of an existing run.

        Raises:
            JournalError: It is not there, is damaged, or was written by a newer bulkzoho.
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
                hint="Upgrade bulkzoho, or use the version that began the run.",
            )
        return cls(path, connection)

    def close(self) -> None:
        """Close it; the write-ahead log is folded into the file."""
        self._connection.close()

    def commit(self, changes: Sequence[Change]) -> None:
        """See :meth:`bulkzoho.interfaces.RunJournal.commit`."""
        self.prepare(changes)()

    def prepare(self, changes: Sequence[Change]) -> Callable[[], None]:
        """See :meth:`bulkzoho.interfaces.RunJournal.prepare`."""
        if _identity_of(self.path) != self._identity:  # SQLite would write on into a file that nobody finds again
            raise JournalError(
                f"{self.path}: the journal was taken away while the run worked.",
                hint="Put journal.db and journal.db-wal back, then `bulkzoho resume`.",
            )
        with map_sqlite_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            with self._or_rolled_back():
                for change in changes:
                    self._apply(change)
        return self._commit

    def undo(self) -> None:
        """See :meth:`bulkzoho.interfaces.RunJournal.undo`."""
        with map_sqlite_errors(self.path):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _commit(self) -> None:
        with map_sqlite_errors(self.path), self._or_rolled_back():
            self._connection.execute("COMMIT")

    @contextmanager
    def _or_rolled_back(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def name_account(self, *, org: str, user: str, crm_module: str, crm_before: int | None, turn: int | None = None) -> None:
        """Keep what the first calls told: whose CRM this run works on, and the module's API name; *turn* only the first time."""
        with map_sqlite_errors(self.path):
            self._connection.execute(
                "UPDATE run SET org = ?, user = ?, crm_module = ?, crm_before = coalesce(crm_before, ?),"
                " turn = coalesce(turn, ?)",
                (org, user, crm_module, crm_before, turn),
            )

    def change_settings(self, settings: dict[str, object]) -> None:
        """Keep settings that a resume was given anew (``--limit``)."""
        with map_sqlite_errors(self.path):
            self._connection.execute("UPDATE run SET settings = ?", (json.dumps(settings),))

    def facts(self) -> RunInfo:
        """See :meth:`bulkzoho.interfaces.RunJournal.facts`."""
        with map_sqlite_errors(self.path):
            row = self._connection.execute("SELECT * FROM run").fetchone()
        if row is None:
            raise incomplete_journal_error(self.path)
        return RunInfo(
            run=row["run"],
            command=row["command"],
            crm_module=row["crm_module"],
            operation=Operation(row["operation"]) if row["operation"] else None,
            settings=json.loads(row["settings"]),
            started=row["started"],
            org=row["org"],
            user=row["user"],
            status=RunStatus(row["status"]),
            seconds=row["seconds"],
            calls=CallCounts(total=row["calls"], retried=row["retried"], throttled=row["throttled"], credits=row["credits"]),
            crm_before=row["crm_before"],
            turn=row["turn"] if "turn" in row.keys() else None,  # noqa: SIM118  a Row iterates over values
        )

    def sources(self) -> list[InputInfo]:
        """See :meth:`bulkzoho.interfaces.RunJournal.sources`."""
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

    def whole_tally(self) -> RowCounts:
        """Give all rows of the run, those in doubt and unsent included."""
        settled = self.tally()
        read = sum(source.rows_read for source in self.sources())
        doubt = sum(count_rows(one.rows) for one in self.shipments() if one.state is ShipmentState.SENT)
        known = settled.accepted + settled.dead_lettered + settled.already_settled
        return replace(settled, read=read, in_doubt=doubt, unsent=read - known - doubt)

    def lengths(self) -> dict[str, int]:
        """See :meth:`bulkzoho.interfaces.RunJournal.lengths`."""
        with map_sqlite_errors(self.path):
            return {row["name"]: row["length"] for row in self._connection.execute("SELECT name, length FROM file")}

    def last_id(self) -> int:
        """See :meth:`bulkzoho.interfaces.RunJournal.last_id`."""
        with map_sqlite_errors(self.path):
            return int(self._connection.execute("SELECT coalesce(max(id), 0) FROM shipment").fetchone()[0])

    def letters(self) -> Iterator[LetterSettled]:
        """Give every letter that this run, a replay, has settled."""
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
        """Give (run, source, row) of every letter that this run, a replay, means to send and has not settled."""
        with map_sqlite_errors(self.path):
            for row in self._connection.execute("SELECT * FROM letter WHERE accepted = ?", (_CLAIMED,)):
                yield row["run"], row["source"], row["row"]

    def _insert_run(self, facts: RunInfo) -> None:
        self._connection.execute(
            "INSERT INTO run VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(facts.run, facts.command, facts.crm_module, facts.operation or "", json.dumps(facts.settings), facts.started),
                *(facts.org, facts.user, facts.status, facts.seconds),
                *(
                    facts.calls.total,
                    facts.calls.retried,
                    facts.calls.throttled,
                    facts.calls.credits,
                    facts.crm_before,
                    facts.turn,
                ),
            ),
        )

    def _apply(self, change: Change) -> None:
        execute = self._connection.execute
        match change:
            case ShipmentSent():
                times = (change.at, change.skew_s, change.since_s)
                sent = execute(_SENT, (change.id, change.source, _text(change.rows), change.attempt, *times))
                self._moved(sent, change.id, ShipmentState.SENT)
            case ShipmentReleased():
                self._moved(execute(_RELEASED, (change.id,)), change.id, ShipmentState.RELEASED)
            case ShipmentSettled():
                counts = [getattr(change.tally, name) for name in _TALLY]
                settled = execute(_SETTLED, (_text(change.rows), *counts, change.id))
                self._moved(settled, change.id, ShipmentState.SETTLED)
            case RowsRejected():
                counts = [change.tally.dead_lettered, change.tally.already_settled]
                refused = execute(_REFUSED, (change.id, change.source, _text(change.rows), *counts))
                self._moved(refused, change.id, ShipmentState.SETTLED)
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

    def _moved(self, cursor: sqlite3.Cursor, shipment: int, to: ShipmentState) -> None:
        """Refuse a move that the table does not have: it would be a row settled twice or sent after its outcome."""
        if cursor.rowcount != 1:
            row = self._connection.execute("SELECT state FROM shipment WHERE id = ?", (shipment,)).fetchone()
            raise JournalError(
                f"shipment {shipment} cannot go from {row['state'] if row else 'planned'} to {to}.",
                hint="This is a defect of bulkzoho: report it.",
            )


def _identity_of(path: Path) -> tuple[int, int] | None:
    """Give what tells the file at *path* from any other, or None when there is none."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_dev, seen.st_ino


def _text(ranges: Ranges) -> str:
    return ",".join(f"{first}-{last}" for first, last in ranges)


def _ranges(text: str) -> Ranges:
    return [(int(first), int(last)) for first, _, last in (part.partition("-") for part in text.split(",") if part)]
