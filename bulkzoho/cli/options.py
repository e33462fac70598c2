"""Options that several commands share, each family under its own heading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import click

from bulkzoho.cli.help_format import GroupedOption
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.param_types import CREDITS, DURATION, MAX_ERRORS, SHARE, WINDOW, choice_of
from bulkzoho.domain.model.edition_limits import PlanName
from bulkzoho.domain.model.settings import QuotaPolicy

__all__ = [
    "COLUMNS_GROUP",
    "Decorator",
    "combine_options",
    "connection_options",
    "duration_options",
    "letter_options",
    "limit_options",
    "owner_fallback_option",
    "quota_changes",
    "quota_options",
    "run_options",
    "settle_wait_option",
    "timing_changes",
    "timing_options",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

COLUMNS_GROUP: Final = "Columns and values"  # heading of the options that say what goes into which field
AUTO_PLAN: Final = "auto"
PROGRESS_KINDS: Final = ("auto", "bar", "plain", "none")


def combine_options(*options: Decorator) -> Decorator:
    """Give one decorator that adds *options* in the order in which they are written."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_quota = partial(click.option, cls=GroupedOption, group="Quota")
_timing = partial(click.option, cls=GroupedOption, group="When to stop")
_outcome = partial(click.option, cls=GroupedOption, group="Outcome")
_account = partial(click.option, cls=GroupedOption, group="Which account")

connection_options: Decorator = combine_options(
    _account(
        "--profile",
        metavar="NAME",
        help="The account, as kept by bulkzoho auth login; credentials and hosts of the environment are then ignored."
        "  [default: BULKZOHO_PROFILE, the environment, or the profile called default]",
    ),
    _account("--dc", metavar="DC", help="The data center: us, eu, in, au, jp, cn, ca, sa, uk.  [default: BULKZOHO_DC, or us]"),
)

limit_options: Decorator = combine_options(
    _quota(
        "--plan",
        type=choice_of(PlanName, AUTO_PLAN),
        envvar="BULKZOHO_PLAN",
        show_envvar=True,
        help="The plan whose limits hold; auto reads the edition from the CRM.  [default: auto]",
    ),
    _quota("--calls-per-minute", type=click.IntRange(min=1), metavar="N", help="Calls in any 60 seconds; default by plan."),
    _quota("--calls-per-day", type=click.IntRange(min=1), metavar="N", help="Calls in any 24 hours; default by plan."),
    _quota("--credits-per-day", type=CREDITS, help="Zoho's API credits in any 24 hours; none lifts the bound."),
    _quota("--in-flight", type=click.IntRange(min=1), metavar="N", help="Calls at one time; default by edition."),
    _quota("--reserve", type=SHARE, help="Leave this share of every limit to other integrations, as in 30%."),
)

quota_options: Decorator = combine_options(
    limit_options,
    _quota(
        "--on-quota",
        type=choice_of(QuotaPolicy),
        help="When the day is used up: wait for it, or stop, resumable.  [default: wait]",
    ),
)

duration_options: Decorator = combine_options(
    _timing("--window", type=WINDOW, help="Work only in these hours of the day, as in 22:00-06:00; may span midnight."),
    _timing("--max-duration", type=DURATION, help="End cleanly after this long, resumable, as in 6h."),
    _timing(
        "--give-up-after",
        type=DURATION,
        help="End, resumable, after this long without any answer.  [default: 15m]",
    ),
)

timing_options: Decorator = combine_options(
    _timing("--max-errors", type=MAX_ERRORS, help="After so many refused rows, resumable, as in 500 or 2%."),
    duration_options,
)

owner_fallback_option: Decorator = click.option(
    "--owner-fallback",
    cls=GroupedOption,
    group=COLUMNS_GROUP,
    metavar="USER",
    help="Who stands in for a user that is unknown, ambiguous or inactive: by id, e-mail address or full name.",
)

letter_options: Decorator = combine_options(
    _outcome("--dead-letter", metavar="PATH", help="Write refused rows here too; .csv gives CSV, any other name JSON Lines."),
    _outcome("--results", metavar="PATH", help="Write accepted rows with their ids here too; .csv gives CSV."),
)

settle_wait_option: Decorator = click.option(
    "--settle-wait",
    cls=GroupedOption,
    group="Outcome",
    type=DURATION,
    envvar="BULKZOHO_SETTLE_WAIT",
    show_envvar=True,
    help="Wait this long until a lost call can no longer be running.  [default: 180s]",
)

run_options: Decorator = combine_options(
    _outcome("--json", "as_json", is_flag=True, help="Print one summary object on standard output."),
    _outcome(
        "--progress",
        type=click.Choice(PROGRESS_KINDS),
        default="auto",
        show_default=True,
        help="How to show progress; auto is a bar on a terminal, else plain lines.",
    ),
    log_options,
)


def quota_changes(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of :class:`QuotaSettings` that were asked for with :data:`quota_options`."""
    plan, credits_a_day, on_quota = given["plan"], given["credits_per_day"], given["on_quota"]
    asked = {
        "calls_per_minute": given["calls_per_minute"],
        "calls_per_day": given["calls_per_day"],
        "calls_in_flight": given["in_flight"],
        "reserve": given["reserve"],
        "on_quota": None if on_quota is None else QuotaPolicy(on_quota),
    }
    changes = {name: value for name, value in asked.items() if value is not None}
    if plan is not None:
        changes["plan"] = None if plan == AUTO_PLAN else PlanName(plan)
    if credits_a_day is not None:
        bound = credits_a_day != "none"
        changes |= {"bound_credits": bound, "credits_per_day": credits_a_day if bound else None}
    return changes


def timing_changes(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of :class:`ImportSettings` that were asked for with :data:`timing_options`."""
    asked = {
        "max_errors": given["max_errors"],
        "window": given["window"],
        "max_duration_s": given["max_duration"],
        "give_up_after_s": given["give_up_after"],
    }
    return {name: value for name, value in asked.items() if value is not None}
