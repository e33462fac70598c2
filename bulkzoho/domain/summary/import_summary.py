"""Build the summary of an import.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bulkzoho.domain.model.journal_events import InputInfo, RunInfo
from bulkzoho.domain.model.progress import CallCounts, QuotaStatus
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.summary import Summary
from bulkzoho.domain.policy.exit_status import RunOutcome, next_command
from bulkzoho.domain.summary.summary_json import error_json

__all__ = ["ImportResult", "OutputPaths", "build_import_summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPaths:
    """The files with the outcomes of the rows."""

    dead_letter: str
    results: str
    in_doubt: str | None  #: None: there is no such file


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What a run did, in all its processes."""

    tally: RowCounts
    inputs: Sequence[InputInfo]
    calls: CallCounts
    seconds: float
    quota: QuotaStatus | None = None  #: None: no call was made
    crm_after: int | None = None


def build_import_summary(
    info: RunInfo, outcome: RunOutcome, result: ImportResult, paths: OutputPaths, *, limit: int | None
) -> Summary:
    """Build the summary of the run *info*; *limit* is that of the rows to read."""
    tally, quota = result.tally, result.quota
    complete = all(source.complete for source in result.inputs)
    limited = limit is not None and not complete
    return Summary(
        run=info.run,
        command=info.command,
        crm_module=info.crm_module,
        operation=info.operation,
        route="records",
        status=outcome.status,
        exit_code=outcome.exit_code,
        tally=tally,
        calls=result.calls,
        seconds=result.seconds,
        plan=quota.plan if quota else "",
        calls_per_minute=quota.calls_per_minute if quota else 0,
        used_share=quota.used_share if quota else 0.0,
        bound=quota.bound if quota else "",
        org=info.org,
        input_complete=complete,
        dead_letter=paths.dead_letter,
        results=paths.results,
        in_doubt_file=paths.in_doubt if tally.in_doubt else None,
        next=next_command(outcome, tally, run=info.run, dead_letter=paths.dead_letter, limited=limited),
        crm_before=info.crm_before,
        crm_after=result.crm_after,
        error=error_json(outcome.error) if outcome.error else None,
    )
