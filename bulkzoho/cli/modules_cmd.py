"""``bulkzoho modules`` and ``bulkzoho fields``: what the CRM calls things."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import click

from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.options import connection_options
from bulkzoho.cli.progress_display import NoProgress
from bulkzoho.cli.streams import print_data, print_json
from bulkzoho.cli.table import table
from bulkzoho.domain.model.metadata import FieldMetadata, ModuleInfo

__all__ = ["fields_command", "fields_table", "modules_command", "modules_table"]

SHOWN_VALUES: Final = 6  # of a pick list, in the table; --json gives all
_MODULE_HEADINGS: Final = ("module", "singular", "plural", "by the API")
_FIELD_HEADINGS: Final = ("field", "label", "type", "required", "unique", "length", "written", "values")
_LENGTH: Final = 5  # the column that stands flush right


@click.command(name="modules", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@connection_options
@click.option("--json", "as_json", is_flag=True, help="Print an array of objects.")
@log_options
def modules_command(profile: str | None, dc: str | None, as_json: bool) -> int:  # noqa: FBT001  click gives it by name
    """List the modules of the CRM: API name, labels, and what the API may do with their records.

    \b
      bulkzoho modules
      bulkzoho modules --profile prod --json
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.module_browser import list_modules  # noqa: PLC0415  loaded only when it is used
    from bulkzoho.zoho.auth.account_resolver import AccountSelection  # noqa: PLC0415  loaded only when it is used

    modules = asyncio.run(list_modules(AccountSelection(profile=profile, dc=dc), progress=NoProgress()))
    if as_json:
        print_json([_module_json(one) for one in modules])
    else:
        print_data(modules_table(modules))
    return 0


@click.command(name="fields", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.argument("crm_module", metavar="MODULE")
@connection_options
@click.option("--json", "as_json", is_flag=True, help="Print one object, with all values of the pick lists.")
@log_options
def fields_command(crm_module: str, profile: str | None, dc: str | None, as_json: bool) -> int:  # noqa: FBT001  as above
    """List the fields of a module: API name, label, type, whether required or unique, length, values.

    \b
      bulkzoho fields Leads
      bulkzoho fields "Potentials" --json

    MODULE is an API name or a label, singular or plural.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.module_browser import list_fields  # noqa: PLC0415  loaded only when it is used
    from bulkzoho.zoho.auth.account_resolver import AccountSelection  # noqa: PLC0415  loaded only when it is used

    account = AccountSelection(profile=profile, dc=dc)
    visited = asyncio.run(list_fields(account, crm_module, progress=NoProgress()))
    if as_json:
        fields = [_field_json(one) for one in visited.module.fields]
        print_json({"org": visited.organization.id, "crm_module": _module_json(visited.module.name), "fields": fields})
    else:
        print_data(fields_table(visited.module.fields))
    return 0


def modules_table(modules: tuple[ModuleInfo, ...]) -> str:
    """Give *modules* as a table."""
    return table(_MODULE_HEADINGS, [(one.api_name, one.singular_label, one.plural_label, _by_the_api(one)) for one in modules])


def fields_table(fields: tuple[FieldMetadata, ...]) -> str:
    """Give *fields* as a table; of a long pick list the first values, and how many there are."""
    return table(_FIELD_HEADINGS, [_field_cells(one) for one in fields], numbers=(_LENGTH,))


def _by_the_api(module: ModuleInfo) -> str:
    if not module.api_supported:
        return "nothing"
    may = [
        word
        for word, allowed in (("insert", module.creatable), ("update", module.editable), ("delete", module.deletable))
        if allowed
    ]
    return ", ".join(["read", *may])


def _field_cells(field: FieldMetadata) -> tuple[str, ...]:
    return (
        field.api_name,
        field.label,
        f"{field.data_type} of {field.lookup_module}" if field.lookup_module else field.data_type,
        "required" if field.mandatory else "",
        "unique" if field.unique else "",
        "" if field.length is None else str(field.length),
        _written(field),
        _values(field.pick_list),
    )


def _written(field: FieldMetadata) -> str:
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


def _module_json(module: ModuleInfo) -> dict[str, Any]:
    return {
        "api_name": module.api_name,
        "singular_label": module.singular_label,
        "plural_label": module.plural_label,
        "api_supported": module.api_supported,
        "creatable": module.creatable,
        "editable": module.editable,
        "deletable": module.deletable,
    }


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
