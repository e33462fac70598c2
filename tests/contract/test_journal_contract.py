"""What every journal promises: one transaction a commit, moves along the table only, all of it there after a reopening."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from bulkzoho.domain.model.journal_events import (
    FileLengthCommitted,
    InputInfo,
    InputProgressed,
    LetterSettled,
    RowsRejected,
    RunInfo,
    RunUpdated,
    ShipmentReleased,
    ShipmentSent,
    ShipmentSettled,
    ShipmentState,
)
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import CallCounts, RunStatus
from bulkzoho.errors import JournalError, RefusedError
from bulkzoho.storage.files.file_lock import FileLock, is_locked
from bulkzoho.storage.store.sqlite_journal import SqliteJournal

FACTS = RunInfo(
    run="20261124-101500-leads-7f3a",
    command="import",
    crm_module="Leads",
    operation=Operation.INSERT,
    settings={"inputs": ["/a.csv"]},
    started="2026-11-24T10:15:00Z",
)
SOURCE = InputInfo(index=0, path="/a.csv", name="a.csv")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> SqliteJournal:
    return SqliteJournal.create(path, FACTS, [SOURCE])


def sent(shipment: int = 1, *, attempt: int = 1) -> ShipmentSent:
    return ShipmentSent(id=shipment, source=0, rows=[(1, 100)], attempt=attempt, at=1000.5)


def test_what_was_committed_is_there_after_a_reopening(journal: SqliteJournal, path: Path) -> None:
    """Facts, inputs, shipments, lengths, tally and letters."""
    calls = CallCounts(total=5, retried=1, throttled=1, credits=50)
    read = InputInfo(index=0, path="/a.csv", name="a.csv", size=9, read_bytes=9, digest="d", rows_read=250, complete=True)
    letter = LetterSettled(run="r", source="a.csv", row=4, content=b"x", accepted=True)
    tally = RowCounts(created=99, dead_lettered=1)
    refused = RowsRejected(id=2, source=0, rows=[(101, 101), (103, 104)], tally=RowCounts(dead_lettered=3))
    journal.commit([sent(), ShipmentSettled(id=1, rows=[(1, 100)], tally=tally), refused, InputProgressed(facts=read), letter])
    journal.commit([sent(3), FileLengthCommitted(name="results.jsonl", length=77)])
    journal.commit([RunUpdated(status=RunStatus.STOPPED, seconds=1.5, calls=calls)])
    journal.close()

    again = SqliteJournal.open(path)

    assert (again.facts().status, again.facts().seconds, again.facts().calls) == (RunStatus.STOPPED, 1.5, calls)
    assert again.facts().settings == {"inputs": ["/a.csv"]}
    assert again.sources() == [read]
    assert [(one.id, one.state, list(one.rows)) for one in again.shipments()] == [
        (1, ShipmentState.SETTLED, [(1, 100)]),
        (2, ShipmentState.SETTLED, [(101, 101), (103, 104)]),
        (3, ShipmentState.SENT, [(1, 100)]),
    ]
    assert again.tally() == RowCounts(created=99, dead_lettered=4)
    assert again.whole_tally() == RowCounts(read=250, created=99, dead_lettered=4, in_doubt=100, unsent=47)
    assert (again.lengths(), again.last_id(), list(again.letters())) == ({"results.jsonl": 77}, 3, [letter])


def test_a_refused_move_leaves_nothing_of_its_commit(journal: SqliteJournal) -> None:
    """A shipment that was never sent cannot be settled, and what stood beside it is not kept either."""
    with pytest.raises(JournalError, match="cannot go from planned to released"):
        journal.commit([FileLengthCommitted(name="results.jsonl", length=1), ShipmentReleased(id=9)])

    assert journal.lengths() == {}


def test_a_settled_shipment_never_moves_again(journal: SqliteJournal) -> None:
    """It would be a row settled twice, or sent after its outcome."""
    journal.commit([sent(), ShipmentSettled(id=1, rows=[(1, 100)], tally=RowCounts(created=100))])

    for change in (sent(), ShipmentReleased(id=1), ShipmentSettled(id=1, rows=[(1, 100)], tally=RowCounts(created=100))):
        with pytest.raises(JournalError, match="cannot go from settled"):
            journal.commit([change])


def test_a_released_shipment_may_leave_again(journal: SqliteJournal) -> None:
    """As after a 429."""
    journal.commit([sent(), ShipmentReleased(id=1), sent(attempt=2)])

    assert [(one.state, one.attempt) for one in journal.shipments()] == [(ShipmentState.SENT, 2)]


def test_a_shipment_keeps_by_which_clock_it_left(journal: SqliteJournal) -> None:
    """So that a clock set meanwhile does not move its window."""
    journal.commit([replace(sent(), skew_s=2.5)])
    journal.commit([replace(sent(attempt=2), skew_s=3.0, since_s=12.5)])

    assert [(one.skew_s, one.since_s) for one in journal.shipments()] == [(3.0, 12.5)]


def test_a_journal_of_the_first_version_is_read_as_it_is_and_brought_up_to_date_when_resumed(
    journal: SqliteJournal, path: Path
) -> None:
    """Its shipments left by a clock that nobody noted."""
    journal.commit([sent()])
    for column in ("skew_s", "since_s"):
        journal._connection.execute(f"ALTER TABLE shipment DROP COLUMN {column}")
    journal._connection.execute("ALTER TABLE run DROP COLUMN turn")
    journal._connection.execute("PRAGMA user_version = 1")
    journal.close()

    for read_only in (True, False, True):
        opened = SqliteJournal.open(path, read_only=read_only)
        assert [(one.id, one.skew_s) for one in opened.shipments()] == [(1, None)]
        assert opened.facts().turn is None
        opened.close()
    opened = SqliteJournal.open(path)
    opened.commit([replace(sent(), id=2, skew_s=1.0)])
    assert [one.skew_s for one in opened.shipments()] == [None, 1.0]
    opened.close()


def test_a_run_keeps_the_turn_that_it_was_given_first(journal: SqliteJournal) -> None:
    """A resume changes nothing of when it first asked."""
    for turn in (3, 5, None):
        journal.name_account(org="1", user="2", crm_module="Leads", crm_before=None, turn=turn)

    assert journal.facts().turn == 3


def test_the_journal_is_for_its_user_alone(journal: SqliteJournal, path: Path) -> None:
    """0600."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert journal.path == path


def test_a_commit_survives_a_power_cut(journal: SqliteJournal) -> None:
    """As far as SQLite's guarantee goes: a write-ahead log, synchronised at each commit."""
    connection = journal._connection

    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL


def test_a_journal_that_cannot_be_read_is_named_with_a_remedy(path: Path) -> None:
    """Damaged, missing, or from the future."""
    path.write_bytes(b"this is not a database, however long one looks at it" * 10)

    with pytest.raises(JournalError, match="could not be read") as caught:
        SqliteJournal.open(path)

    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_journal_of_a_newer_version_is_refused(journal: SqliteJournal, path: Path) -> None:
    """Rather than misread."""
    journal._connection.execute("PRAGMA user_version = 99")
    journal.close()

    with pytest.raises(JournalError, match="version 99"):
        SqliteJournal.open(path)


def test_a_run_has_one_worker(tmp_path: Path) -> None:
    """The second is told who holds it; when the first is gone, so is the lock."""
    lock = FileLock.take(tmp_path / "lock", what="run r1")

    assert is_locked(tmp_path / "lock")
    with pytest.raises(RefusedError, match=r"r1 is being worked on by process \d+"):
        FileLock.take(tmp_path / "lock", what="run r1")
    lock.release()
    assert not is_locked(tmp_path / "lock")
