"""``bulkzoho modules``: list the modules of the CRM."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import click

from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.options import connection_options
from bulkzoho.cli.progress_display import NoProgress
from bulkzoho.cli.streams import print_data, print_json
from bulkzoho.cli.table import format_table
from bulkzoho.domain.model.account import AccountSelection
from bulkzoho.domain.model.metadata import ModuleInfo

__all__ = ["module_json", "modules_command", "modules_table"]

_HEADINGS: Final = ("module", "singular", "plural", "API operations")


@click.command(name="modules", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@connection_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@log_options
def modules_command(profile: str | None, dc: str | None, as_json: bool) -> int:  # noqa: FBT001  click passes it by name
    """List the modules of the CRM: API name, labels, and the operations that the API offers.

    \b
      bulkzoho modules
      bulkzoho modules --profile prod --json
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.module_browser import list_modules

    modules = asyncio.run(list_modules(AccountSelection(profile=profile, dc=dc), progress=NoProgress()))
    if as_json:
        print_json([module_json(module) for module in modules])
    else:
        print_data(modules_table(modules))
    return 0


def modules_table(modules: tuple[ModuleInfo, ...]) -> str:
    """Return *modules* as a table."""
    cells = [(module.api_name, module.singular_label, module.plural_label, _operations(module)) for module in modules]
    return format_table(_HEADINGS, cells)


def _operations(module: ModuleInfo) -> str:
    if not module.api_supported:
        return "none"
    writes = (("insert", module.creatable), ("update", module.editable), ("delete", module.deletable))
    return ", ".join(["read", *(name for name, allowed in writes if allowed)])


def module_json(module: ModuleInfo) -> dict[str, Any]:
    """Return *module* as a JSON object."""
    return {
        "api_name": module.api_name,
        "singular_label": module.singular_label,
        "plural_label": module.plural_label,
        "api_supported": module.api_supported,
        "creatable": module.creatable,
        "editable": module.editable,
        "deletable": module.deletable,
    }
