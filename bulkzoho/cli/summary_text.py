"""The summary of a run for a person: a sum that adds up, the run's files, and the next command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bulkzoho.cli.formatting import format_count, format_duration, format_limit, format_rate, pluralize
from bulkzoho.cli.rejection_counts import count_rejections
from bulkzoho.domain.model.export import STANDARD_OUTPUT, ExportSummary
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.model.summary import Summary
from bulkzoho.errors import ExitCode

__all__ = ["summary_text"]

MAX_REASONS: Final = 8  # reasons for rejections that get a line of their own

_STOP_REASONS = {
    ExitCode.QUOTA: "quota used up",
    ExitCode.MAX_ERRORS: "too many rejected rows",
    ExitCode.TIME_IS_UP: "time limit reached",
    ExitCode.ACCESS: "no access",
}


def summary_text(summary: Summary) -> str:
    """Return the summary; the reasons for rejections are counted in the dead-letter file."""
    return "\n".join(_export_lines(summary) if isinstance(summary, ExportSummary) else _import_lines(summary))


def _import_lines(summary: Summary) -> Iterator[str]:
    yield _headline(summary, f"{summary.operation} into {summary.crm_module}", records=summary.tally.accepted)
    yield ""
    yield from _sum(summary.tally)
    yield ""
    yield from _call_lines(summary)
    yield from _crm_lines(summary)
    yield from _file_lines(summary)
    if summary.next:
        yield ""
        if summary.next.startswith("bulkzoho replay"):
            yield "Fix the rejected rows, then run:"
        yield f"Next: {summary.next}"


def _export_lines(summary: ExportSummary) -> Iterator[str]:
    export = summary.export
    yield _headline(summary, f"{summary.crm_module}, route {summary.route or 'none'}", records=summary.tally.read)
    yield ""
    where = "standard output" if export["output"] == STANDARD_OUTPUT else export["output"]
    deleted = f" ({format_count(export['deleted'])} of them deleted)" if export["deleted"] else ""
    records = f"{pluralize(summary.tally.read, 'record')}{deleted}, {pluralize(export['fields'], 'field')}"
    if summary.status is RunStatus.COMPLETED:
        yield f"  {records} in {where}."
    else:
        yield f"  {records} so far; the output is written when all records are read."
    if export["difference"]:
        yield f"  The CRM counts {format_count(export['count'])}: {export['why'] or 'the reason is unknown'}."
    elif export["count"] is not None:
        yield "  The CRM counts the same number."
    yield from _call_lines(summary)
    if summary.next:
        yield ""
        yield f"Next: {summary.next}"


def _headline(summary: Summary, subject: str, *, records: int) -> str:
    reason = f" ({_STOP_REASONS[summary.exit_code]})" if summary.exit_code in _STOP_REASONS else ""
    speed = f", {format_rate(records / summary.seconds)}" if summary.seconds > 0 and records else ""
    took = format_duration(summary.seconds)
    return f"{summary.command} {summary.run} ({subject}): {summary.status} after {took}{reason}{speed}"


def _sum(tally: RowCounts) -> Iterator[str]:
    """Yield the rows by outcome; the terms that always exist are shown even when they are zero."""
    done = (("created", tally.created), ("updated", tally.updated), ("deleted", tally.deleted), ("unchanged", tally.unchanged))
    parts = ", ".join(f"{format_count(number)} {word}" for word, number in done if number)
    terms = [
        ("=", "accepted", tally.accepted, f"({parts})" if parts else ""),
        ("+", "rejected", tally.dead_lettered, ""),
        ("+", "in doubt", tally.in_doubt, ""),
        ("+", "unsent", tally.unsent, ""),
    ]
    if tally.already_settled:
        terms.append(("+", "already done", tally.already_settled, "(accepted by an earlier replay, or rejected and unchanged)"))
    width = max(len(format_count(number)) for number in (tally.read, *(term[2] for term in terms)))
    yield f"    {'rows read':<16}{format_count(tally.read):>{width}}"
    for sign, name, number, note in terms:
        yield f"  {sign} {name:<16}{format_count(number):>{width}}  {note}".rstrip()


def _call_lines(summary: Summary) -> Iterator[str]:
    calls = summary.calls
    repeated = f" ({format_count(calls.retried)} retried, {format_count(calls.throttled)} rate-limited)"
    yield (
        f"API calls: {format_count(calls.total)}{repeated if calls.retried or calls.throttled else ''},"
        f" {pluralize(calls.credits, 'credit')}"
    )
    if summary.bound:
        yield (
            f"Limited by: {format_limit(summary.bound)} ({summary.used_share * 100:.0f} % used);"
            f" plan {summary.plan}, {format_count(summary.calls_per_minute)} calls per minute"
        )


def _crm_lines(summary: Summary) -> Iterator[str]:
    if summary.crm_before is not None and summary.crm_after is not None:
        before, after = format_count(summary.crm_before), format_count(summary.crm_after)
        yield f"{summary.crm_module} in the CRM: {before} before, {after} after"
    if not summary.input_complete:
        yield "The input was read only in part."


def _file_lines(summary: Summary) -> Iterator[str]:
    if summary.tally.accepted:
        yield f"Results: {summary.results}"
    if summary.in_doubt_file:
        yield f"In doubt: {summary.in_doubt_file}"
    if summary.tally.dead_lettered:
        yield f"Rejected rows: {summary.dead_letter}"
        yield from _reasons(count_rejections(summary.dead_letter))


def _reasons(counts: Sequence[tuple[str, str, int]]) -> Iterator[str]:
    for code, field, count in counts[:MAX_REASONS]:
        yield f"  {format_count(count):>8}  {code}" + (f" ({field})" if field else "")
    if rest := counts[MAX_REASONS:]:
        yield f"  {format_count(sum(count for _, _, count in rest)):>8}  for {pluralize(len(rest), 'other reason')}"
