"""The life of a run: what is left of it when it is refused, and how a stop ends its work."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from bulkzoho.app.run_lifecycle import NewRun, absorb_stop, new_run, open_run
from bulkzoho.domain.model.journal_events import InputInfo, RowsRejected
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import StopReason
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal
from bulkzoho.errors import AccessError, JournalError, RefusedError, RunFailedError
from bulkzoho.storage.store.home import HomeLayout
from bulkzoho.storage.store.run_folder import RunFolder
from bulkzoho.storage.store.sqlite_store import SqliteRunStore
from tests.run_samples import import_settings

SOURCE = InputInfo(index=0, path="/a.csv", name="a.csv")


@pytest.fixture
def home(tmp_path: Path) -> HomeLayout:
    return HomeLayout(tmp_path)


@pytest.fixture
def store(home: HomeLayout) -> SqliteRunStore:
    return SqliteRunStore(home)


def prepare(_: RunFolder) -> NewRun:
    return NewRun(settings=import_settings(), inputs=[SOURCE])


def refuse(_: RunFolder) -> NewRun:
    raise RefusedError("no such file")


def test_a_new_run_is_locked_and_stored_before_its_work_begins(store: SqliteRunStore) -> None:
    with new_run(store, "Leads", prepare) as run:
        assert run.is_new
        assert run.journal.inputs() == [SOURCE]
        assert store.names() == [run.info.run]
        with pytest.raises(RefusedError, match="in use"):
            store.lock(run.info.run)

    assert store.owner(run.info.run) is None


def test_a_run_that_is_refused_before_its_journal_exists_leaves_no_trace(store: SqliteRunStore, home: HomeLayout) -> None:
    with pytest.raises(RefusedError), new_run(store, "Leads", refuse):
        pass

    assert list(home.runs.iterdir()) == []


def test_a_run_that_is_refused_before_it_sent_anything_leaves_no_trace(store: SqliteRunStore, home: HomeLayout) -> None:
    with pytest.raises(RefusedError), new_run(store, "Leads", prepare):
        raise RefusedError("unknown column")

    assert list(home.runs.iterdir()) == []


def test_a_run_that_is_refused_after_it_settled_rows_stays(store: SqliteRunStore) -> None:
    rejected = RowsRejected(id=1, source=0, rows=[(1, 1)], tally=RowCounts(dead_lettered=1))

    with suppress(RefusedError), new_run(store, "Leads", prepare) as run:
        run.journal.commit([rejected])
        raise RefusedError("the second file is damaged")

    assert len(store.names()) == 1


def test_a_run_that_fails_stays(store: SqliteRunStore) -> None:
    with pytest.raises(RunFailedError), new_run(store, "Leads", prepare):
        raise RunFailedError("disk full")

    assert len(store.names()) == 1


def test_a_refused_resume_removes_nothing(store: SqliteRunStore) -> None:
    with new_run(store, "Leads", prepare) as run:
        name = run.info.run

    with pytest.raises(RefusedError), open_run(store, name):
        raise RefusedError("the input changed")

    assert store.names() == [name]
    assert store.owner(name) is None


def test_a_run_that_does_not_exist_cannot_be_opened(store: SqliteRunStore) -> None:
    with pytest.raises(JournalError), open_run(store, "20261124-101500-leads-7f3a"):
        pass


async def test_the_result_of_undisturbed_work_is_returned() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert await absorb_stop(work(), StopSignal()) == 7


@pytest.mark.parametrize(
    ("error", "reason"),
    [(StopRequestedError(), None), (AccessError("no"), StopReason.ACCESS), (RunFailedError("full"), StopReason.FAILED)],
)
async def test_an_error_of_the_work_becomes_the_reason_of_the_stop(error: Exception, reason: StopReason | None) -> None:
    async def work() -> int:
        raise error

    stop = StopSignal()

    assert await absorb_stop(work(), stop) is None
    assert stop.reason is reason


async def test_a_refusal_is_raised() -> None:
    async def work() -> None:
        raise RefusedError("unknown column")

    with pytest.raises(RefusedError):
        await absorb_stop(work(), StopSignal())


async def test_a_second_interrupt_cancels_the_work_and_nothing_after_it() -> None:
    stop, after = StopSignal(), []

    async def work() -> int:
        asyncio.get_running_loop().call_soon(stop.at_once)
        await asyncio.sleep(3_600)
        return 7

    assert await absorb_stop(work(), stop) is None
    await asyncio.sleep(0)
    after.append("the summary")
    assert await absorb_stop(work(), stop) is None, "work that follows is not started"
    await asyncio.sleep(0)
    assert after == ["the summary"]


async def test_a_second_interrupt_also_cancels_what_follows_inner_work() -> None:
    stop = StopSignal()

    async def outer() -> int:
        assert await absorb_stop(asyncio.sleep(0, 7), stop) == 7
        asyncio.get_running_loop().call_soon(stop.cancel_now)
        await asyncio.sleep(0.2)
        return 7

    assert await absorb_stop(outer(), stop) is None


async def test_outer_work_keeps_its_result_after_inner_work_was_cancelled() -> None:
    stop = StopSignal()

    async def outer() -> int:
        asyncio.get_running_loop().call_soon(stop.cancel_now)
        assert await absorb_stop(asyncio.sleep(3_600, 7), stop) is None
        asyncio.get_running_loop().call_soon(stop.cancel_now)  # a third Ctrl-C
        await asyncio.sleep(0.01)
        return 7

    assert await absorb_stop(outer(), stop) == 7


async def test_a_cancellation_from_outside_is_not_absorbed() -> None:
    task = asyncio.create_task(absorb_stop(asyncio.sleep(3_600), StopSignal()))
    await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
