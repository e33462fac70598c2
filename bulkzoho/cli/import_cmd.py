"""``bulkzoho import``: import files into a CRM module."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand, GroupedOption
from bulkzoho.cli.import_options import import_settings
from bulkzoho.cli.options import (
    COLUMNS_GROUP,
    combine_options,
    connection_options,
    outcome_file_options,
    owner_fallback_option,
    quota_options,
    run_options,
    settle_wait_option,
    timing_options,
)
from bulkzoho.cli.param_types import DELIMITER, ENCODING, TIME_ZONE, TRIGGER, AssignmentType, choice_of
from bulkzoho.domain.model.account import AccountSelection
from bulkzoho.domain.model.limits_and_costs import MAX_BATCH_RECORDS
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.settings import InDoubtPolicy, InputFormat

__all__ = ["import_command"]

_crm = partial(click.option, cls=GroupedOption, group="Operation")
_columns = partial(click.option, cls=GroupedOption, group=COLUMNS_GROUP)
_file = partial(click.option, cls=GroupedOption, group="Input files")
_outcome = partial(click.option, cls=GroupedOption, group="Outcome")

_crm_options = combine_options(
    _crm("--module", "crm_module", required=True, metavar="NAME", help="CRM module: API name or label."),
    _crm(
        "--operation",
        type=choice_of(Operation),
        default=Operation.INSERT.value,
        show_default=True,
        help="Operation for each row.",
    ),
    _crm("--match-on", multiple=True, metavar="FIELD", help="For upsert: field that identifies a record.  Repeatable."),
    _crm(
        "--trigger",
        type=TRIGGER,
        default=(),
        help="Automations to run: workflow, approval, blueprint, pathfinder, orchestration.  [default: none]",
    ),
    _crm(
        "--limit",
        type=click.IntRange(min=1),
        metavar="N",
        help="Import only the first N rows; bulkzoho resume --limit none imports the rest.",
    ),
    _crm(
        "--batch-size",
        type=click.IntRange(1, MAX_BATCH_RECORDS),
        default=MAX_BATCH_RECORDS,
        show_default=True,
        metavar="N",
        help="Records per API call.",
    ),
    _crm("--again", is_flag=True, help="Import a file again although its content was imported into this module before."),
)

_column_options = combine_options(
    _columns(
        "--map",
        multiple=True,
        type=AssignmentType("COLUMN=Field", split_at_last=True, allow_empty=True),
        help="Map a column to a field; COLUMN= leaves it out.  Repeatable.",
    ),
    _columns("--mapping", metavar="FILE.toml", help="File with [columns], [set] and [formats]; --map and --set override it."),
    _columns(
        "--set",
        multiple=True,
        type=AssignmentType("Field=value", split_at_last=False),
        help="Set a field to this value in every row; overrides a column.  Repeatable.",
    ),
    _columns(
        "--null", "null_text", metavar="TEXT", help="Text of a cell that clears the field; a blank cell leaves it unchanged."
    ),
    _columns("--date-format", metavar="FORMAT", help="Format of dates, for example %d.%m.%Y.  [default: ISO 8601]"),
    _columns("--time-zone", type=TIME_ZONE, help="Time zone of times without an offset.  [default: the organization's]"),
    owner_fallback_option,
    _columns("--ignore-unknown", is_flag=True, help="Leave out unknown columns."),
    _columns("--ignore-readonly", is_flag=True, help="Leave out columns of fields that the API cannot write."),
)

_file_options = combine_options(
    _file(
        "--input-format",
        type=choice_of(InputFormat),
        default=InputFormat.AUTO.value,
        show_default=True,
        help="Format of the input; auto detects it from the name, then the content.",
    ),
    _file(
        "--delimiter",
        type=DELIMITER,
        help="CSV delimiter: a character, or comma, semicolon, tab, pipe.  [default: auto-detected]",
    ),
    _file("--encoding", type=ENCODING, help="Text encoding.  [default: from the byte order mark, else utf-8]"),
)

_in_doubt_options = combine_options(
    _outcome(
        "--on-doubt",
        type=choice_of(InDoubtPolicy),
        default=InDoubtPolicy.LOOKUP.value,
        show_default=True,
        help="For rows sent in a request without a response: look them up in the CRM, or only report them.",
    ),
    _outcome(
        "--import-key",
        metavar="FIELD",
        help="Write run and row number to this text field, so that a lookup can find each record.",
    ),
)


@click.command(name="import", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_crm_options
@connection_options
@_column_options
@_file_options
@outcome_file_options
@_in_doubt_options
@settle_wait_option
@run_options
@quota_options
@timing_options
def import_command(as_json: bool, progress: str, **options: Any) -> int:  # noqa: FBT001  click passes it by name
    """Import files into a CRM module.

    \b
      bulkzoho import leads.csv --module Leads
      bulkzoho import leads.csv --module Leads --operation upsert --match-on Email
      bulkzoho import old.csv --module Leads --map "E-Mail=Email" --set Lead_Source=Import
      zcat big.jsonl.gz | bulkzoho import - --module Contacts --input-format jsonl --json

    FILE is CSV or JSON Lines, plain or compressed (.gz, .zst), or Parquet; - is standard input.
    Rejected rows are written to a dead-letter file with the reason: fix them there and send them
    again with bulkzoho replay.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    settings = import_settings(options)
    from bulkzoho.app.start_import import import_files
    from bulkzoho.cli.run_command import IN_DOUBT_NOTE, CommandInfo, run_command

    account = AccountSelection(profile=options["profile"], dc=options["dc"])
    command = CommandInfo(
        command="import", crm_module=settings.crm_module, operation=settings.operation, abandon_note=IN_DOUBT_NOTE
    )
    return run_command(
        command,
        lambda display, stop: import_files(settings, account=account, progress=display, stop=stop),
        as_json=as_json,
        progress=progress,
    )
