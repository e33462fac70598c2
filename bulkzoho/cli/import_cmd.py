"""``bulkzoho import``: files into a CRM module."""

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
    letter_options,
    owner_fallback_option,
    quota_options,
    run_options,
    settle_wait_option,
    timing_options,
)
from bulkzoho.cli.param_types import DELIMITER, ENCODING, TIME_ZONE, TRIGGER, AssignmentType, choice_of
from bulkzoho.domain.model.edition_limits import MAX_BATCH_RECORDS
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.settings import InDoubtPolicy, InputFormat

__all__ = ["import_command"]

_crm = partial(click.option, cls=GroupedOption, group="What to do in the CRM")
_columns = partial(click.option, cls=GroupedOption, group=COLUMNS_GROUP)
_file = partial(click.option, cls=GroupedOption, group="How to read the files")
_outcome = partial(click.option, cls=GroupedOption, group="Outcome")

_crm_options = combine_options(
    _crm("--module", "crm_module", required=True, metavar="NAME", help="The CRM module, by API name or label."),
    _crm(
        "--operation",
        type=choice_of(Operation),
        default=Operation.INSERT.value,
        show_default=True,
        help="What to do with each row.",
    ),
    _crm("--match-on", multiple=True, metavar="FIELD", help="Upsert: the field that recognises a record; may be repeated."),
    _crm(
        "--trigger",
        type=TRIGGER,
        default=(),
        help="Automations that may fire: workflow, approval, blueprint, pathfinder, orchestration.  [default: none]",
    ),
    _crm("--limit", type=click.IntRange(min=1), metavar="N", help="Take the first N rows only; resume --limit goes on."),
    _crm(
        "--batch-size",
        type=click.IntRange(1, MAX_BATCH_RECORDS),
        default=MAX_BATCH_RECORDS,
        show_default=True,
        metavar="N",
        help="Records a call.",
    ),
    _crm("--again", is_flag=True, help="Import although the same content was sent to this module before."),
)

_column_options = combine_options(
    _columns(
        "--map",
        multiple=True,
        type=AssignmentType("COLUMN=Field", cut_at_last=True, nothing=True),
        help="Put a column into a field, or leave it out (COLUMN=); may be repeated.",
    ),
    _columns("--mapping", metavar="FILE.toml", help="A file with [columns], [set] and [formats]; --map and --set win over it."),
    _columns(
        "--set",
        multiple=True,
        type=AssignmentType("Field=value", cut_at_last=False),
        help="Give every row this value; wins over a column.  May be repeated.",
    ),
    _columns("--null", "null_text", metavar="TEXT", help="A cell with this text clears the field; a blank cell leaves it alone."),
    _columns("--date-format", metavar="FORMAT", help="How dates are written, as in %d.%m.%Y.  [default: ISO 8601]"),
    _columns("--time-zone", type=TIME_ZONE, help="The zone of times that name none.  [default: the organization's]"),
    owner_fallback_option,
    _columns("--ignore-unknown", is_flag=True, help="Leave out columns that are no field."),
    _columns("--ignore-readonly", is_flag=True, help="Leave out columns that the API may not write."),
)

_file_options = combine_options(
    _file(
        "--input-format",
        type=choice_of(InputFormat),
        default=InputFormat.AUTO.value,
        show_default=True,
        help="auto goes by the name, then by the content.",
    ),
    _file(
        "--delimiter", type=DELIMITER, help="Between cells: a character, or comma, semicolon, tab, pipe.  [default: found out]"
    ),
    _file("--encoding", type=ENCODING, help="Of the text.  [default: by byte order mark, else utf-8]"),
)

_doubt_options = combine_options(
    _outcome(
        "--on-doubt",
        type=choice_of(InDoubtPolicy),
        default=InDoubtPolicy.LOOKUP.value,
        show_default=True,
        help="Rows whose reply was lost: look them up, or only report them.",
    ),
    _outcome(
        "--import-key",
        metavar="FIELD",
        help="Stamp each record with run and row in this text field, so that lost ones are found exactly.",
    ),
)


@click.command(name="import", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_crm_options
@connection_options
@_column_options
@_file_options
@letter_options
@_doubt_options
@settle_wait_option
@run_options
@quota_options
@timing_options
def import_command(as_json: bool, progress: str, **given: Any) -> int:  # noqa: FBT001  click gives it by name
    """Import files into a CRM module; - is standard input.

    \b
      bulkzoho import leads.csv --module Leads
      bulkzoho import leads.csv --module Leads --operation upsert --match-on Email
      bulkzoho import old.csv --module Leads --map "E-Mail=Email" --set Lead_Source=Import
      zcat big.jsonl.gz | bulkzoho import - --module Contacts --input-format jsonl --json

    Files are CSV or JSON Lines, plain or compressed (.gz, .zst).  Rows that are refused become dead
    letters, with the reason; mend them and send them with bulkzoho replay.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    settings = import_settings(given)
    from bulkzoho.app.start_import import import_files  # noqa: PLC0415  the engine is loaded only when there is something to run
    from bulkzoho.cli.run_command import JobInfo, run_job  # noqa: PLC0415  likewise
    from bulkzoho.zoho.auth.account_resolver import AccountSelection  # noqa: PLC0415  the engine is loaded only when there is something to run

    account = AccountSelection(profile=given["profile"], dc=given["dc"])
    job = JobInfo(command="import", crm_module=settings.crm_module, operation=settings.operation)
    return run_job(
        job,
        lambda display, stop: import_files(settings, account=account, progress=display, stop=stop),
        as_json=as_json,
        progress=progress,
    )
