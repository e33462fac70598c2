"""Options that several commands share, each family under its own heading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import click

from bulkzoho.cli.helping import GroupedOption
from bulkzoho.cli.values import CREDITS, DURATION, SHARE, WINDOW, choice_of
from bulkzoho.cli.verbosity import verbose_option
from bulkzoho.model.plans import PlanName
from bulkzoho.model.settings import GIVE_UP_AFTER_S, OnQuota, QuotaSettings

__all__ = [
    "Decorator",
    "letter_options",
    "quota_options",
    "quota_settings",
    "run_options",
    "settle_wait_option",
    "stacked",
    "timing_options",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

AUTO_PLAN: Final = "auto"
PROGRESS_KINDS: Final = ("auto", "bar", "plain", "none")


def stacked(*options: Decorator) -> Decorator:
    """Give one decorator that adds *options* in the order in which they are written."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_quota = partial(click.option, cls=GroupedOption, group="Quota")
_timing = partial(click.option, cls=GroupedOption, group="When to stop")
_outcome = partial(click.option, cls=GroupedOption, group="Outcome")

quota_options: Decorator = stacked(
    _quota(
        "--plan",
        type=choice_of(PlanName, AUTO_PLAN),
        default=AUTO_PLAN,
        envvar="BULKZOHO_PLAN",
        show_default=True,
        show_envvar=True,
        help="The plan whose limits hold; auto reads the edition from the CRM.",
    ),
    _quota("--calls-per-minute", type=click.IntRange(min=1), metavar="N", help="Calls in any 60 seconds; default by plan."),
    _quota("--calls-per-day", type=click.IntRange(min=1), metavar="N", help="Calls in any 24 hours; default by plan."),
    _quota("--credits-per-day", type=CREDITS, help="Zoho's API credits in any 24 hours; none lifts the bound."),
    _quota("--in-flight", type=click.IntRange(min=1), metavar="N", help="Calls at one time; default by edition."),
    _quota("--reserve", type=SHARE, default=0.0, help="Leave this share of every limit to other integrations, as in 30%."),
    _quota(
        "--on-quota",
        type=choice_of(OnQuota),
        default=OnQuota.WAIT.value,
        show_default=True,
        help="When the day is used up: wait for it, or stop, resumable.",
    ),
)

timing_options: Decorator = stacked(
    _timing("--window", type=WINDOW, help="Work only in these hours of the day, as in 22:00-06:00; may span midnight."),
    _timing("--max-duration", type=DURATION, help="End cleanly after this long, resumable, as in 6h."),
    _timing(
        "--give-up-after",
        type=DURATION,
        default=GIVE_UP_AFTER_S,
        help="End, resumable, after this long without any answer.  [default: 15m]",
    ),
)

letter_options: Decorator = stacked(
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

run_options: Decorator = stacked(
    _outcome("--json", "as_json", is_flag=True, help="Print one summary object on standard output."),
    _outcome(
        "--progress",
        type=click.Choice(PROGRESS_KINDS),
        default="auto",
        show_default=True,
        help="How to show progress; auto is a bar on a terminal, else plain lines.",
    ),
    verbose_option,
)


def quota_settings(given: Mapping[str, Any]) -> QuotaSettings:
    """Give the limits that were asked for with :data:`quota_options`."""
    credits_a_day = given["credits_per_day"]
    return QuotaSettings(
        plan=None if given["plan"] == AUTO_PLAN else PlanName(given["plan"]),
        calls_per_minute=given["calls_per_minute"],
        calls_per_day=given["calls_per_day"],
        credits_per_day=credits_a_day if isinstance(credits_a_day, int) else None,
        bound_credits=credits_a_day != "none",
        calls_in_flight=given["in_flight"],
        reserve=given["reserve"],
        on_quota=OnQuota(given["on_quota"]),
    )
