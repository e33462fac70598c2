"""``bulkzoho fields``: list the fields of a module."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import click

from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.modules_cmd import module_json
from bulkzoho.cli.options import connection_options
from bulkzoho.cli.progress_display import NoProgress
from bulkzoho.cli.streams import print_data, print_json
from bulkzoho.cli.table import format_table
from bulkzoho.domain.model.account import AccountSelection
from bulkzoho.domain.model.metadata import FieldMetadata

__all__ = ["fields_command", "fields_table"]

SHOWN_VALUES: Final = 6  # of a pick list, in the table; --json lists all
_HEADINGS: Final = ("field", "label", "type", "required", "unique", "length", "writable", "values")
_LENGTH: Final = 5  # a column of numbers


@click.command(name="fields", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.argument("crm_module", metavar="MODULE")
@connection_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with all values of the pick lists.")
@log_options
def fields_command(crm_module: str, profile: str | None, dc: str | None, as_json: bool) -> int:  # noqa: FBT001  click passes it by name
    """List the fields of a module: API name, label, type, required, unique, length, writable, values.

    \b
      bulkzoho fields Leads
      bulkzoho fields "Potentials" --json

    MODULE is an API name or a label, singular or plural.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.module_browser import list_fields

    account = AccountSelection(profile=profile, dc=dc)
    visited = asyncio.run(list_fields(account, crm_module, progress=NoProgress()))
    if as_json:
        fields = [_field_json(field) for field in visited.module.fields]
        print_json({"org": visited.organization.id, "crm_module": module_json(visited.module.name), "fields": fields})
    else:
        print_data(fields_table(visited.module.fields))
    return 0


def fields_table(fields: tuple[FieldMetadata, ...]) -> str:
    """Return *fields* as a table, with the first values of long pick lists."""
    return format_table(_HEADINGS, [_field_cells(field) for field in fields], numbers=(_LENGTH,))


def _field_cells(field: FieldMetadata) -> tuple[str, ...]:
    return (
        field.api_name,
        field.label,
        f"{field.data_type} of {field.lookup_module}" if field.lookup_module else field.data_type,
        "required" if field.mandatory else "",
        "unique" if field.unique else "",
        "" if field.length is None else str(field.length),
        _writable(field),
        _values(field.pick_list),
    )


def _writable(field: FieldMetadata) -> str:
    match field.api_create, field.api_update:
        case True, True:
            return "always"
        case True, False:
            return "on insert"
        case False, True:
            return "on update"
        case _:
            return "never"


def _values(pick_list: tuple[str, ...]) -> str:
    shown = " | ".join(pick_list[:SHOWN_VALUES])
    return f"{shown} | … ({len(pick_list)})" if len(pick_list) > SHOWN_VALUES else shown


def _field_json(field: FieldMetadata) -> dict[str, Any]:
    return {
        "api_name": field.api_name,
        "label": field.label,
        "data_type": field.data_type,
        "json_type": field.json_type,
        "required": field.mandatory,
        "unique": field.unique,
        "length": field.length,
        "decimal_place": field.decimal_place,
        "api_create": field.api_create,
        "api_update": field.api_update,
        "lookup_module": field.lookup_module,
        "custom": field.custom,
        "pick_list": list(field.pick_list),
    }
