"""``bulkzoho quota``: show API quota usage."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import click

from bulkzoho.cli.formatting import format_count, format_limit, pluralize
from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.options import connection_options, limit_options, quota_changes
from bulkzoho.cli.progress_display import NoProgress
from bulkzoho.cli.streams import print_data, print_json, print_note
from bulkzoho.cli.table import format_table
from bulkzoho.domain.model.account import AccountSelection
from bulkzoho.domain.model.quota import CapacityReturn, QuotaUsage, RunUsage, WindowUsage
from bulkzoho.domain.model.settings import QuotaSettings
from bulkzoho.domain.summary.summary_json import usage_json
from bulkzoho.errors import UsageError

__all__ = ["quota_command", "quota_text"]

_WINDOW_HEADINGS: Final = ("", "limit", "used", "reserved", "left", "available again")
_RUN_HEADINGS: Final = ("run", "calls", "credits", "last call", "status")
MAX_RUNS: Final = 20  # in the table; --json lists all


@click.command(name="quota", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.option("--all", "everything", is_flag=True, help="Show every known organization; needs no credentials.")
@connection_options
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@log_options
def quota_command(everything: bool, profile: str | None, dc: str | None, as_json: bool, **options: Any) -> int:  # noqa: FBT001  click passes it by name
    """Show how much of the API quota is used and left, by which runs, and when it is available again.

    \b
      bulkzoho quota
      bulkzoho quota --reserve 30%
      bulkzoho quota --all --json

    Without limit options, the limits are those of the current run, or of the largest run of the last
    24 hours, or else those of the plan.  Usage is read from the state directory; the CRM is called only
    when its organization is not known yet.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    if everything and (profile is not None or dc is not None):
        raise UsageError("--all cannot be combined with --profile or --dc.", hint="Omit one of them.")
    from bulkzoho.app.show_quota import all_quotas, quota_of

    limits = QuotaSettings(**quota_changes({**options, "on_quota": None}))
    if everything:
        usages = all_quotas(limits)
    else:
        account = AccountSelection(profile=profile, dc=dc)
        usages = [asyncio.run(quota_of(account, limits, progress=NoProgress()))]
    if as_json:
        print_json({"organizations": [usage_json(usage) for usage in usages]})
    elif usages:
        print_data("\n\n".join(quota_text(usage) for usage in usages))
    else:
        print_note("bulkzoho: no organization is known yet. Log in first: bulkzoho auth login")
    return 0


def quota_text(usage: QuotaUsage) -> str:
    """Return the quota of one organization as text."""
    return "\n".join(_lines(usage))


def _lines(usage: QuotaUsage) -> Iterator[str]:
    edition = f", {usage.edition}" if usage.edition else ""
    yield f"{usage.name} ({usage.org}{edition})"
    source = f", as set by run {usage.limits_of_run}" if usage.limits_of_run else ""
    yield f"Limits: plan {usage.plan}{source}"
    yield from usage.notes
    yield ""
    yield format_table(_WINDOW_HEADINGS, [_window_cells(window, usage.at) for window in usage.windows], numbers=range(1, 5))
    if usage.credits_from_service:
        yield "The credit limit is derived from the remaining credits that Zoho reported."
    if usage.paused_until is not None:
        yield f"All runs pause until {_at(usage.paused_until, usage.at)}: Zoho asked to slow down."
    yield ""
    if not usage.runs:
        yield "No API calls in the last 24 hours."
        return
    yield format_table(_RUN_HEADINGS, [_run_cells(run, usage.at) for run in usage.runs[:MAX_RUNS]], numbers=(1, 2))
    if len(usage.runs) > MAX_RUNS:
        yield f"... and {pluralize(len(usage.runs) - MAX_RUNS, 'smaller run')}; --json lists all."


def _window_cells(window: WindowUsage, now: float) -> tuple[str, ...]:
    limit = "none" if window.limit is None else format_count(window.limit)
    left = "" if window.left is None else format_count(window.left)
    return (
        format_limit(window.name),
        limit,
        format_count(window.used),
        format_count(window.held) if window.held else "",
        left,
        _back(window, now),
    )


def _back(window: WindowUsage, now: float) -> str:
    first, steps = window.next_back, window.comes_back
    if first is None:
        return ""
    last = steps[-1].by
    if last == first.by:
        return f"all {_at(last, now)}"
    return f"{format_count(first.amount)} {_at(first.by, now)}, {_half(window, now)}all {_at(last, now)}"


def _half(window: WindowUsage, now: float) -> str:
    """Return when half of the usage is available again, unless that is the first or the last step."""
    total = 0
    for step in window.comes_back[:-1]:
        total += step.amount
        if total * 2 >= window.used:
            return f"half {_at(step.by, now)}, " if step.by != _first(window).by else ""
    return ""


def _first(window: WindowUsage) -> CapacityReturn:
    assert window.next_back is not None
    return window.next_back


def _at(wall: float, now: float) -> str:
    """Return a time of day, with the weekday if it is not today, and with seconds only if it is near."""
    then, today = (datetime.fromtimestamp(round(time)).astimezone() for time in (wall, now))
    near = abs(wall - now) < 3_600  # noqa: PLR2004  an hour
    clock = f"{then:%H:%M:%S}" if near and then.second else f"{then:%H:%M}"
    return clock if then.date() == today.date() else f"{then:%a} {clock}"


def _run_cells(run: RunUsage, now: float) -> tuple[str, ...]:
    status = "" if not run.processes else f"running, {pluralize(run.calls_in_flight, 'call')} in flight"
    if run.processes > 1:
        status = f"{run.processes} processes {status}"
    return (run.run, format_count(run.calls), format_count(run.credits), _at(run.last_at, now), status)
