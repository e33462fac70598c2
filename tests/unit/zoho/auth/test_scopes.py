"""Scopes of calls and commands, and those that a token lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkzoho.domain.model.account import AccountPurpose
from bulkzoho.zoho.auth.scopes import COMMAND_SCOPES, SCOPES_OF_USE, missing_scopes, scope_of_call

CONNECTING = Path(__file__).resolve().parents[4] / "docs" / "connecting.md"


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/crm/v8/org", "ZohoCRM.org.READ"),
        ("GET", "/crm/v2.1/users", "ZohoCRM.users.READ"),
        ("POST", "/crm/v8/coql", "ZohoCRM.coql.READ (and ZohoCRM.modules.READ)"),
        ("GET", "/crm/v8/settings/fields", "ZohoCRM.settings.fields.READ"),
        ("POST", "/crm/v8/Leads", "ZohoCRM.modules.Leads.CREATE (or ZohoCRM.modules.ALL)"),
        ("PUT", "/crm/v8/Leads", "ZohoCRM.modules.Leads.UPDATE (or ZohoCRM.modules.ALL)"),
        ("DELETE", "/crm/v8/Leads", "ZohoCRM.modules.Leads.DELETE (or ZohoCRM.modules.ALL)"),
        ("POST", "/crm/v8/Leads/upsert", "ZohoCRM.modules.Leads.CREATE and .UPDATE (or ZohoCRM.modules.ALL)"),
        ("GET", "/crm/v8/Leads/actions/count", "ZohoSearch.securesearch.READ (and ZohoCRM.modules.Leads.READ)"),
        ("POST", "/crm/v8/Shipments", "ZohoCRM.modules.custom.CREATE (or ZohoCRM.modules.ALL)"),
        ("GET", "https://elsewhere.example.com/x", None),
    ],
)
def test_the_scope_of_a_call(method: str, path: str, scope: str | None) -> None:
    assert scope_of_call(method, path) == scope


@pytest.mark.parametrize(
    ("granted", "needed", "enough"),
    [
        ("ZohoCRM.modules.ALL", "ZohoCRM.modules.CREATE", True),
        ("ZohoCRM.modules.WRITE", "ZohoCRM.modules.UPDATE", True),
        ("ZohoCRM.modules.WRITE", "ZohoCRM.modules.DELETE", False),
        ("ZohoCRM.modules.READ", "ZohoCRM.modules.CREATE", False),
        ("ZohoCRM.settings.ALL", "ZohoCRM.settings.fields.READ", True),
        ("ZohoCRM.settings.fields.READ", "ZohoCRM.settings.modules.READ", False),
        ("zohocrm.Modules.all", "ZohoCRM.modules.READ", True),
        ("ZohoCRM.modules.Leads.ALL", "ZohoCRM.modules.READ", False),
        ("ZohoCRM.bulk.READ", "ZohoCRM.bulk.ALL", False),
    ],
)
def test_a_wider_scope_covers_a_narrower_one(granted: str, needed: str, *, enough: bool) -> None:
    assert (missing_scopes([granted], [needed]) == []) is enough


def test_a_scope_for_one_module_covers_that_module() -> None:
    granted = ["ZohoCRM.modules.Leads.CREATE", "ZohoCRM.modules.custom.ALL"]

    assert missing_scopes(granted, ["ZohoCRM.modules.CREATE"], crm_module="Leads") == []
    assert missing_scopes(granted, ["ZohoCRM.modules.DELETE"], crm_module="Shipments") == []
    assert missing_scopes(granted, ["ZohoCRM.modules.DELETE"], crm_module="Contacts") == ["ZohoCRM.modules.DELETE"]
    assert missing_scopes(granted, ["ZohoCRM.modules.DELETE"]) == ["ZohoCRM.modules.DELETE"]


def test_the_scopes_of_an_import_login_cover_every_command() -> None:
    lacks = {command: missing_scopes(SCOPES_OF_USE[AccountPurpose.IMPORT], needed) for command, needed in COMMAND_SCOPES.items()}

    assert [command for command, missing in lacks.items() if missing] == []


def test_the_scopes_of_a_read_login_include_no_write() -> None:
    assert {scope.rpartition(".")[2] for scope in SCOPES_OF_USE[AccountPurpose.READ]} == {"READ"}


def test_the_documentation_lists_every_scope() -> None:
    page = CONNECTING.read_text(encoding="utf-8")

    assert [
        scope for scope in SCOPES_OF_USE[AccountPurpose.BULK] + SCOPES_OF_USE[AccountPurpose.READ] if f"`{scope}`" not in page
    ] == []
