"""Users of the sandbox, page by page."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from bulkzoho.domain.model.responses import Rejected, Reply, Succeeded
from bulkzoho.sandbox import Sandbox, SandboxSettings
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.users_api import UserPage, UsersClient
from bulkzoho.zoho.auth.datacenters import connection_settings_from_env
from bulkzoho.zoho.auth.token_provider import TokenProvider
from bulkzoho.zoho.http.http_client import HttpClient


@contextlib.asynccontextmanager
async def pages_of(sandbox: Sandbox, *, per_page: int) -> AsyncIterator[UsersClient]:
    told = connection_settings_from_env(sandbox.environment)
    async with HttpClient(connect_timeout_s=5.0) as http:
        yield UsersClient(ApiClient(told, http=http, tokens=TokenProvider(told, http=http)), per_page=per_page)


def page(reply: Reply) -> UserPage:
    assert isinstance(reply, Succeeded)
    assert isinstance(reply.payload, UserPage)
    return reply.payload


async def test_users_are_read_with_email_name_and_status() -> None:
    async with Sandbox() as sandbox, pages_of(sandbox, per_page=200) as pages:
        whole = page(await pages.page(1))

    assert not whole.more
    assert [(user.name, user.email, user.active) for user in whole.users] == [
        ("Ana Lund", "ana@sandbox.example.com", True),
        ("Bo Ek", "bo@sandbox.example.com", True),
        ("Cy Gone", "cy@sandbox.example.com", False),
        ("Eva Holm", "eva@sandbox.example.com", True),
        ("Eva Holm", "eva.holm@sandbox.example.com", True),
    ]


async def test_each_page_says_whether_there_are_more() -> None:
    async with Sandbox() as sandbox, pages_of(sandbox, per_page=3) as pages:
        first, last, beyond = [page(await pages.page(number)) for number in (1, 2, 3)]

    assert (len(first.users), first.more) == (3, True)
    assert (len(last.users), last.more) == (2, False)
    assert beyond == UserPage()


async def test_without_the_scope_reading_users_is_rejected() -> None:
    async with Sandbox(SandboxSettings(scopes=("ZohoCRM.modules.ALL",))) as sandbox, pages_of(sandbox, per_page=200) as pages:
        reply = await pages.page(1)

    assert isinstance(reply, Rejected)
    assert reply.code == "OAUTH_SCOPE_MISMATCH"
