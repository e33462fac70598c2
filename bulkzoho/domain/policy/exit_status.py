"""What a run ends with: status, exit code, the next command.  Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus, StopReason
from bulkzoho.errors import BulkZohoError, ExitCode

__all__ = ["RunOutcome", "ending_of", "next_command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """How a run ended."""

    status: RunStatus
    exit_code: ExitCode
    error: BulkZohoError | None = None
    damaged: bool = False  #: the input cannot be read to its end; what stood before was sent


def ending_of(
    tally: RowCounts,
    *,
    reason: StopReason | None,
    error: BulkZohoError | None,
    damage: BulkZohoError | None,
    input_complete: bool,
) -> RunOutcome:
    """Decide how a run ended.

    Args:
        tally: All rows of the run.
        reason: Why admission was closed early, if it was.
        error: The error behind *reason*.
        damage: Why the input could not be read to its end, if so; what stood before it was sent.
        input_complete: Whether every input was read to its end.
    """
    nothing_left = input_complete and not tally.unsent and not tally.in_doubt
    if reason in (StopReason.SIGNAL, StopReason.TIME_IS_UP) and nothing_left:
        reason = None  # it came when all was done
    if reason is not None:
        return RunOutcome(status=reason.status, exit_code=reason.exit_code, error=error)
    if damage is not None:
        return RunOutcome(status=RunStatus.FAILED, exit_code=ExitCode.FAILED, error=damage, damaged=True)
    if tally.in_doubt:
        return RunOutcome(status=RunStatus.COMPLETED, exit_code=ExitCode.IN_DOUBT)
    if tally.dead_lettered:
        return RunOutcome(status=RunStatus.COMPLETED, exit_code=ExitCode.DEAD_LETTERS)
    return RunOutcome(status=RunStatus.COMPLETED, exit_code=ExitCode.ACCEPTED)


def next_command(ending: RunOutcome, tally: RowCounts, *, run: str, letters: str, limited: bool) -> str:
    """Give the exact command to type next, or "" when nothing is left to do."""
    cut_short = ending.status is not RunStatus.COMPLETED and not ending.damaged  # a damaged input is no better a second time
    if cut_short or tally.in_doubt or tally.unsent:
        return f"bulkzoho resume {run}"
    if tally.dead_lettered:
        return f"bulkzoho replay {shlex.quote(letters)}"
    return f"bulkzoho resume {run} --limit none" if limited else ""
