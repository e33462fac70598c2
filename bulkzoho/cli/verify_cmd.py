"""``bulkzoho verify``: compare the rows of a run with the CRM."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import click
from click.core import ParameterSource

from bulkzoho.cli.formatting import format_count, pluralize
from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand, GroupedOption
from bulkzoho.cli.import_options import absolute
from bulkzoho.cli.options import combine_options, connection_options, quota_changes, quota_options, run_options
from bulkzoho.domain.model.account import AccountSelection
from bulkzoho.domain.model.summary import Summary
from bulkzoho.errors import UsageError

__all__ = ["verify_command", "verify_text"]

_how = partial(click.option, cls=GroupedOption, group="Comparison")

_verify_options = combine_options(
    _how(
        "--sample", type=click.IntRange(min=1), metavar="N", help="Compare only N accepted rows, evenly spread.  [default: all]"
    ),
    _how(
        "-o",
        "--output",
        metavar="PATH",
        help="Write the differences to this file.  [default: differences.jsonl in the run's folder]",
    ),
)


@click.command(name="verify", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.argument("run", metavar="RUN")
@_verify_options
@connection_options
@run_options
@quota_options
@click.pass_context
def verify_command(ctx: click.Context, /, run: str, as_json: bool, progress: str, **options: Any) -> int:  # noqa: FBT001  click passes it by name
    """Compare the accepted rows of a run, field by field, with the records in the CRM.

    \b
      bulkzoho verify 20261124-101500-leads-7f3a
      bulkzoho verify 20261124-101500-leads-7f3a --sample 1000
      bulkzoho verify 20261124-101500-leads-7f3a -o differences.jsonl

    Each accepted row is read from the input again and compared with its record.  The exit code is 0 if
    nothing differs, else 3; changes made after the run are listed separately.  Nothing is written to the
    CRM.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    output = options["output"]
    if output is not None and (not output or output == "-"):
        raise UsageError(f"-o {output!r} is not a file path.", hint="Enter the path of a file.")
    from bulkzoho.app.verify_run import verify_run
    from bulkzoho.cli.run_command import CommandInfo, run_command

    if ctx.get_parameter_source("plan") is ParameterSource.ENVIRONMENT:
        options["plan"] = None  # a --plan given when the run began is not overridden by the environment
    return run_command(
        CommandInfo(command="verify"),
        lambda display, stop: verify_run(
            run,
            sample=options["sample"],
            output=None if output is None else absolute(output),
            quota=quota_changes(options),
            account=AccountSelection(profile=options["profile"], dc=options["dc"]),
            progress=display,
            stop=stop,
        ),
        as_json=as_json,
        progress=progress,
        to_text=verify_text,
    )


def verify_text(summary: Summary) -> str:
    """Return the result of the comparison: counts and field names, no values."""
    return "\n".join(_lines(summary, dict(summary.verify or {})))


def _lines(summary: Summary, found: dict[str, Any]) -> Iterator[str]:
    yield f"verify {summary.run} ({summary.operation} into {summary.crm_module}) {summary.status}"
    yield ""
    terms = [
        ("", "compared", found["compared"]),
        ("=", "same", found["same"]),
        ("+", "different", found["different"]),
        ("+", "changed since", found["changed_since"]),
        ("+", "missing", found["missing"]),
        ("+", "not deleted", found["still_there"]),
    ]
    width = max(len(format_count(number)) for _, _, number in terms)
    for sign, name, number in terms:
        yield f"  {sign:<1} {name:<16}{format_count(number):>{width}}"
    yield ""
    if found["doubles"]:
        yield f"Duplicates: {pluralize(found['doubles'], 'record')}"
    if found["not_compared"]:
        yield f"Not compared: {format_count(found['not_compared'])} of {format_count(summary.tally.accepted)} accepted rows"
    if found["unread_fields"]:
        yield f"Fields that could not be read: {', '.join(found['unread_fields'])}"
    for name, count in found["fields"].items():
        yield f"  {format_count(count):>8}  {name}"
    records = found["records"]
    if None not in records.values():
        yield (
            f"{summary.crm_module} in the CRM: {format_count(records['before'])} before the run,"
            f" {format_count(records['expected'])} expected after it, {format_count(records['now'])} now"
        )
    yield f"API calls: {format_count(summary.calls.total)}, {pluralize(summary.calls.credits, 'credit')}"
    if found["differences"]:
        yield f"Differences: {found['differences']}"
    if summary.next:
        yield f"Next: {summary.next}"
