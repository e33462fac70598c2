"""How a run ended: status, exit code, the next command.  Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from bulkzoho.domain.model.journal_events import InputInfo
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus, StopReason
from bulkzoho.errors import BulkZohoError, ExitCode, JournalError

__all__ = ["RunEnd", "RunOutcome", "decide_import_outcome", "decide_outcome", "next_command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """Why a run ended before its work was done, if it did."""

    reason: StopReason | None = None  #: why it stopped early
    error: BulkZohoError | None = None  #: the error behind *reason*
    damage: BulkZohoError | None = None  #: why the input could not be read to its end; the rows before were sent


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """How a run ended."""

    status: RunStatus
    exit_code: ExitCode
    error: BulkZohoError | None = None
    damaged: bool = False  #: the input cannot be read to its end; the rows before were sent


def decide_outcome(tally: RowCounts, end: RunEnd, *, input_complete: bool) -> RunOutcome:
    """Return how a run with these rows ended; *input_complete*: whether every input was read to its end."""
    reason = end.reason
    nothing_left = input_complete and not tally.unsent and not tally.in_doubt
    if reason in (StopReason.SIGNAL, StopReason.TIME_IS_UP) and nothing_left:
        reason = None  # it came when all the work was done
    if reason is not None:
        return RunOutcome(status=reason.status, exit_code=reason.exit_code, error=end.error)
    if end.damage is not None:
        return RunOutcome(status=RunStatus.FAILED, exit_code=ExitCode.FAILED, error=end.damage, damaged=True)
    if tally.in_doubt:
        return RunOutcome(status=RunStatus.COMPLETED, exit_code=ExitCode.IN_DOUBT)
    if tally.dead_lettered:
        return RunOutcome(status=RunStatus.COMPLETED, exit_code=ExitCode.DEAD_LETTERS)
    return RunOutcome(status=RunStatus.COMPLETED, exit_code=ExitCode.ACCEPTED)


def decide_import_outcome(tally: RowCounts, inputs: Sequence[InputInfo], end: RunEnd) -> RunOutcome:
    """Return how an import ended, and check that every row read has exactly one outcome."""
    complete = all(source.complete for source in inputs)
    damage = None if end.damage is None else _with_rows_done(end.damage, inputs)
    outcome = decide_outcome(tally, RunEnd(reason=end.reason, error=end.error, damage=damage), input_complete=complete)
    if not tally.adds_up or (outcome.status is RunStatus.COMPLETED and tally.unsent):
        return decide_outcome(tally, RunEnd(reason=StopReason.FAILED, error=_sum_error(tally)), input_complete=complete)
    return outcome


def next_command(outcome: RunOutcome, tally: RowCounts, *, run: str, dead_letter: str, limited: bool) -> str:
    """Return the exact command to run next, or "" if nothing is left to do."""
    cut_short = outcome.status is not RunStatus.COMPLETED and not outcome.damaged  # a damaged input stays damaged
    if cut_short or tally.in_doubt or tally.unsent:
        return f"bulkzoho resume {run}"
    if tally.dead_lettered:
        return f"bulkzoho replay {shlex.quote(dead_letter)}"
    return f"bulkzoho resume {run} --limit none" if limited else ""


def _with_rows_done(damage: BulkZohoError, inputs: Sequence[InputInfo]) -> BulkZohoError:
    """Add to the hint which rows of the damaged input, the first one that is not complete, are done."""
    cut = next((source for source in inputs if not source.complete), None)
    if cut is None or not cut.rows_read:
        return damage
    done = f"Its first {cut.rows_read:,} rows are done: leave them out when you import the rest."
    return type(damage)(damage.message, hint=f"{damage.hint} {done}".lstrip(), code=damage.code)


def _sum_error(tally: RowCounts) -> JournalError:
    return JournalError(
        f"the rows do not add up: {tally.read} read, {tally.accepted} accepted, {tally.dead_lettered} rejected,"
        f" {tally.in_doubt} in doubt, {tally.unsent} unsent.",
        hint="This is a bug in bulkzoho: keep the run's folder and report it.",
        code="DOES_NOT_ADD_UP",
    )
