"""``bulkzoho replay``: dead letters, mended or not, once more."""

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
    refuse_same_paths,
    require_separate_log_file,
)
from bulkzoho.cli.options import (
    combine_options,
    connection_options,
    letter_options,
    owner_fallback_option,
    quota_changes,
    quota_options,
    run_options,
    settle_wait_option,
    timing_changes,
    timing_options,
)
from bulkzoho.cli.param_types import AssignmentType
from bulkzoho.domain.model.settings import QuotaSettings, ReplaySettings
from bulkzoho.errors import UsageError

__all__ = ["replay_command", "replay_settings"]

_letters = partial(click.option, cls=GroupedOption, group="Which letters, and how")

_letters_options = combine_options(
    _letters("--only-code", multiple=True, metavar="CODE", help="Only letters with this code; may be repeated."),
    _letters(
        "--set",
        multiple=True,
        type=AssignmentType("Field=value", cut_at_last=False),
        help="Give every record this value; may be repeated.",
    ),
    _letters("--force", is_flag=True, help="Also letters whose key was accepted from a later row."),
)


@click.command(name="replay", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.argument("letters", metavar="DEADLETTER")
@connection_options
@_letters_options
@owner_fallback_option
@letter_options
@settle_wait_option
@run_options
@quota_options
@timing_options
def replay_command(as_json: bool, progress: str, **given: Any) -> int:  # noqa: FBT001  click gives it by name
    """Send dead letters again: JSON Lines or CSV, edited or not.

    \b
      bulkzoho replay dead-letter.jsonl
      bulkzoho replay dead-letter.csv --only-code INVALID_DATA
      bulkzoho replay dead-letter.jsonl --set Lead_Status=Contacted

    Module, operation, keys and automations are those of the run that wrote the letters.  What is
    accepted never goes again, however often the file is replayed; what fails again goes only once it
    was changed, and stands in the dead letters of this run.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    settings = replay_settings(given)
    from bulkzoho.app.replay import replay_letters  # noqa: PLC0415  the engine is loaded only when there is something to run
    from bulkzoho.cli.run_command import JobInfo, run_job  # noqa: PLC0415  likewise
    from bulkzoho.zoho.auth.account_resolver import AccountSelection  # noqa: PLC0415  the engine is loaded only when there is something to run

    account = AccountSelection(profile=given["profile"], dc=given["dc"])
    return run_job(
        JobInfo(command="replay"),
        lambda display, stop: replay_letters(settings, account=account, progress=display, stop=stop),
        as_json=as_json,
        progress=progress,
    )


def replay_settings(given: dict[str, Any]) -> ReplaySettings:
    """Give the settings that the parsed options *given* ask for; paths become absolute.

    Raises:
        UsageError: Options contradict each other.
    """
    if given["letters"] == "-":
        raise UsageError(
            "replay reads a file, not standard input: it remembers what became of each letter of it.", hint="Name the file."
        )
    letters = absolute(given["letters"])
    dead_letter, results = optional_path(given["dead_letter"]), optional_path(given["results"])
    refuse_same_paths((letters,), dead_letter, results)
    require_separate_log_file((letters, dead_letter, results))
    quota = quota_changes(given)
    overrides = {
        "dead_letter": dead_letter,
        "results": results,
        "quota": QuotaSettings(**quota) if quota else None,
        "settle_wait_s": given["settle_wait"],
        "owner_fallback": owner_fallback(given),
        **timing_changes(given),
    }
    return ReplaySettings(
        letters=letters,
        only_codes=tuple(given["only_code"]),
        set=pairs("--set", (), given["set"]),
        force=given["force"],
        overrides=tuple((name, value) for name, value in overrides.items() if value is not None),
    )
