"""``bulkzoho export``: export a CRM module to a file."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path, PurePath
from typing import Any, Final

import click

from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand, GroupedOption
from bulkzoho.cli.import_options import absolute, require_separate_log_file
from bulkzoho.cli.options import (
    combine_options,
    connection_options,
    duration_options,
    quota_changes,
    quota_options,
    run_options,
    timing_changes,
)
from bulkzoho.cli.param_types import choice_of
from bulkzoho.domain.coql.filter_parser import parse_where
from bulkzoho.domain.model.account import AccountSelection
from bulkzoho.domain.model.export import (
    LAST,
    STANDARD_OUTPUT,
    Compression,
    ConvertedLeads,
    ExportRoute,
    ExportSettings,
    OutputFormat,
)
from bulkzoho.domain.model.settings import QuotaSettings
from bulkzoho.errors import UsageError

__all__ = ["export_command"]

_selection = partial(click.option, cls=GroupedOption, group="Records")
_file = partial(click.option, cls=GroupedOption, group="Output file")

STANDARD_INPUT: Final = "-"
_COMPRESSIONS: Final = {".gz": Compression.GZIP, ".zst": Compression.ZSTD}
_FORMATS: Final = {
    ".csv": OutputFormat.CSV,
    ".jsonl": OutputFormat.JSONL,
    ".ndjson": OutputFormat.JSONL,
    ".parquet": OutputFormat.PARQUET,
}
_UNSUPPORTED: Final = frozenset({".xlsx", ".xls", ".ods", ".json", ".bz2", ".xz", ".zip"})  # not CSV, whatever the option says

_selection_options = combine_options(
    _selection("--fields", metavar="A,B", help="Fields in this order: API names or labels.  [default: all]"),
    _selection(
        "--where",
        metavar="CONDITION",
        help="Condition for records, for example \"Lead_Status = 'Contacted' and Annual_Revenue >= 1000\".",
    ),
    _selection(
        "--ids",
        metavar="FILE",
        help="Export only these ids: one per line, or a column id in CSV or JSON Lines; - is standard input.",
    ),
    _selection(
        "--converted",
        type=choice_of(ConvertedLeads),
        default=ConvertedLeads.LEFT_OUT.value,
        show_default=True,
        help="Converted leads: exclude (false), only (true), or include (both).",
    ),
    _selection("--include-deleted", is_flag=True, help="Add one line per deleted record, as far back as the CRM lists them."),
    _selection(
        "--since", metavar="TIME|last", help="Export only changes and deletions since this time, or since the last such export."
    ),
    _selection("--state", metavar="NAME", help="Name of the cursor of --since last.  [default: by module, fields and condition]"),
    _selection(
        "--route",
        type=choice_of(ExportRoute),
        default=ExportRoute.AUTO.value,
        show_default=True,
        help="API to read with; auto is the cheapest that returns every field in full.",
    ),
)

_file_options = combine_options(
    _file(
        "-o",
        "--output",
        default=STANDARD_OUTPUT,
        metavar="FILE",
        help="Output file; - is standard output.  Compressed if the name ends in .gz or .zst.  [default: -]",
    ),
    _file("--format", type=choice_of(OutputFormat), help="Output format.  [default: by the file name, else csv]"),
    _file("--null", "null_text", default="", metavar="TEXT", help="Text for empty values in CSV.  [default: a blank cell]"),
)


@click.command(name="export", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.argument("crm_module", metavar="MODULE")
@_selection_options
@_file_options
@connection_options
@run_options
@quota_options
@duration_options
def export_command(as_json: bool, progress: str, **options: Any) -> int:  # noqa: FBT001  click passes it by name
    """Export a CRM module, each record exactly once.

    \b
      bulkzoho export Contacts -o contacts.csv
      bulkzoho export Leads -o leads.jsonl.gz --fields Last_Name,Email,Owner
      bulkzoho export Deals --format jsonl --where "Stage = 'Closed Won'" > deals.jsonl
      bulkzoho export Contacts -o changes.csv --since last
      bulkzoho export Leads -o accepted.csv --ids results.jsonl

    The file appears under its name only when it is complete.  Finish an interrupted export with
    bulkzoho resume.  With -o - the summary goes to standard error.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    settings = export_settings(options)
    from bulkzoho.app.start_export import export_module
    from bulkzoho.cli.run_command import CommandInfo, run_command
    from bulkzoho.cli.streams import StandardOutput

    _require_no_terminal(settings)
    account = AccountSelection(profile=options["profile"], dc=options["dc"])
    with _ids_from_file(settings) as settings:
        return run_command(
            CommandInfo(command="export", crm_module=settings.crm_module, data_on_stdout=settings.output == STANDARD_OUTPUT),
            lambda display, stop: export_module(
                settings, account=account, out=StandardOutput(display.clear), progress=display, stop=stop
            ),
            as_json=as_json,
            progress=progress,
        )


def _require_no_terminal(settings: ExportSettings) -> None:
    if (
        settings.format is OutputFormat.PARQUET
        and settings.output == STANDARD_OUTPUT
        and sys.stdout is not None
        and sys.stdout.isatty()
    ):
        raise UsageError("Parquet cannot be written to a terminal.", hint="Name a file: -o FILE.parquet")


@contextmanager
def _ids_from_file(settings: ExportSettings) -> Iterator[ExportSettings]:
    """Copy ids from standard input to a temporary file until the context ends; the run keeps its own copy."""
    if settings.ids != STANDARD_INPUT:
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="bulkzoho-") as folder:
        path = Path(folder) / "standard-input"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield replace(settings, ids=str(path))


def export_settings(options: Mapping[str, Any]) -> ExportSettings:
    """Return the settings for the parsed *options*.

    Raises:
        UsageError: An option has an invalid value.
    """
    output = options["output"]
    output_format, compression = _format_of(output, options["format"])
    names = () if options["fields"] is None else tuple(name.strip() for name in options["fields"].split(","))
    if "" in names:
        raise UsageError("--fields has an empty name.", hint="For example: --fields Last_Name,Email")
    if options["where"] is not None:
        parse_where(options["where"])
    if options["since"] not in (None, LAST) and not _is_time(options["since"]):
        raise UsageError(
            f"--since {options['since']!r} is not a time.", hint="Use 2026-02-01, 2026-02-01T10:00:00+01:00, or last."
        )
    _require_ids_or_since(options)
    if options["state"] is not None and options["since"] != LAST:
        raise UsageError("--state needs --since last.", hint="Add --since last, or omit --state.")
    path = output if output == STANDARD_OUTPUT else absolute(output)
    ids = options["ids"] if options["ids"] in (None, STANDARD_INPUT) else absolute(options["ids"])
    require_separate_log_file((path, ids))
    return ExportSettings(
        crm_module=options["crm_module"],
        output=path,
        format=output_format,
        compression=compression,
        fields=names,
        where=options["where"],
        ids=ids,
        include_deleted=options["include_deleted"],
        converted=ConvertedLeads(options["converted"]),
        since=options["since"],
        state=options["state"],
        route=ExportRoute(options["route"]),
        null_text=options["null_text"],
        quota=QuotaSettings(**quota_changes(options)),
        **timing_changes({"max_errors": None, **options}),
    )


def _format_of(output: str, wanted: str | None) -> tuple[OutputFormat, Compression]:
    """Return format and compression of the output: *wanted*, or as its name says.

    Raises:
        UsageError: The name is empty, or has the suffix of an unsupported format.
    """
    if not output:
        raise UsageError("the output has an empty name.", hint="Enter a file path, or - for standard output.")
    name = PurePath("" if output == STANDARD_OUTPUT else output.casefold())
    compression = _COMPRESSIONS.get(name.suffix, Compression.NONE)
    suffix = name.suffix if compression is Compression.NONE else PurePath(name.stem).suffix
    if wanted is None and suffix in _UNSUPPORTED:
        raise UsageError(f"{output}: unsupported output format {suffix}.", hint="Use .csv, .jsonl or .parquet, or set --format.")
    output_format = OutputFormat(wanted) if wanted else _FORMATS.get(suffix, OutputFormat.CSV)
    if output_format is OutputFormat.PARQUET and compression is not Compression.NONE:
        raise UsageError(f"{output}: Parquet files are already compressed.", hint=f"Use a name without {name.suffix}.")
    return output_format, compression


def _require_ids_or_since(options: Mapping[str, Any]) -> None:
    if options["ids"] is not None and options["since"] is not None:
        raise UsageError("--ids and --since cannot be combined.", hint="Omit one of them.")


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
