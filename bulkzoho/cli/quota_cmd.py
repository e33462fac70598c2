"""``bulkzoho quota``: what is used and left, by which runs, and when it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import click

from bulkzoho.cli.formatting import format_count, pluralize
from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.options import connection_options, limit_options, quota_changes
from bulkzoho.cli.progress_display import NoProgress
from bulkzoho.cli.streams import print_data, print_json, print_note
from bulkzoho.cli.table import table
from bulkzoho.domain.model.quota import CapacityReturn, QuotaUsage, RunUsage, WindowUsage
from bulkzoho.domain.model.settings import QuotaSettings
from bulkzoho.domain.summary.summary_json import usage_json
from bulkzoho.errors import UsageError

__all__ = ["quota_command", "quota_page"]

_WINDOW_HEADINGS: Final = ("", "limit", "used", "held", "left", "comes back")
_RUN_HEADINGS: Final = ("run", "calls", "credits", "last call", "now")
MOST_RUNS: Final = 20  # in the table; --json gives all


@click.command(name="quota", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.option("--all", "everything", is_flag=True, help="Every organization that this home knows; no credentials are needed.")
@connection_options
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print one object.")
@log_options
def quota_command(everything: bool, profile: str | None, dc: str | None, as_json: bool, **given: Any) -> int:  # noqa: FBT001  click gives it by name
    """Show what is used and left of the quota, by which runs, and when it comes back.

    \b
      bulkzoho quota
      bulkzoho quota --reserve 30%
      bulkzoho quota --all --json

    Limits are those of the run at work, or of the largest in the last 24 hours, unless given; else the
    plan's.  No call is made, except to an organization that was never met.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    if everything and (profile is not None or dc is not None):
        raise UsageError("--all shows every organization; --profile and --dc choose one.", hint="Give one or the other.")
    from bulkzoho.app.show_quota import all_quotas, quota_of  # noqa: PLC0415  loaded only when it is used
    from bulkzoho.zoho.auth.account_resolver import AccountSelection  # noqa: PLC0415  loaded only when it is used

    asked = QuotaSettings(**quota_changes({**given, "on_quota": None}))
    if everything:
        usages = all_quotas(asked)
    else:
        account = AccountSelection(profile=profile, dc=dc)
        usages = [asyncio.run(quota_of(account, asked, progress=NoProgress()))]
    if as_json:
        print_json({"organizations": [usage_json(one) for one in usages]})
    elif usages:
        print_data("\n\n".join(quota_page(one) for one in usages))
    else:
        print_note("bulkzoho: no organization is known here yet. Meet one: bulkzoho quota, with credentials")
    return 0


def quota_page(usage: QuotaUsage) -> str:
    """Give one organization's quota for a person."""
    return "\n".join(_lines(usage))


def _lines(usage: QuotaUsage) -> Iterator[str]:
    edition = f", {usage.edition}" if usage.edition else ""
    yield f"{usage.name} ({usage.org}{edition})"
    source = f", as run {usage.limits_of_run} was told" if usage.limits_of_run else ""
    yield f"Limits: plan {usage.plan}{source}."
    yield from usage.notes
    yield ""
    yield table(_WINDOW_HEADINGS, [_window_cells(one, usage.at) for one in usage.windows], numbers=range(1, 5))
    if usage.credits_from_service:
        yield "The credits' limit follows from what the service said remains."
    if usage.paused_until is not None:
        yield f"Nobody calls until {_at(usage.paused_until, usage.at)}: the service asked to slow down."
    yield ""
    if not usage.runs:
        yield "No run used anything in the last 24 hours."
        return
    yield table(_RUN_HEADINGS, [_run_cells(one, usage.at) for one in usage.runs[:MOST_RUNS]], numbers=(1, 2))
    if len(usage.runs) > MOST_RUNS:
        yield f"... and {pluralize(len(usage.runs) - MOST_RUNS, 'smaller run')}; --json gives all."


def _window_cells(window: WindowUsage, now: float) -> tuple[str, ...]:
    limit = "none" if window.limit is None else format_count(window.limit)
    left = "" if window.left is None else format_count(window.left)
    return (
        window.name,
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
    """Give when half of it is back, if that is another time than the first or the last."""
    total = 0
    for step in window.comes_back[:-1]:
        total += step.amount
        if total * 2 >= window.used:
            return f"half {_at(step.by, now)}, " if step.by != _first(window).by else ""
    return ""


def _first(window: WindowUsage) -> CapacityReturn:
    assert window.next_back is not None, "asked only of what comes back"
    return window.next_back


def _at(wall: float, now: float) -> str:
    """Give a time of day, with the weekday when it is another day's, and seconds only when it is near."""
    then, today = (datetime.fromtimestamp(round(one)).astimezone() for one in (wall, now))
    near = abs(wall - now) < 3_600  # noqa: PLR2004  an hour
    clock = f"{then:%H:%M:%S}" if near and then.second else f"{then:%H:%M}"
    return clock if then.date() == today.date() else f"{then:%a} {clock}"


def _run_cells(run: RunUsage, now: float) -> tuple[str, ...]:
    at_work = "" if not run.processes else f"at work, {pluralize(run.calls_in_flight, 'call')} in flight"
    if run.processes > 1:
        at_work = f"{run.processes} processes {at_work}"
    return (run.run, format_count(run.calls), format_count(run.credits), _at(run.last_at, now), at_work)
