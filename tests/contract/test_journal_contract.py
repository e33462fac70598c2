"""The contract of every journal: one transaction per commit, moves along the table only, everything durable."""

from __future__ import annotations

import sqlite3
import stat
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest

from bulkzoho.domain.model.export import ExportPlan, Partition
from bulkzoho.domain.model.journal_events import (
    FileLengthCommitted,
    InputInfo,
    InputProgressed,
    LetterClaimed,
    LetterSettled,
    RowsRejected,
    RunUpdated,
    ShipmentReleased,
    ShipmentSent,
    ShipmentSettled,
    ShipmentState,
)
from bulkzoho.domain.model.limits_and_costs import PlanName
from bulkzoho.domain.model.progress import CallCounts
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.model.settings import QuotaSettings, RunWindow
from bulkzoho.errors import JournalError
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from tests.contract.journal_samples import VERSION_1, VERSION_3_EXPORT, VERSION_3_IMPORT, write_journal
from tests.run_samples import export_info, import_info, import_settings

INFO = import_info()
SOURCE = InputInfo(index=0, path="/a.csv", name="a.csv")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> SqliteJournal:
    return SqliteJournal.create(path, INFO, [SOURCE])


def sent(shipment: int = 1, *, attempt: int = 1) -> ShipmentSent:
    return ShipmentSent(id=shipment, source=0, rows=[(1, 100)], attempt=attempt, at=1000.5)


def test_committed_changes_are_there_after_reopening(journal: SqliteJournal, path: Path) -> None:
    """Run, inputs, shipments, lengths, counts and replayed rows."""
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

    assert (again.info().status, again.info().seconds, again.info().calls) == (RunStatus.STOPPED, 1.5, calls)
    assert again.info() == replace(INFO, status=RunStatus.STOPPED, seconds=1.5, calls=calls)
    assert again.inputs() == [read]
    assert [(one.id, one.state, list(one.rows)) for one in again.shipments()] == [
        (1, ShipmentState.SETTLED, [(1, 100)]),
        (2, ShipmentState.SETTLED, [(101, 101), (103, 104)]),
        (3, ShipmentState.SENT, [(1, 100)]),
    ]
    assert again.tally() == RowCounts(created=99, dead_lettered=4)
    assert again.row_counts() == RowCounts(read=250, created=99, dead_lettered=4, in_doubt=100, unsent=47)
    assert (again.lengths(), again.last_id(), list(again.settled_letters())) == ({"results.jsonl": 77}, 3, [letter])


def test_a_refused_move_rolls_back_its_commit(journal: SqliteJournal) -> None:
    """A shipment that was never sent cannot be released, and the change beside it is not stored either."""
    with pytest.raises(JournalError, match="cannot go from planned to released"):
        journal.commit([FileLengthCommitted(name="results.jsonl", length=1), ShipmentReleased(id=9)])

    assert journal.lengths() == {}


def test_a_settled_shipment_never_moves_again(journal: SqliteJournal) -> None:
    """A row would be settled twice, or sent after its outcome."""
    journal.commit([sent(), ShipmentSettled(id=1, rows=[(1, 100)], tally=RowCounts(created=100))])

    for change in (sent(), ShipmentReleased(id=1), ShipmentSettled(id=1, rows=[(1, 100)], tally=RowCounts(created=100))):
        with pytest.raises(JournalError, match="cannot go from settled"):
            journal.commit([change])


def test_a_released_shipment_may_be_sent_again(journal: SqliteJournal) -> None:
    """As after a 429."""
    journal.commit([sent(), ShipmentReleased(id=1), sent(attempt=2)])

    assert [(one.state, one.attempt) for one in journal.shipments()] == [(ShipmentState.SENT, 2)]


def test_a_shipment_keeps_the_clock_skew_at_its_departure(journal: SqliteJournal) -> None:
    """So that changing the system clock does not move its window."""
    journal.commit([replace(sent(), skew_s=2.5)])
    journal.commit([replace(sent(attempt=2), skew_s=3.0, since_s=12.5)])

    assert [(one.skew_s, one.since_s) for one in journal.shipments()] == [(3.0, 12.5)]


def test_a_run_keeps_the_turn_and_the_count_that_it_was_given_first(journal: SqliteJournal) -> None:
    """A resume must not change them."""
    for turn in (3, 5, None):
        journal.bind_account(org="1", user="2", crm_module="Leads", crm_before=turn, turn=turn)

    assert (journal.info().turn, journal.info().crm_before) == (3, 3)


def test_settings_can_be_changed_and_come_back_typed(journal: SqliteJournal, path: Path) -> None:
    changed = import_settings(limit=7, quota=QuotaSettings(reserve=0.5))

    journal.change_settings(changed)
    journal.close()

    assert SqliteJournal.open(path).info().settings == changed


def test_a_claimed_row_of_a_replay_is_listed_until_it_is_settled(journal: SqliteJournal) -> None:
    journal.commit([LetterClaimed(run="r", source="a.csv", row=row) for row in (4, 5)])
    settled = LetterSettled(run="r", source="a.csv", row=4, content=b"x", accepted=False)

    journal.commit([settled])

    assert list(journal.claimed_letters()) == [("r", "a.csv", 5)]
    assert list(journal.settled_letters()) == [settled]


def test_prepared_changes_are_durable_after_the_wait_and_gone_after_undo(journal: SqliteJournal) -> None:
    journal.prepare([sent(1)])()
    journal.prepare([sent(2)])
    journal.undo()

    assert [shipment.id for shipment in journal.shipments()] == [1]


def test_the_state_of_an_export_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "export.db"
    journal = SqliteJournal.create(path, export_info(), [])
    plan = ExportPlan(route="list", reason="cheapest", fields=("Email",), bound="2026-11-24T10:15:00+00:00", expected=7)
    read = Partition(number=0, up_to="9", position={"last": "5"}, records=4, length=40)
    assert journal.export.plan() is None

    journal.export.begin(plan, [Partition(number=0, up_to="9"), Partition(number=1, above="9")])
    journal.export.settle(read, {"5725": "2026-11-24T10:14:00+00:00"})
    journal.close()

    again = SqliteJournal.open(path).export
    assert again.plan() == plan
    assert again.partitions() == [read, Partition(number=1, above="9")]
    assert again.overlap() == {"5725": "2026-11-24T10:14:00+00:00"}


def test_the_records_of_an_export_count_once_it_is_completed(tmp_path: Path) -> None:
    journal = SqliteJournal.create(tmp_path / "export.db", export_info(), [])
    journal.export.settle(Partition(number=0, records=4), {})
    counts = [journal.row_counts()]

    journal.commit([RunUpdated(status=RunStatus.COMPLETED, seconds=1.0, calls=CallCounts())])
    counts.append(journal.row_counts())

    assert counts == [RowCounts(), RowCounts(read=4, unchanged=4)]


@pytest.mark.parametrize("sql", [VERSION_1, VERSION_3_IMPORT], ids=["version 1", "version 3"])
def test_an_import_of_an_older_version_is_readable_and_upgraded_when_it_is_resumed(path: Path, sql: str) -> None:
    """Read-only it stays as it is."""
    write_journal(path, sql)

    for read_only in (True, False, True):
        opened = SqliteJournal.open(path, read_only=read_only)
        info = opened.info()
        assert [(one.id, one.state.value, one.skew_s) for one in opened.shipments()] == [(1, "settled", None), (2, "sent", None)]
        assert (info.command, info.operation, info.turn, info.crm_before) == ("import", "upsert", None, 7)
        assert opened.row_counts() == RowCounts(read=250, created=99, dead_lettered=1, in_doubt=100, unsent=50)
        assert opened.lengths() == {"results.jsonl": 77}
        opened.close()
    opened = SqliteJournal.open(path)
    opened.commit([replace(sent(3), skew_s=1.0)])
    assert [one.skew_s for one in opened.shipments()] == [None, None, 1.0]


def test_the_settings_of_an_older_version_are_typed(path: Path) -> None:
    write_journal(path, VERSION_3_IMPORT)

    settings = SqliteJournal.open(path, read_only=True).info().settings

    assert settings.account == {"profile": "acme"}
    assert settings == replace(
        import_settings(
            crm_module="leads",
            operation=Operation.UPSERT,
            match_on=("Email",),
            limit=250,
            quota=QuotaSettings(plan=PlanName.ULTIMATE, reserve=0.3),
            window=RunWindow(start=time(22), end=time(6)),
        ),
        account={"profile": "acme"},
    )


def test_an_export_of_an_older_version_has_the_same_counts_before_and_after_the_upgrade(path: Path) -> None:
    """Its records were counted in a shipment, which the upgrade removes."""
    write_journal(path, VERSION_3_EXPORT)

    for read_only in (True, False, True):
        opened = SqliteJournal.open(path, read_only=read_only)
        assert opened.row_counts() == RowCounts(read=7, unchanged=7)
        opened.close()
    opened = SqliteJournal.open(path)
    assert (list(opened.shipments()), opened.inputs()) == ([], [])
    assert opened.export.partitions() == [Partition(number=0, position={"tokens": ["a"]}, records=7, length=70, done=True)]
    assert opened.export.overlap() == {"5725": "2026-11-24T10:14:00+00:00"}
    plan = opened.export.plan()
    assert plan is not None
    assert (plan.route, plan.fields, plan.expected) == ("list", ("Email", "City"), 7)


def test_an_export_that_started_before_the_overlap_was_stored_continues(path: Path) -> None:
    write_journal(path, VERSION_3_EXPORT)
    connection = sqlite3.connect(path)
    connection.executescript("DROP TABLE edge;")
    connection.close()

    opened = SqliteJournal.open(path)
    opened.export.settle(opened.export.partitions()[0], {"1": "2026-11-24T10:14:00+00:00"})

    assert opened.export.overlap() == {"1": "2026-11-24T10:14:00+00:00"}


def test_only_its_owner_can_read_the_journal(journal: SqliteJournal, path: Path) -> None:
    """0600."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert journal.path == path


def test_a_commit_survives_a_power_cut(journal: SqliteJournal) -> None:
    """A write-ahead log, synchronised at each commit."""
    connection = journal._connection

    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL


def test_the_error_of_an_unreadable_journal_names_it_and_a_remedy(path: Path) -> None:
    """As of a damaged file."""
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
