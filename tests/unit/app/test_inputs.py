"""Which runs a resumed one asks about before it inserts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkzoho.app.inputs import require_not_imported_before
from bulkzoho.domain.model.journal_events import InputInfo, RunInfo
from bulkzoho.domain.model.rows import Operation
from bulkzoho.errors import RefusedError
from bulkzoho.storage.store.run_catalog import new_run_folder
from bulkzoho.storage.store.sqlite_journal import SqliteJournal

MINE = "20261124-101500-leads-7f3a"
EARLIER = "20261124-091500-leads-7f3a"
LATER = "20261124-111500-leads-7f3a"
SOURCE = InputInfo(index=0, path="/a.csv", name="a.csv", content="digest", rows_read=1, complete=True)


def facts(run: str, *, turn: int | None, again: bool = False) -> RunInfo:
    return RunInfo(
        run=run,
        command="import",
        crm_module="Leads",
        operation=Operation.INSERT,
        settings={"import": {"again": again}},
        started="",
        org="1",
        turn=turn,
    )


def accepted(other: RunInfo) -> None:
    """Have a run of this home that was accepted all it had."""
    folder = new_run_folder("Leads")
    journal = SqliteJournal.create(folder.journal, other, [SOURCE])
    journal._connection.execute(
        "INSERT INTO shipment (id, source, rows, state, attempt, created) VALUES (1, 0, '1-1', 'settled', 1, 1)"
    )
    journal.close()


@pytest.mark.parametrize(
    ("other", "mine", "refused"),
    [
        (facts(EARLIER, turn=2), 1, True),  # the clock was set back in between
        (facts(LATER, turn=1), 2, False),  # the same, the other way round
        (facts(LATER, turn=2, again=True), 1, False),
        (facts(LATER, turn=None), None, True),  # both began when there were no turns: their names have to tell
        (facts(EARLIER, turn=None), None, False),
        (facts(EARLIER, turn=1), None, True),  # whoever has a turn came after those that have none
        (facts(LATER, turn=None), 1, False),
    ],
)
def test_a_resumed_run_asks_about_those_whose_turn_came_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: RunInfo, mine: int | None, *, refused: bool
) -> None:
    monkeypatch.setenv("BULKZOHO_HOME", str(tmp_path))
    accepted(other)
    me = facts(MINE, turn=mine)

    if refused:
        with pytest.raises(RefusedError, match=other.run):
            require_not_imported_before([SOURCE], me, org="1", crm_module="Leads")
    else:
        assert require_not_imported_before([SOURCE], me, org="1", crm_module="Leads") == mine


def test_a_new_run_gets_the_turn_after_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKZOHO_HOME", str(tmp_path))
    nobody = InputInfo(index=0, path="/b.csv", name="b.csv", content="another digest")
    new = RunInfo(run=MINE, command="import", crm_module="Leads", operation=Operation.INSERT, settings={"import": {}}, started="")
    turns = [require_not_imported_before([nobody], new, org="1", crm_module="Leads")]
    accepted(facts(LATER, turn=7))
    accepted(facts(EARLIER, turn=None))

    turns.append(require_not_imported_before([nobody], new, org="1", crm_module="Leads"))

    assert turns == [1, 8]
