"""How a run ended: status, exit code, next command."""

from __future__ import annotations

import pytest

from bulkzoho.domain.model.journal_events import InputInfo
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus, StopReason
from bulkzoho.domain.policy.exit_status import RunEnd, RunOutcome, decide_import_outcome, decide_outcome, next_command
from bulkzoho.errors import RunFailedError

CLEAN = RowCounts(read=10, created=10)
REJECTED = RowCounts(read=10, created=8, dead_lettered=2)
DOUBT = RowCounts(read=10, created=7, dead_lettered=2, in_doubt=1)
CUT = RowCounts(read=10, created=5, dead_lettered=1, in_doubt=1, unsent=3)


def end(tally: RowCounts, reason: StopReason | None = None, *, complete: bool = True, damaged: bool = False) -> RunOutcome:
    damage = RunFailedError("cut") if damaged else None
    return decide_outcome(tally, RunEnd(reason=reason, damage=damage), input_complete=complete)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (end(CLEAN), 0),
        (end(REJECTED), 3),
        (end(DOUBT), 8),
        (end(CUT, StopReason.SIGNAL, complete=False), 5),
        (end(CUT, StopReason.UNREACHABLE, complete=False), 5),
        (end(CUT, StopReason.ACCESS, complete=False), 6),
        (end(CUT, StopReason.QUOTA, complete=False), 7),
        (end(CUT, StopReason.MAX_ERRORS, complete=False), 9),
        (end(CUT, StopReason.TIME_IS_UP, complete=False), 10),
        (end(CUT, StopReason.FAILED, complete=False), 1),
        (end(REJECTED, damaged=True, complete=False), 1),
        (end(REJECTED, StopReason.SIGNAL), 3),  # it came when all the work was done
        (end(REJECTED, StopReason.MAX_ERRORS), 9),
    ],
)
def test_the_more_urgent_exit_code_wins(outcome: RunOutcome, code: int) -> None:
    """8 over 3; 5, 6, 7, 9, 10 over both."""
    assert outcome.exit_code == code


@pytest.mark.parametrize(
    ("outcome", "tally", "limited", "command"),
    [
        (end(CLEAN), CLEAN, False, ""),
        (end(CLEAN), CLEAN, True, "bulkzoho resume r1 --limit none"),
        (end(REJECTED), REJECTED, False, "bulkzoho replay '/a b/dead-letter.jsonl'"),
        (end(DOUBT), DOUBT, False, "bulkzoho resume r1"),
        (end(CUT, StopReason.SIGNAL, complete=False), CUT, False, "bulkzoho resume r1"),
        (end(REJECTED, damaged=True, complete=False), REJECTED, False, "bulkzoho replay '/a b/dead-letter.jsonl'"),
        (end(CLEAN, damaged=True, complete=False), CLEAN, False, ""),
    ],
)
def test_the_next_command_is_exact(outcome: RunOutcome, tally: RowCounts, limited: bool, command: str) -> None:
    """It can be pasted into a shell."""
    assert next_command(outcome, tally, run="r1", dead_letter="/a b/dead-letter.jsonl", limited=limited) == command


def test_statuses_follow_the_reason() -> None:
    """Interrupted from outside, stopped by a rule, failed for a reason outside the data."""
    assert end(CUT, StopReason.SIGNAL, complete=False).status is RunStatus.INTERRUPTED
    assert end(CUT, StopReason.QUOTA, complete=False).status is RunStatus.STOPPED
    assert end(CUT, StopReason.FAILED, complete=False).status is RunStatus.FAILED


def test_rows_that_do_not_add_up_fail_the_run() -> None:
    lost = RowCounts(read=10, created=9)

    outcome = decide_import_outcome(lost, [], RunEnd())

    assert outcome.status is RunStatus.FAILED
    assert outcome.error is not None
    assert outcome.error.code == "DOES_NOT_ADD_UP"


def test_the_error_of_a_damaged_input_says_which_rows_are_done() -> None:
    source = InputInfo(index=0, path="/a.csv", name="a.csv", rows_read=1_200)

    outcome = decide_import_outcome(CLEAN, [source], RunEnd(damage=RunFailedError("cut", hint="Fix it.")))

    assert outcome.error is not None
    assert outcome.error.hint.startswith("Fix it. Its first 1,200 rows are done")
