"""Which earlier runs keep a content from being inserted again."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bulkzoho.domain.model.journal_events import InputInfo, InputProgressed, RowsRejected, RunInfo
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.errors import RefusedError
from bulkzoho.storage.store.duplicate_guard import require_not_imported_before
from bulkzoho.storage.store.home import HomeLayout
from bulkzoho.storage.store.sqlite_store import SqliteRunStore
from tests.run_samples import import_info, import_settings

MINE = "20261124-101500-leads-7f3a"
EARLIER = "20261124-091500-leads-7f3a"
LATER = "20261124-111500-leads-7f3a"
SOURCE = InputInfo(index=0, path="/a.csv", name="a.csv", content="digest", rows_read=1, complete=True)


@pytest.fixture
def store(tmp_path: Path) -> SqliteRunStore:
    return SqliteRunStore(HomeLayout(tmp_path))


def info(run: str, *, turn: int | None, again: bool = False) -> RunInfo:
    return import_info(run, settings=import_settings(again=again), org="1", turn=turn)


def accept_all(store: SqliteRunStore, other: RunInfo, source: InputInfo = SOURCE) -> None:
    """Store a run whose only row was accepted."""
    store.folder(other.run).mkdir(parents=True)
    with closing(store.create(other, [source])) as journal:
        journal.commit([RowsRejected(id=1, source=0, rows=[(1, 1)], tally=RowCounts(created=1))])
        journal._connection.execute("UPDATE shipment SET created = 1, dead_lettered = 0")


@pytest.mark.parametrize(
    ("other", "mine", "refused"),
    [
        (info(EARLIER, turn=2), 1, True),  # the clock was set back in between
        (info(LATER, turn=1), 2, False),  # the same, the other way round
        (info(LATER, turn=2, again=True), 1, False),
        (info(LATER, turn=None), None, True),  # both started under a version without turns: their names decide
        (info(EARLIER, turn=None), None, False),
        (info(EARLIER, turn=1), None, True),  # a run with a turn came after those without
        (info(LATER, turn=None), 1, False),
    ],
)
def test_a_resumed_run_compares_with_runs_whose_turn_came_later(
    store: SqliteRunStore, other: RunInfo, mine: int | None, *, refused: bool
) -> None:
    accept_all(store, other)
    me = info(MINE, turn=mine)

    if refused:
        with pytest.raises(RefusedError, match=other.run):
            require_not_imported_before(store, [SOURCE], me, org="1", crm_module="Leads")
    else:
        assert require_not_imported_before(store, [SOURCE], me, org="1", crm_module="Leads") == mine


def test_a_new_run_gets_the_turn_after_all_others(store: SqliteRunStore) -> None:
    new_content = replace(SOURCE, path="/b.csv", name="b.csv", content="another digest")
    new = import_info(MINE)
    turns = [require_not_imported_before(store, [new_content], new, org="1", crm_module="Leads")]
    accept_all(store, info(LATER, turn=7))
    accept_all(store, info(EARLIER, turn=None))

    turns.append(require_not_imported_before(store, [new_content], new, org="1", crm_module="Leads"))

    assert turns == [1, 8]


def test_two_inputs_with_the_same_content_are_refused(store: SqliteRunStore) -> None:
    copy = replace(SOURCE, index=1, path="/b.csv", name="b.csv")

    with pytest.raises(RefusedError, match="same content as /a"):
        require_not_imported_before(store, [SOURCE, copy], import_info(MINE), org="1", crm_module="Leads")


def test_a_finished_run_with_rejected_rows_advises_a_replay_and_warns_of_again(store: SqliteRunStore) -> None:
    other = info(EARLIER, turn=1)
    accept_all(store, other)
    with closing(store.open(other.run)) as journal:
        journal.commit([RowsRejected(id=2, source=0, rows=[(2, 2)], tally=RowCounts(dead_lettered=1))])
        journal.commit([InputProgressed(facts=replace(SOURCE, rows_read=2))])

    with pytest.raises(RefusedError) as refused:
        require_not_imported_before(store, [SOURCE], import_info(MINE), org="1", crm_module="Leads")

    assert "was partly inserted" in refused.value.message
    assert f"bulkzoho replay {store.folder(other.run)}/dead-letter.jsonl" in refused.value.hint
    assert "--again would insert the 1 accepted rows a second time" in refused.value.hint
