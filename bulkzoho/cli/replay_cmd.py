"""``bulkzoho replay``: retry rejected rows from a dead-letter file."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand, GroupedOption
from bulkzoho.cli.import_options import (
    absolute,
    optional_path,
    owner_fallback,
    pairs,
    require_distinct_files,
    require_separate_log_file,
)
from bulkzoho.cli.options import (
    combine_options,
    connection_options,
    outcome_file_options,
    owner_fallback_option,
    quota_changes,
    quota_options,
    run_options,
    settle_wait_option,
    timing_changes,
    timing_options,
)
from bulkzoho.cli.param_types import AssignmentType
from bulkzoho.domain.model.account import AccountSelection
from bulkzoho.domain.model.settings import QuotaSettings, ReplaySettings
from bulkzoho.errors import UsageError

__all__ = ["replay_command", "replay_settings"]

_rows = partial(click.option, cls=GroupedOption, group="Rows")

_row_options = combine_options(
    _rows("--only-code", multiple=True, metavar="CODE", help="Retry only rows with this error code.  Repeatable."),
    _rows(
        "--set",
        multiple=True,
        type=AssignmentType("Field=value", split_at_last=False),
        help="Set a field to this value in every row.  Repeatable.",
    ),
    _rows("--force", is_flag=True, help="Also send rows whose key a later row has updated since."),
)


@click.command(name="replay", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.argument("dead_letter_file", metavar="DEADLETTER")
@connection_options
@_row_options
@owner_fallback_option
@outcome_file_options
@settle_wait_option
@run_options
@quota_options
@timing_options
def replay_command(as_json: bool, progress: str, **options: Any) -> int:  # noqa: FBT001  click passes it by name
    """Retry rejected rows from a dead-letter file (JSON Lines or CSV).

    \b
      bulkzoho replay dead-letter.jsonl
      bulkzoho replay dead-letter.csv --only-code INVALID_DATA
      bulkzoho replay dead-letter.jsonl --set Lead_Status=Contacted

    Fix the rows in the file first.  Module, operation, keys and automations are those of the run that
    wrote the file.  An accepted row is never sent again, however often the file is replayed; a row that
    is rejected again is written to a new dead-letter file and sent again only after it has changed.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    settings = replay_settings(options)
    from bulkzoho.app.replay import replay_letters
    from bulkzoho.cli.run_command import IN_DOUBT_NOTE, CommandInfo, run_command

    account = AccountSelection(profile=options["profile"], dc=options["dc"])
    return run_command(
        CommandInfo(command="replay", abandon_note=IN_DOUBT_NOTE),
        lambda display, stop: replay_letters(settings, account=account, progress=display, stop=stop),
        as_json=as_json,
        progress=progress,
    )


def replay_settings(options: dict[str, Any]) -> ReplaySettings:
    """Return the settings for the parsed *options*; paths become absolute.

    Raises:
        UsageError: Options contradict each other.
    """
    if options["dead_letter_file"] == "-":
        raise UsageError("replay reads a file, not standard input: it remembers the outcome of each row.", hint="Name the file.")
    path = absolute(options["dead_letter_file"])
    dead_letter, results = optional_path(options["dead_letter"]), optional_path(options["results"])
    require_distinct_files((path,), dead_letter, results)
    require_separate_log_file((path, dead_letter, results))
    quota = quota_changes(options)
    overrides = {
        "dead_letter": dead_letter,
        "results": results,
        "quota": QuotaSettings(**quota) if quota else None,
        "settle_wait_s": options["settle_wait"],
        "owner_fallback": owner_fallback(options),
        **timing_changes(options),
    }
    return ReplaySettings(
        letters=path,
        only_codes=tuple(options["only_code"]),
        set=pairs("--set", (), options["set"]),
        force=options["force"],
        overrides=tuple((name, value) for name, value in overrides.items() if value is not None),
    )
