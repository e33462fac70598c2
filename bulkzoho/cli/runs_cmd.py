"""``bulkzoho runs``: list runs and their status."""

from __future__ import annotations

from collections.abc import Sequence

import click

from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.streams import print_data, print_json, print_note
from bulkzoho.cli.table import format_table
from bulkzoho.domain.model.summary import RunListEntry
from bulkzoho.domain.summary.summary_json import run_line_json

__all__ = ["runs_command", "runs_table"]

_HEADINGS = (
    "run",
    "command",
    "module",
    "operation",
    "status",
    "read",
    "accepted",
    "rejected",
    "in doubt",
    "unsent",
    "started",
)
_NUMBERS = range(5, 10)  # columns of numbers


@click.command(name="runs", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@log_options
def runs_command(as_json: bool) -> int:  # noqa: FBT001  click passes it by name
    """List runs and their status, newest first.

    \b
      bulkzoho runs
      bulkzoho runs --json
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.storage.store.open_store import open_store
    from bulkzoho.storage.store.run_catalog import list_runs

    runs = list_runs(open_store())
    if as_json:
        print_json([run_line_json(run) for run in runs])
    elif runs:
        print_data(runs_table(runs))
    else:
        print_note("bulkzoho: no runs yet. Start one: bulkzoho import FILE --module NAME")
    return 0


def runs_table(runs: Sequence[RunListEntry]) -> str:
    """Return *runs* as a table."""
    return format_table(_HEADINGS, [_cells(run) for run in runs], numbers=_NUMBERS)


def _cells(run: RunListEntry) -> tuple[str, ...]:
    tally = run.tally
    numbers = (tally.read, tally.accepted, tally.dead_lettered, tally.in_doubt, tally.unsent)
    return (
        run.run,
        run.command,
        run.crm_module,
        run.operation,
        run.status,
        *(f"{number:,}" for number in numbers),
        run.started,
    )
