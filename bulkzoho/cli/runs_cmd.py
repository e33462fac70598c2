"""``bulkzoho runs``: what ran, and how it stands."""

from __future__ import annotations

from collections.abc import Sequence

import click

from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.streams import print_data, print_json, print_note
from bulkzoho.cli.table import table
from bulkzoho.domain.model.summary import RunListEntry
from bulkzoho.domain.summary.summary_json import run_line_json

__all__ = ["runs_command", "table_of"]

_HEADINGS = (
    "run",
    "command",
    "module",
    "operation",
    "status",
    "read",
    "accepted",
    "dead letters",
    "in doubt",
    "unsent",
    "started",
)
_NUMBERS = range(5, 10)  # columns that stand flush right


@click.command(name="runs", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.option("--json", "as_json", is_flag=True, help="Print an array of objects.")
@log_options
def runs_command(as_json: bool) -> int:  # noqa: FBT001  click gives it by name
    """List the runs with their state, the newest first.

    \b
      bulkzoho runs
      bulkzoho runs --json
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.storage.store.open_store import open_store  # noqa: PLC0415  loaded only when it is used
    from bulkzoho.storage.store.run_catalog import list_runs  # noqa: PLC0415  loaded only when it is used

    lines = list_runs(open_store())
    if as_json:
        print_json([run_line_json(line) for line in lines])
    elif lines:
        print_data(table_of(lines))
    else:
        print_note("bulkzoho: no run yet. Start one: bulkzoho import FILE --module NAME")
    return 0


def table_of(lines: Sequence[RunListEntry]) -> str:
    """Give *lines* as a table with a heading, columns two blanks apart."""
    return table(_HEADINGS, [_cells(line) for line in lines], numbers=_NUMBERS)


def _cells(line: RunListEntry) -> tuple[str, ...]:
    tally = line.tally
    numbers = (tally.read, tally.accepted, tally.dead_lettered, tally.in_doubt, tally.unsent)
    return (
        line.run,
        line.command,
        line.crm_module,
        line.operation,
        line.status,
        *(f"{number:,}" for number in numbers),
        line.started,
    )
