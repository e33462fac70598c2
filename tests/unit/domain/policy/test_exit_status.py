"""What a run ends with."""

from __future__ import annotations

import pytest

from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus, StopReason
from bulkzoho.domain.policy.exit_status import RunOutcome, ending_of, next_command
from bulkzoho.errors import RunFailedError

CLEAN = RowCounts(read=10, created=10)
LETTERS = RowCounts(read=10, created=8, dead_lettered=2)
DOUBT = RowCounts(read=10, created=7, dead_lettered=2, in_doubt=1)
CUT = RowCounts(read=10, created=5, dead_lettered=1, in_doubt=1, unsent=3)


def end(tally: RowCounts, reason: StopReason | None = None, *, complete: bool = True, damaged: bool = False) -> RunOutcome:
    damage = RunFailedError("cut") if damaged else None
    return ending_of(tally, reason=reason, error=None, damage=damage, input_complete=complete)


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (end(CLEAN), 0),
        (end(LETTERS), 3),
        (end(DOUBT), 8),
        (end(CUT, StopReason.SIGNAL, complete=False), 5),
        (end(CUT, StopReason.UNREACHABLE, complete=False), 5),
        (end(CUT, StopReason.ACCESS, complete=False), 6),
        (end(CUT, StopReason.QUOTA, complete=False), 7),
        (end(CUT, StopReason.MAX_ERRORS, complete=False), 9),
        (end(CUT, StopReason.TIME_IS_UP, complete=False), 10),
        (end(CUT, StopReason.FAILED, complete=False), 1),
        (end(LETTERS, damaged=True, complete=False), 1),
        (end(LETTERS, StopReason.SIGNAL), 3),  # it came when all was done
        (end(LETTERS, StopReason.MAX_ERRORS), 9),
    ],
)
def test_the_more_urgent_exit_code_wins(ending: RunOutcome, code: int) -> None:
    """8 over 3; 5, 6, 7, 9, 10 over both."""
    assert ending.exit_code == code


@pytest.mark.parametrize(
    ("ending", "tally", "limited", "command"),
    [
        (end(CLEAN), CLEAN, False, ""),
        (end(CLEAN), CLEAN, True, "bulkzoho resume r1 --limit none"),
        (end(LETTERS), LETTERS, False, "bulkzoho replay '/a b/dead-letter.jsonl'"),
        (end(DOUBT), DOUBT, False, "bulkzoho resume r1"),
        (end(CUT, StopReason.SIGNAL, complete=False), CUT, False, "bulkzoho resume r1"),
        (end(LETTERS, damaged=True, complete=False), LETTERS, False, "bulkzoho replay '/a b/dead-letter.jsonl'"),
        (end(CLEAN, damaged=True, complete=False), CLEAN, False, ""),
    ],
)
def test_the_next_command_is_exact(ending: RunOutcome, tally: RowCounts, limited: bool, command: str) -> None:
    """It can be pasted into a shell as it stands."""
    assert next_command(ending, tally, run="r1", letters="/a b/dead-letter.jsonl", limited=limited) == command


def test_statuses_follow_the_reason() -> None:
    """Interrupted by others, stopped by a decision, failed for a reason outside the data."""
    assert end(CUT, StopReason.SIGNAL, complete=False).status is RunStatus.INTERRUPTED
    assert end(CUT, StopReason.QUOTA, complete=False).status is RunStatus.STOPPED
    assert end(CUT, StopReason.FAILED, complete=False).status is RunStatus.FAILED
