"""Help pages: examples on top, options in named groups."""

from __future__ import annotations

from typing import Any, Final

import click

from bulkzoho.cli.streams import print_data

__all__ = ["HELP_SETTINGS", "GroupWithHelp", "GroupedCommand", "GroupedOption"]

HELP_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_OTHERS: Final = "Other options"


class GroupedOption(click.Option):
    """An option that appears under the heading of its group on the help page."""

    def __init__(self, *args: Any, group: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group


def _show_help(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001, FBT001  click's signature
    if value and not ctx.resilient_parsing:
        print_data(ctx.get_help())
        ctx.exit()


class HelpToStdout(click.Command):
    """A command whose help is written like data: errors of standard output are reported."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return click's help option with our own callback."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option


class GroupWithHelp(HelpToStdout, click.Group):
    """A group of commands whose help is written like data."""


class GroupedCommand(HelpToStdout):
    """A command whose help page lists its options by group, in the order in which the groups first appear."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section per group; options without a group come last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                groups.setdefault(getattr(parameter, "group", _OTHERS), []).append(record)
        others = groups.pop(_OTHERS, [])
        for name, records in (*groups.items(), (_OTHERS, others)):
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)
