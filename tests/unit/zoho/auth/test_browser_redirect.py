"""Redirect of the browser login, and the servers that may get a grant code."""

from __future__ import annotations

import aiohttp
import pytest

from bulkzoho.errors import AccessError
from bulkzoho.zoho.auth.browser_redirect import AuthorizationResponse, LoopbackRedirect, exchange_address


@pytest.mark.parametrize(
    ("accounts_url", "server", "address"),
    [
        ("https://accounts.zoho.com", "", "https://accounts.zoho.com"),
        ("https://accounts.zoho.com", "https://accounts.zoho.eu", "https://accounts.zoho.eu"),
        ("https://accounts.zoho.com", "https://accounts.zohocloud.ca/", "https://accounts.zohocloud.ca"),
        ("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:2"),
    ],
)
def test_the_redirect_selects_the_accounts_server_within_zoho(accounts_url: str, server: str, address: str) -> None:
    assert exchange_address(AuthorizationResponse(code="c", accounts_server=server), accounts_url) == address


@pytest.mark.parametrize(
    "server",
    [
        "https://accounts.zoho.eu.example.com",
        "http://accounts.zoho.eu",
        "https://accounts.zoho.eu:8443",
        "https://www.zohoapis.eu",
        "https://accounts.zoho.eu@example.com",
        "http://127.0.0.1:1",
        "nonsense",
    ],
)
def test_a_code_is_not_sent_to_a_foreign_host(server: str) -> None:
    with pytest.raises(AccessError, match="nothing was sent to it"):
        exchange_address(AuthorizationResponse(code="c", accounts_server=server), "https://accounts.zoho.com")


async def test_refused_consent_ends_the_wait() -> None:
    async with LoopbackRedirect(0) as redirect, aiohttp.ClientSession() as session:
        port = redirect._runner.addresses[0][1]
        url = f"http://127.0.0.1:{port}/callback"
        async with session.get(url, params={"state": redirect.state, "error": "access_denied<script>"}) as answer:
            assert answer.status == 200
        async with session.get(f"http://127.0.0.1:{port}/other") as answer:
            assert answer.status == 404

        with pytest.raises(AccessError, match=r"consent was refused \(access_deniedscript\)"):
            await redirect.consent(5.0)


async def test_a_missing_redirect_ends_the_wait() -> None:
    async with LoopbackRedirect(0) as redirect:
        with pytest.raises(AccessError, match="was not completed within"):
            await redirect.consent(0.01)


def test_a_code_has_no_repr() -> None:
    assert "secret" not in repr(AuthorizationResponse(code="secret", accounts_server=""))
