"""The summary of a run for a person: a sum that visibly adds up, where things are, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bulkzoho.cli.formatting import duration, format_count, format_rate, pluralize
from bulkzoho.cli.rejection_counts import count_rejections
from bulkzoho.domain.model.export import STANDARD_OUTPUT, ExportSummary
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.model.summary import Summary
from bulkzoho.errors import ExitCode

__all__ = ["summary_page"]

REASONS: Final = 8  # refusals that are named, each on a line

_ENDS = {
    ExitCode.QUOTA: "stopped: the quota is used up",
    ExitCode.MAX_ERRORS: "stopped: too many rows were refused",
    ExitCode.TIME_IS_UP: "stopped: its time is up",
    ExitCode.ACCESS: "stopped: no access",
    ExitCode.INTERRUPTED: "interrupted",
}


def summary_page(summary: Summary) -> str:
    """Give the page; it reads the letters' file for the most frequent codes, and ends with the next command."""
    return "\n".join(_lines(summary))


def _lines(summary: Summary) -> Iterator[str]:
    if isinstance(summary, ExportSummary):
        yield from _export_lines(summary)
        return
    took = duration(summary.seconds)
    speed = f", {format_rate(summary.tally.accepted / summary.seconds)}" if summary.seconds > 0 and summary.tally.accepted else ""
    end = _ENDS.get(summary.exit_code, str(summary.status))
    yield f"{summary.command} {summary.run} ({summary.operation} into {summary.crm_module}) {end} after {took}{speed}"
    yield ""
    yield from _sum(summary.tally)
    yield ""
    yield from _facts(summary)
    if summary.next:
        yield ""
        if summary.next.startswith("bulkzoho replay"):
            yield "As they stand the letters would be refused again: mend them, then"
        yield f"Next: {summary.next}"


def _export_lines(summary: ExportSummary) -> Iterator[str]:
    told = summary.export
    took = duration(summary.seconds)
    speed = f", {format_rate(summary.tally.read / summary.seconds)}" if summary.seconds > 0 and summary.tally.read else ""
    end = _ENDS.get(summary.exit_code, str(summary.status))
    yield f"{summary.command} {summary.run} ({summary.crm_module} by {summary.route or 'no route'}) {end} after {took}{speed}"
    yield ""
    where = "standard output" if told["output"] == STANDARD_OUTPUT else told["output"]
    done = summary.status is RunStatus.COMPLETED
    gone = f" ({format_count(told['deleted'])} of them deleted)" if told["deleted"] else ""
    yield f"  {pluralize(summary.tally.read, 'record')}{gone}, {pluralize(told['fields'], 'field')} " + (
        f"in {where}." if done else "so far; all of them are written when it is complete."
    )
    if told["difference"]:
        yield f"  The CRM counts {format_count(told['count'])}: {told['why'] or 'for a reason that is not known'}."
    elif told["count"] is not None:
        yield "  The CRM counts as many."
    yield from _facts(summary)
    if summary.next:
        yield ""
        yield f"Next: {summary.next}"


def _sum(tally: RowCounts) -> Iterator[str]:
    """Give the rows by outcome; the terms that are always there are shown even when they are zero."""
    done = (("created", tally.created), ("updated", tally.updated), ("deleted", tally.deleted), ("unchanged", tally.unchanged))
    parts = ", ".join(f"{format_count(number)} {word}" for word, number in done if number)
    terms = [
        ("=", "accepted", tally.accepted, f"({parts})" if parts else ""),
        ("+", "dead letters", tally.dead_lettered, ""),
        ("+", "in doubt", tally.in_doubt, ""),
        ("+", "unsent", tally.unsent, ""),
    ]
    if tally.already_settled:
        terms.append(("+", "already settled", tally.already_settled, "(accepted by an earlier replay, or refused as they stand)"))
    width = max(len(format_count(number)) for number in (tally.read, *(term[2] for term in terms)))
    yield f"    {'rows read':<16}{format_count(tally.read):>{width}}"
    for sign, name, number, note in terms:
        yield f"  {sign} {name:<16}{format_count(number):>{width}}  {note}".rstrip()


def _facts(summary: Summary) -> Iterator[str]:
    calls = summary.calls
    again = (
        f" ({format_count(calls.retried)} sent again, {format_count(calls.throttled)} throttled)"
        if calls.retried or calls.throttled
        else ""
    )
    yield f"Calls: {format_count(calls.total)}{again}, {pluralize(calls.credits, 'credit')}."
    if summary.bound:
        yield (
            f"Pace: bound by {summary.bound}, {summary.used_share:.0%} of what they allowed in this time"
            f" (plan {summary.plan}, {format_count(summary.calls_per_minute)} calls a minute)."
        )
    if isinstance(summary, ExportSummary):
        return
    if summary.crm_before is not None and summary.crm_after is not None:
        before, after = format_count(summary.crm_before), format_count(summary.crm_after)
        yield f"The CRM held {before} {summary.crm_module} before and holds {after} now."
    if not summary.input_complete:
        yield "The input was not read to its end."
    if summary.tally.accepted:
        yield f"Results: {summary.results}"
    if summary.in_doubt_file:
        yield f"In doubt: {summary.in_doubt_file}"
    if summary.tally.dead_lettered:
        yield f"Dead letters: {summary.dead_letter}"
        yield from _reasons(count_rejections(summary.dead_letter))


def _reasons(codes: Sequence[tuple[str, str, int]]) -> Iterator[str]:
    for code, field, count in codes[:REASONS]:
        yield f"  {format_count(count):>8}  {code}" + (f" ({field})" if field else "")
    if rest := codes[REASONS:]:
        yield f"  {format_count(sum(count for _, _, count in rest)):>8}  for {pluralize(len(rest), 'other reason')}"
