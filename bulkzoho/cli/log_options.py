"""``-v``, ``--log-file`` and ``--log-format``: log events on standard error and in a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from bulkzoho.cli.help_format import GroupedOption

if TYPE_CHECKING:
    from bulkzoho.cli.log_output import LogOutput

__all__ = ["log_file_of", "log_options"]

FORMATS: Final = ("text", "json")
_META_KEY: Final = "bulkzoho.log"  # in click's context: the options before and after the command belong together

_log = partial(click.option, cls=GroupedOption, group="Logging", expose_value=False)


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the logging options to *command*; its function receives none of them."""
    options = (
        _log("-v", "--verbose", count=True, callback=_set_verbosity, help="Log more (repeat for debug output)."),
        _log("--log-file", metavar="PATH", callback=_set_file, help="Append log events to this file; -vv adds debug output."),
        _log(
            "--log-format",
            type=click.Choice(FORMATS),
            callback=_set_format,
            help="Format of log events; json is one object per line.  [default: text]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def log_file_of(ctx: click.Context | None) -> str | None:
    """Return the absolute path of ``--log-file``, if there is one."""
    output: LogOutput | None = ctx.meta.get(_META_KEY) if ctx is not None else None
    return None if output is None else output.path


def _output_of(ctx: click.Context) -> LogOutput:
    output: LogOutput | None = ctx.meta.get(_META_KEY)
    if output is None:
        from bulkzoho.cli.log_output import LogOutput

        output = ctx.meta[_META_KEY] = LogOutput()
        ctx.find_root().call_on_close(output.close)
    return output


def _set_verbosity(ctx: click.Context, param: click.Parameter, value: int) -> None:  # noqa: ARG001  click's signature
    is_last = not isinstance(ctx.command, click.Group)
    if not ctx.resilient_parsing and (value or is_last):  # without -v too: warnings are shown
        _output_of(ctx).add_verbosity(value)


def _set_file(ctx: click.Context, param: click.Parameter, value: str | None) -> None:  # noqa: ARG001  click's signature
    if value is not None and not ctx.resilient_parsing:
        _output_of(ctx).open_file(value)


def _set_format(ctx: click.Context, param: click.Parameter, value: str | None) -> None:  # noqa: ARG001  click's signature
    if value is not None and not ctx.resilient_parsing:
        _output_of(ctx).use_format(value)
