"""The contract of every store: runs, locks and cursors.  A new implementation joins the list of *store*."""

from __future__ import annotations

import os
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from bulkzoho.domain.model.journal_events import InputInfo
from bulkzoho.errors import JournalError, RefusedError
from bulkzoho.interfaces import RunStore
from bulkzoho.storage.store.home import HomeLayout
from bulkzoho.storage.store.run_catalog import find_run, iter_runs, list_runs, running_runs
from bulkzoho.storage.store.sqlite_store import SqliteRunStore
from tests.run_samples import import_info

SOURCE = InputInfo(index=0, path="/a.csv", name="a.csv")


@pytest.fixture(params=["sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RunStore:
    implementations = {"sqlite": SqliteRunStore}
    return implementations[request.param](HomeLayout(tmp_path / "home"))


def create(store: RunStore, crm_module: str = "Leads") -> str:
    run = store.reserve(crm_module)
    store.create(import_info(run), [SOURCE]).close()
    return run


def test_a_created_run_can_be_opened_and_is_listed_newest_first(store: RunStore) -> None:
    runs = [create(store) for _ in range(3)]

    with closing(store.open(runs[0])) as journal:
        assert journal.info().run == runs[0]
        assert journal.inputs() == [SOURCE]
    assert store.names() == runs[::-1]
    assert [entry.run for entry in list_runs(store)] == runs[::-1]


def test_a_reserved_run_that_was_never_created_is_not_listed(store: RunStore) -> None:
    store.reserve("Leads")

    assert store.names() == []


def test_a_run_cannot_be_created_twice(store: RunStore) -> None:
    run = create(store)

    with pytest.raises(JournalError):
        store.create(import_info(run), [])


def test_a_run_that_does_not_exist_cannot_be_opened(store: RunStore) -> None:
    with pytest.raises(JournalError, match="no journal"):
        store.open("20261124-101500-leads-7f3a")


def test_the_name_of_a_run_says_time_and_module(store: RunStore) -> None:
    assert "-sales-orders-" in store.reserve("Sales Orders!")


def test_a_removed_run_is_gone_with_its_files(store: RunStore) -> None:
    run = create(store)
    (store.folder(run) / "results.jsonl").touch()

    store.remove(run)
    store.remove(run)

    assert store.names() == []
    assert not store.folder(run).exists()


def test_the_folder_of_a_run_is_private(store: RunStore) -> None:
    run = create(store)

    assert stat.S_IMODE(store.folder(run).stat().st_mode) == 0o700


def test_one_process_works_on_a_run(store: RunStore) -> None:
    run = create(store)

    with store.lock(run):
        assert store.owner(run) == str(os.getpid())
        assert running_runs(store) == [(run, str(os.getpid()))]
        with pytest.raises(RefusedError, match=rf"{run} is in use by process {os.getpid()}"):
            store.lock(run)

    assert store.owner(run) is None
    store.lock(run).release()


def test_a_run_is_found_by_the_unique_beginning_of_its_name(store: RunStore) -> None:
    leads, contacts = create(store), create(store, "Contacts")

    assert find_run(store, contacts) == contacts
    assert find_run(store, contacts[:-1]) == contacts
    with pytest.raises(RefusedError, match="several"):
        find_run(store, leads[:8])
    with pytest.raises(RefusedError, match="no run"):
        find_run(store, "1999")


def test_a_run_that_cannot_be_read_is_skipped_unless_all_are_needed(store: RunStore) -> None:
    damaged, whole = create(store), create(store)
    (store.folder(damaged) / "journal.db").write_bytes(b"not a database" * 100)

    assert [run.info.run for run in iter_runs(store)] == [whole]
    with pytest.raises(JournalError, match=damaged):
        list(iter_runs(store, strict=True))


def test_runs_check_for_each_other_one_at_a_time(store: RunStore) -> None:
    entered = threading.Event()

    def check() -> None:
        with store.start_lock():
            entered.set()

    second = threading.Thread(target=check)
    with store.start_lock():
        second.start()
        assert not entered.wait(0.1)
    second.join()
    assert entered.is_set()


def test_a_cursor_is_stored_by_organization_and_name(store: RunStore) -> None:
    with store.cursor("1", "nightly") as cursor:
        assert cursor.read() is None
        cursor.write({"bound": "2026-11-24T10:15:00+00:00"})

    with store.cursor("1", "nightly") as cursor, store.cursor("2", "nightly") as other:
        assert cursor.read() == {"bound": "2026-11-24T10:15:00+00:00"}
        assert other.read() is None


def test_a_cursor_is_held_by_one_export(store: RunStore) -> None:
    with store.cursor("1", "nightly"), pytest.raises(RefusedError, match="nightly"), store.cursor("1", "nightly"):
        pass
