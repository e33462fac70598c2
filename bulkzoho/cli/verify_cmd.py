"""``bulkzoho verify``: what a run sent against what the CRM holds."""

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
from bulkzoho.domain.model.summary import Summary
from bulkzoho.errors import UsageError

__all__ = ["verify_command", "verify_page"]

_how = partial(click.option, cls=GroupedOption, group="What to compare")

_verify_options = combine_options(
    _how("--sample", type=click.IntRange(min=1), metavar="N", help="Compare N accepted rows, evenly spread.  [default: all]"),
    _how("-o", "--output", metavar="PATH", help="Write the differences here.  [default: differences.jsonl in the run's folder]"),
)


@click.command(name="verify", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.argument("run", metavar="RUN")
@_verify_options
@connection_options
@run_options
@quota_options
@click.pass_context
def verify_command(ctx: click.Context, /, run: str, as_json: bool, progress: str, **given: Any) -> int:  # noqa: FBT001  click gives it by name
    """Compare what a run sent, field by field, with what the CRM holds.

    \b
      bulkzoho verify 20261124-101500-leads-7f3a
      bulkzoho verify 20261124-101500-leads-7f3a --sample 1000
      bulkzoho verify 20261124-101500-leads-7f3a -o differences.jsonl

    Each accepted row is read from the input again and compared with the record of its id.  Ends with 0
    when all is as it was sent, with 3 when anything differs; what somebody changed after the run is told
    apart.  Nothing is written to the CRM.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    output = given["output"]
    if output is not None and (not output or output == "-"):
        raise UsageError(f"-o {output!r} is not a path of a file.", hint="Name a file; the summary goes to standard output.")
    from bulkzoho.app.verify_run import verify_run  # noqa: PLC0415  the engine is loaded only when there is something to compare
    from bulkzoho.cli.run_command import JobInfo, run_job  # noqa: PLC0415  likewise
    from bulkzoho.zoho.auth.account_resolver import AccountSelection  # noqa: PLC0415  the engine is loaded only when there is something to compare

    if ctx.get_parameter_source("plan") is ParameterSource.ENVIRONMENT:
        given["plan"] = None  # the run was begun under a flag or that same environment; a flag of then wins over it now
    return run_job(
        JobInfo(command="verify"),
        lambda display, stop: verify_run(
            run,
            sample=given["sample"],
            output=None if output is None else absolute(output),
            quota=quota_changes(given),
            account=AccountSelection(profile=given["profile"], dc=given["dc"]),
            progress=display,
            stop=stop,
        ),
        as_json=as_json,
        progress=progress,
        page=verify_page,
    )


def verify_page(summary: Summary) -> str:
    """Give what was found for a person: counts and names of fields, no values."""
    return "\n".join(_lines(summary, dict(summary.verify or {})))


def _lines(summary: Summary, found: dict[str, Any]) -> Iterator[str]:
    yield f"verify {summary.run} ({summary.operation} into {summary.crm_module}) {summary.status}"
    yield ""
    terms = [
        ("", "compared", found["compared"]),
        ("=", "as it was sent", found["same"]),
        ("+", "different", found["different"]),
        ("+", "changed since", found["changed_since"]),
        ("+", "missing", found["missing"]),
        ("+", "still there", found["still_there"]),
    ]
    width = max(len(format_count(number)) for _, _, number in terms)
    for sign, name, number in terms:
        yield f"  {sign:<1} {name:<16}{format_count(number):>{width}}"
    yield ""
    if found["doubles"]:
        yield f"Made twice: {pluralize(found['doubles'], 'record')}."
    if found["not_compared"]:
        yield f"Not compared: {format_count(found['not_compared'])} of {format_count(summary.tally.accepted)} accepted rows."
    if found["unread_fields"]:
        yield f"Fields that the CRM does not let be read so: {', '.join(found['unread_fields'])}."
    for name, count in found["fields"].items():
        yield f"  {format_count(count):>8}  {name}"
    records = found["records"]
    if None not in records.values():
        yield (
            f"The CRM held {format_count(records['before'])} {summary.crm_module} before the run,"
            f" {format_count(records['expected'])} were to be there after it, {format_count(records['now'])} are there now."
        )
    yield f"Calls: {format_count(summary.calls.total)}, {pluralize(summary.calls.credits, 'credit')}."
    if found["differences"]:
        yield f"Differences: {found['differences']}"
    if summary.next:
        yield f"Next: {summary.next}"
