"""Options that several commands share, by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import click

from bulkzoho.cli.help_format import GroupedOption
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.param_types import CREDITS, DURATION, MAX_ERRORS, SHARE, WINDOW, choice_of
from bulkzoho.domain.model.limits_and_costs import PlanName
from bulkzoho.domain.model.settings import QuotaPolicy

__all__ = [
    "COLUMNS_GROUP",
    "Decorator",
    "combine_options",
    "connection_options",
    "duration_options",
    "limit_options",
    "outcome_file_options",
    "owner_fallback_option",
    "quota_changes",
    "quota_options",
    "run_options",
    "settle_wait_option",
    "timing_changes",
    "timing_options",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

COLUMNS_GROUP: Final = "Columns and values"  # heading of the options for mapping and conversion
AUTO_PLAN: Final = "auto"
PROGRESS_KINDS: Final = ("auto", "bar", "plain", "none")


def combine_options(*options: Decorator) -> Decorator:
    """Return one decorator that adds *options* in this order."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_quota = partial(click.option, cls=GroupedOption, group="Quota")
_timing = partial(click.option, cls=GroupedOption, group="When to stop")
_outcome = partial(click.option, cls=GroupedOption, group="Outcome")
_account = partial(click.option, cls=GroupedOption, group="Account")

connection_options: Decorator = combine_options(
    _account(
        "--profile",
        metavar="NAME",
        help="Profile saved by bulkzoho auth login.  Credentials and hosts in the environment are then ignored."
        '  [default: BULKZOHO_PROFILE, the environment, or the profile "default"]',
    ),
    _account("--dc", metavar="DC", help="Data center: us, eu, in, au, jp, cn, ca, sa or uk.  [default: BULKZOHO_DC, or us]"),
)

limit_options: Decorator = combine_options(
    _quota(
        "--plan",
        type=choice_of(PlanName, AUTO_PLAN),
        envvar="BULKZOHO_PLAN",
        show_envvar=True,
        help="Plan that sets the limits; auto reads the edition from the CRM.  [default: auto]",
    ),
    _quota(
        "--calls-per-minute", type=click.IntRange(min=1), metavar="N", help="API calls in any 60 seconds.  [default: by plan]"
    ),
    _quota("--calls-per-day", type=click.IntRange(min=1), metavar="N", help="API calls in any 24 hours.  [default: by plan]"),
    _quota("--credits-per-day", type=CREDITS, help="API credits in any 24 hours; none = unlimited.  [default: by edition]"),
    _quota("--in-flight", type=click.IntRange(min=1), metavar="N", help="Concurrent API calls.  [default: by edition]"),
    _quota("--reserve", type=SHARE, help="Share of every limit to leave to other integrations, for example 30%."),
)

quota_options: Decorator = combine_options(
    limit_options,
    _quota(
        "--on-quota",
        type=choice_of(QuotaPolicy),
        help="When the daily quota is used up: wait, or stop (resumable).  [default: wait]",
    ),
)

duration_options: Decorator = combine_options(
    _timing("--window", type=WINDOW, help="Run only in these hours, for example 22:00-06:00."),
    _timing("--max-duration", type=DURATION, help="Stop (resumable) after this time, for example 6h."),
    _timing(
        "--give-up-after",
        type=DURATION,
        help="Stop (resumable) after this time without any response.  [default: 15m]",
    ),
)

timing_options: Decorator = combine_options(
    _timing("--max-errors", type=MAX_ERRORS, help="Stop (resumable) after this many rejected rows, for example 500 or 2%."),
    duration_options,
)

owner_fallback_option: Decorator = click.option(
    "--owner-fallback",
    cls=GroupedOption,
    group=COLUMNS_GROUP,
    metavar="USER",
    help="User to use in place of an unknown, ambiguous or inactive one: id, e-mail address or full name.",
)

outcome_file_options: Decorator = combine_options(
    _outcome(
        "--dead-letter",
        metavar="PATH",
        help="Also write rejected rows to this file; CSV if its name ends in .csv, else JSON Lines.",
    ),
    _outcome(
        "--results", metavar="PATH", help="Also write accepted rows with their ids to this file; CSV if its name ends in .csv."
    ),
)

settle_wait_option: Decorator = click.option(
    "--settle-wait",
    cls=GroupedOption,
    group="Outcome",
    type=DURATION,
    envvar="BULKZOHO_SETTLE_WAIT",
    show_envvar=True,
    help="How long a request without a response may still be running in the CRM.  [default: 180s]",
)

run_options: Decorator = combine_options(
    _outcome("--json", "as_json", is_flag=True, help="Print the summary as one JSON object on standard output."),
    _outcome(
        "--progress",
        type=click.Choice(PROGRESS_KINDS),
        default="auto",
        show_default=True,
        help="Progress display; auto is a bar on a terminal, else plain lines.",
    ),
    log_options,
)


def quota_changes(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of :class:`QuotaSettings` that :data:`quota_options` set."""
    plan, credits_per_day, on_quota = options["plan"], options["credits_per_day"], options["on_quota"]
    values = {
        "calls_per_minute": options["calls_per_minute"],
        "calls_per_day": options["calls_per_day"],
        "calls_in_flight": options["in_flight"],
        "reserve": options["reserve"],
        "on_quota": None if on_quota is None else QuotaPolicy(on_quota),
    }
    changes = {name: value for name, value in values.items() if value is not None}
    if plan is not None:
        changes["plan"] = None if plan == AUTO_PLAN else PlanName(plan)
    if credits_per_day is not None:
        limited = credits_per_day != "none"
        changes |= {"bound_credits": limited, "credits_per_day": credits_per_day if limited else None}
    return changes


def timing_changes(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of :class:`ImportSettings` that :data:`timing_options` set."""
    values = {
        "max_errors": options["max_errors"],
        "window": options["window"],
        "max_duration_s": options["max_duration"],
        "give_up_after_s": options["give_up_after"],
    }
    return {name: value for name, value in values.items() if value is not None}
