"""``bulkzoho export``: a CRM module into a file."""

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

_what = partial(click.option, cls=GroupedOption, group="What to export")
_file = partial(click.option, cls=GroupedOption, group="How to write it")

STANDARD_INPUT: Final = "-"
_PACKED: Final = {".gz": Compression.GZIP, ".zst": Compression.ZSTD}
_FORMATS: Final = {
    ".csv": OutputFormat.CSV,
    ".jsonl": OutputFormat.JSONL,
    ".ndjson": OutputFormat.JSONL,
    ".parquet": OutputFormat.PARQUET,
}
_OTHERS: Final = frozenset({".xlsx", ".xls", ".ods", ".json", ".bz2", ".xz", ".zip"})  # which a CSV under that name would not be

_what_options = combine_options(
    _what("--fields", metavar="A,B", help="Fields, by API name or label, in this order.  [default: all]"),
    _what(
        "--where",
        metavar="CONDITION",
        help="Only records that fit, as in \"Lead_Status = 'Contacted' and Annual_Revenue >= 1000\".",
    ),
    _what(
        "--ids",
        metavar="FILE",
        help="Only the records of these ids: one a line, or a CSV or JSON Lines with a column id; - is standard input.",
    ),
    _what(
        "--converted",
        type=choice_of(ConvertedLeads),
        default=ConvertedLeads.LEFT_OUT.value,
        show_default=True,
        help="Leads that were converted: left out, alone, or both.",
    ),
    _what("--include-deleted", is_flag=True, help="One line too for whatever was deleted, as far back as the CRM remembers."),
    _what("--since", metavar="TIME|last", help="Only what was changed or deleted since then, or since the last such export."),
    _what("--state", metavar="NAME", help="What --since last goes on from.  [default: by module, fields and condition]"),
    _what(
        "--route",
        type=choice_of(ExportRoute),
        default=ExportRoute.AUTO.value,
        show_default=True,
        help="How to read them; auto takes the cheapest that gives every field whole.",
    ),
)

_file_options = combine_options(
    _file(
        "-o",
        "--output",
        default=STANDARD_OUTPUT,
        metavar="FILE",
        help="Where to; - is standard output.  A name in .gz or .zst is compressed.  [default: -]",
    ),
    _file("--format", type=choice_of(OutputFormat), help="csv, jsonl or parquet.  [default: by the file's name, else csv]"),
    _file("--null", "null_text", default="", metavar="TEXT", help="What an empty value becomes in CSV.  [default: a blank cell]"),
)


@click.command(name="export", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.argument("crm_module", metavar="MODULE")
@_what_options
@_file_options
@connection_options
@run_options
@quota_options
@duration_options
def export_command(as_json: bool, progress: str, **given: Any) -> int:  # noqa: FBT001  click gives it by name
    """Export a CRM module, each record exactly once.

    \b
      bulkzoho export Contacts -o contacts.csv
      bulkzoho export Leads -o leads.jsonl.gz --fields Last_Name,Email,Owner
      bulkzoho export Deals --format jsonl --where "Stage = 'Closed Won'" > deals.jsonl
      bulkzoho export Contacts -o changes.csv --since last
      bulkzoho export Leads -o accepted.csv --ids results.jsonl

    The file appears under its name only when it is complete; a run that was interrupted is finished by
    bulkzoho resume.  With -o - the summary goes to standard error.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    told = export_settings(given)
    from bulkzoho.app.start_export import export_module  # noqa: PLC0415  the engine is loaded only when there is something to run
    from bulkzoho.cli.run_command import JobInfo, run_job  # noqa: PLC0415  likewise
    from bulkzoho.cli.streams import StandardOutput  # noqa: PLC0415  likewise
    from bulkzoho.zoho.auth.account_resolver import AccountSelection  # noqa: PLC0415  the engine is loaded only when there is something to run

    _refuse_terminal(told)
    account = AccountSelection(profile=given["profile"], dc=given["dc"])
    with _ids_in_a_file(told) as settings:
        return run_job(
            JobInfo(command="export", crm_module=settings.crm_module, data_on_stdout=settings.output == STANDARD_OUTPUT),
            lambda display, stop: export_module(
                settings, account=account, out=StandardOutput(display.clear), progress=display, stop=stop
            ),
            as_json=as_json,
            progress=progress,
        )


def _refuse_terminal(told: ExportSettings) -> None:
    if told.format is OutputFormat.PARQUET and told.output == STANDARD_OUTPUT and sys.stdout is not None and sys.stdout.isatty():
        raise UsageError("Parquet is nothing for a terminal.", hint="Name a file: -o FILE.parquet.")


@contextmanager
def _ids_in_a_file(told: ExportSettings) -> Iterator[ExportSettings]:
    """Put ids that come by standard input into a file, which lasts as long as the context; the run keeps ids of its own."""
    if told.ids != STANDARD_INPUT:
        yield told
        return
    with tempfile.TemporaryDirectory(prefix="bulkzoho-") as folder:
        path = Path(folder) / "standard-input"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield replace(told, ids=str(path))


def export_settings(given: Mapping[str, Any]) -> ExportSettings:
    """Give the settings that the parsed options *given* ask for.

    Raises:
        UsageError: An option has no such value.
    """
    output = given["output"]
    form, packed = _form_of(output, given["format"])
    names = () if given["fields"] is None else tuple(one.strip() for one in given["fields"].split(","))
    if "" in names:
        raise UsageError("--fields has an empty name.", hint="Write it as in --fields Last_Name,Email.")
    if given["where"] is not None:
        parse_where(given["where"])
    if given["since"] not in (None, LAST) and not _is_moment(given["since"]):
        raise UsageError(
            f"--since {given['since']!r} is no time.", hint="Write it as 2026-02-01, 2026-02-01T10:00:00+01:00, or last."
        )
    _refuse_ids_and_time(given)
    if given["state"] is not None and given["since"] != LAST:
        raise UsageError("--state is for --since last.", hint="Leave it out, or add --since last.")
    path = output if output == STANDARD_OUTPUT else absolute(output)
    ids = given["ids"] if given["ids"] in (None, STANDARD_INPUT) else absolute(given["ids"])
    require_separate_log_file((path, ids))
    return ExportSettings(
        crm_module=given["crm_module"],
        output=path,
        format=form,
        compression=packed,
        fields=names,
        where=given["where"],
        ids=ids,
        include_deleted=given["include_deleted"],
        converted=ConvertedLeads(given["converted"]),
        since=given["since"],
        state=given["state"],
        route=ExportRoute(given["route"]),
        null_text=given["null_text"],
        quota=QuotaSettings(**quota_changes(given)),
        **timing_changes({"max_errors": None, **given}),
    )


def _form_of(output: str, wanted: str | None) -> tuple[OutputFormat, Compression]:
    """Give how the file of this name is written: as *wanted*, or as the name says.

    Raises:
        UsageError: It has no name, or its name says what an export does not write.
    """
    if not output:
        raise UsageError("the output has an empty name.", hint="Give a file's path, or - for standard output.")
    name = PurePath("" if output == STANDARD_OUTPUT else output.casefold())
    packed = _PACKED.get(name.suffix, Compression.NONE)
    suffix = name.suffix if packed is Compression.NONE else PurePath(name.stem).suffix
    if wanted is None and suffix in _OTHERS:
        raise UsageError(
            f"{output}: an export writes no {suffix}.", hint="Name it .csv, .jsonl or .parquet, or give --format as well."
        )
    form = OutputFormat(wanted) if wanted else _FORMATS.get(suffix, OutputFormat.CSV)
    if form is OutputFormat.PARQUET and packed is not Compression.NONE:
        raise UsageError(f"{output}: Parquet is compressed within itself.", hint=f"Give a name without {name.suffix}.")
    return form, packed


def _refuse_ids_and_time(given: Mapping[str, Any]) -> None:
    if given["ids"] is not None and given["since"] is not None:
        raise UsageError("--ids and --since do not go together.", hint="Leave one of them out.")


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
