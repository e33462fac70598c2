"""``bulkzoho resume``: finish an interrupted run."""

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
from bulkzoho.domain.model.account import AccountSelection
from bulkzoho.domain.model.run_settings import ResumeOverrides

__all__ = ["resume_command"]

_ABANDON_NOTE = "If the run is an import, rows of requests in flight are in doubt until it is resumed."
_input = partial(click.option, cls=GroupedOption, group="Input")


@click.command(name="resume", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.argument("run", required=False, metavar="[RUN]")
@_input("--limit", type=LIMIT_OR_NONE, help="New value for --limit of the import: rows in all; none = the whole input.")
@connection_options
@settle_wait_option
@run_options
@quota_options
@timing_options
@click.pass_context
def resume_command(ctx: click.Context, /, run: str | None, as_json: bool, progress: str, **options: Any) -> int:  # noqa: FBT001  click passes it by name
    """Finish an interrupted run; without RUN, the latest one that can be resumed.

    \b
      bulkzoho resume
      bulkzoho resume 20261124-101500-leads-7f3a
      bulkzoho resume --limit none

    Accepted rows are never sent again.  The input files must be unchanged.  Options of the run stay in
    force unless you set them here.  The summary covers the whole run.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.resume import resume_run
    from bulkzoho.cli.run_command import CommandInfo, run_command
    from bulkzoho.cli.streams import StandardOutput

    if ctx.get_parameter_source("plan") is ParameterSource.ENVIRONMENT:
        options["plan"] = None  # a --plan given when the run began is not overridden by the environment
    overrides = _overrides(options)
    account = AccountSelection(profile=options["profile"], dc=options["dc"])
    return run_command(
        CommandInfo(command="resume", abandon_note=_ABANDON_NOTE),
        lambda display, stop: resume_run(
            run, overrides=overrides, account=account, out=StandardOutput(display.clear), progress=display, stop=stop
        ),
        as_json=as_json,
        progress=progress,
    )


def _overrides(options: dict[str, Any]) -> ResumeOverrides:
    """Return the settings that the user sets again."""
    no_limit = options["limit"] == "none"
    return ResumeOverrides(
        limit=None if no_limit else options["limit"],
        no_limit=no_limit,
        settle_wait_s=options["settle_wait"],
        quota=quota_changes(options),
        **timing_changes(options),
    )
