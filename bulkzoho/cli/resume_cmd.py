"""``bulkzoho resume``: finish what was interrupted."""

from __future__ import annotations

from functools import partial
from typing import Any

import click
from click.core import ParameterSource

from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand, GroupedOption
from bulkzoho.cli.options import (
    connection_options,
    quota_changes,
    quota_options,
    run_options,
    settle_wait_option,
    timing_changes,
    timing_options,
)
from bulkzoho.cli.param_types import LIMIT_OR_NONE
from bulkzoho.domain.model.run_settings import ResumeOverrides

__all__ = ["resume_command"]

_work = partial(click.option, cls=GroupedOption, group="How far")


@click.command(name="resume", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.argument("run", required=False, metavar="[RUN]")
@_work("--limit", type=LIMIT_OR_NONE, help="Move the end that --limit of the import had set; none takes the whole input.")
@connection_options
@settle_wait_option
@run_options
@quota_options
@timing_options
@click.pass_context
def resume_command(ctx: click.Context, /, run: str | None, as_json: bool, progress: str, **given: Any) -> int:  # noqa: FBT001  click gives it by name
    """Finish an interrupted run; without RUN, the last one that can be resumed.

    \b
      bulkzoho resume
      bulkzoho resume 20261124-101500-leads-7f3a
      bulkzoho resume --limit none

    What is known to be accepted is never sent again.  The input must still be what it was.  Options are
    those of the run, unless given anew.  The summary speaks of the whole run.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.resume import resume_run  # noqa: PLC0415  the engine is loaded only when there is something to run
    from bulkzoho.cli.run_command import JobInfo, run_job  # noqa: PLC0415  likewise
    from bulkzoho.cli.streams import StandardOutput  # noqa: PLC0415  likewise
    from bulkzoho.zoho.auth.account_resolver import AccountSelection  # noqa: PLC0415  the engine is loaded only when there is something to run

    if ctx.get_parameter_source("plan") is ParameterSource.ENVIRONMENT:
        given["plan"] = None  # the run was begun under a flag or that same environment; a flag of then wins over it now
    overrides = _overrides(given)
    account = AccountSelection(profile=given["profile"], dc=given["dc"])
    return run_job(
        JobInfo(command="resume"),
        lambda display, stop: resume_run(
            run, overrides=overrides, account=account, out=StandardOutput(display.clear), progress=display, stop=stop
        ),
        as_json=as_json,
        progress=progress,
    )


def _overrides(given: dict[str, Any]) -> ResumeOverrides:
    """Return the settings that the user gives again."""
    no_limit = given["limit"] == "none"
    return ResumeOverrides(
        limit=None if no_limit else given["limit"],
        no_limit=no_limit,
        settle_wait_s=given["settle_wait"],
        quota=quota_changes(given),
        **timing_changes(given),
    )
