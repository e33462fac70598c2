"""Token provider: use and renewal of the access token."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from bulkzoho.domain.model.responses import NotSent, RateLimited, ResponseLost, Succeeded, TokenRejected
from bulkzoho.errors import AccessError
from bulkzoho.zoho.auth.token_cache import TokenCache
from bulkzoho.zoho.auth.token_provider import AccessToken, TokenProvider
from bulkzoho.zoho.http.http_client import HttpClient
from tests.unit.zoho.raw_server import Act, RawServer, answer, granted, settings_for

START = 1_800_000_000.0


class Clock:
    """Wall clock that a test sets."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> float:
        return self.time


@contextlib.asynccontextmanager
async def provider_of(
    server: RawServer, *, clock: Clock | None = None, folder: Path | None = None, **settings: Any
) -> AsyncIterator[TokenProvider]:
    told = settings_for(server.url, **settings)
    cache = None if folder is None else TokenCache(folder, told)
    async with HttpClient(connect_timeout_s=5.0) as http:
        yield TokenProvider(told, http=http, cache=cache, now=clock or Clock())


def text_of(token: object) -> str:
    assert isinstance(token, AccessToken)
    return token.text


async def test_a_token_is_requested_by_a_post_form_and_reused() -> None:
    async with RawServer() as server, provider_of(server) as provider:
        first, second = await provider.token(), await provider.token()

    assert text_of(first) == text_of(second) == "1000.good.token"
    (request,) = server.token_requests
    assert (request.method, request.target) == ("POST", "/oauth/v2/token")
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["1000.the-refresh.token"],
        "client_id": ["1000.THECLIENT"],
        "client_secret": ["the-client-secret"],
    }


async def test_parallel_rejections_cause_one_renewal() -> None:
    async with RawServer(tokens=[granted("1000.one"), granted("1000.two")]) as server, provider_of(server) as provider:
        old = await provider.token()
        assert isinstance(old, AccessToken)
        await asyncio.gather(*(provider.renew(old.serial) for _ in range(20)))
        new = await provider.token()

    assert text_of(new) == "1000.two"
    assert len(server.token_requests) == 2


async def test_senders_waiting_for_a_failed_renewal_share_its_result() -> None:
    async with RawServer(tokens=[Act.CLOSE]) as server, provider_of(server) as provider:
        replies = await asyncio.gather(*(provider.renew(0) for _ in range(20)))

    assert all(isinstance(reply, ResponseLost) for reply in replies)
    assert len(server.token_requests) == 1


async def test_a_token_is_renewed_a_minute_before_it_expires() -> None:
    clock = Clock()
    async with (
        RawServer(tokens=[granted("1000.one"), granted("1000.two")]) as server,
        provider_of(server, clock=clock) as provider,
    ):
        await provider.token()
        clock.time = START + 3539
        before = await provider.token()
        clock.time = START + 3541
        after = await provider.token()

    assert (text_of(before), text_of(after)) == ("1000.one", "1000.two")


@pytest.mark.parametrize(
    "trouble", [Act.CLOSE, answer({"error": "invalid_code"}), answer({"error": "Access Denied"}, status=400)]
)
async def test_a_failed_renewal_is_ignored_while_the_token_is_valid(trouble: bytes | Act) -> None:
    clock = Clock()
    async with RawServer(tokens=[granted("1000.one"), trouble]) as server, provider_of(server, clock=clock) as provider:
        await provider.token()
        clock.time = START + 3550
        near_its_end = [await provider.token() for _ in range(5)]
        clock.time = START + 3600
        after = await provider.token()

    assert {text_of(token) for token in near_its_end} == {"1000.one"}
    assert isinstance(after, NotSent | TokenRejected)
    assert len(server.token_requests) <= 3


async def test_the_old_format_of_the_lifetime_is_read() -> None:
    clock = Clock()
    async with (
        RawServer(tokens=[granted("1000.one", expires_in_sec=3600, expires_in=3_600_000), granted("1000.two")]) as server,
        provider_of(server, clock=clock) as provider,
    ):
        await provider.token()
        clock.time = START + 3541
        after = await provider.token()

    assert text_of(after) == "1000.two"


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("invalid_code", "BULKZOHO_REFRESH_TOKEN"),
        ("invalid_client", "BULKZOHO_DC"),
        ("invalid_client_secret", "BULKZOHO_CLIENT_SECRET"),
        ("general_error", "general_error"),
    ],
)
async def test_an_error_with_status_200_is_final_and_has_a_hint(word: str, wanted: str) -> None:
    async with RawServer(tokens=[answer({"error": word})]) as server, provider_of(server) as provider:
        with pytest.raises(AccessError):
            await provider.renew(0)
        with pytest.raises(AccessError) as caught:
            await provider.renew(0)
        refused = await provider.token()

    assert wanted in str(caught.value)
    assert refused == TokenRejected(token_serial=0, code=word)
    assert len(server.token_requests) == 1


async def test_no_token_is_requested_during_a_pause_of_the_accounts_server() -> None:
    denied = answer({"error": "Access Denied", "error_description": "too many requests"}, status=400)
    async with RawServer(tokens=[denied]) as server, provider_of(server) as provider:
        replies = [await provider.renew(0) for _ in range(3)]
        refused = await provider.token()

    assert all(isinstance(reply, RateLimited) and 0 < (reply.retry_after_s or 0) <= 120 for reply in replies)
    assert isinstance(refused, TokenRejected)
    assert len(server.token_requests) == 1


@pytest.mark.parametrize(
    "page", [answer(b"<html>proxy</html>", status=502), answer(b"<html>hotspot</html>"), answer(b"", status=503)]
)
async def test_an_html_page_instead_of_a_token_means_that_the_call_was_not_sent(page: bytes) -> None:
    async with RawServer(tokens=[page]) as server, provider_of(server) as provider:
        renewal = await provider.renew(0)
        token = await provider.token()

    assert isinstance(renewal, ResponseLost)
    assert isinstance(token, NotSent)


@pytest.mark.parametrize("bad", ["1000.a b", "1000.\r\nX-Evil: 1", "", "1000.é", None, 7])
async def test_a_token_that_does_not_fit_in_a_header_is_rejected(bad: object) -> None:
    async with RawServer(tokens=[answer({"access_token": bad})]) as server, provider_of(server) as provider:
        with pytest.raises(AccessError):
            await provider.renew(0)


async def test_the_api_domain_chooses_the_host_within_the_data_center() -> None:
    hosts = frozenset({"127.0.0.1", "www.zohoapis.eu", "sandbox.zohoapis.eu"})
    domain = granted(api_domain="https://sandbox.zohoapis.eu")
    async with (
        RawServer(tokens=[domain]) as server,
        provider_of(server, api_url="https://www.zohoapis.eu", allowed_hosts=hosts) as provider,
    ):
        token = await provider.token()

    assert isinstance(token, AccessToken)
    assert token.api_url == "https://sandbox.zohoapis.eu"


async def test_an_api_domain_in_another_data_center_is_an_error_with_its_name() -> None:
    hosts = frozenset({"127.0.0.1", "www.zohoapis.com", "sandbox.zohoapis.com"})
    domain = granted(api_domain="https://www.zohoapis.eu")
    async with (
        RawServer(tokens=[domain]) as server,
        provider_of(server, api_url="https://www.zohoapis.com", allowed_hosts=hosts) as provider,
    ):
        with pytest.raises(AccessError, match="BULKZOHO_DC=eu"):
            await provider.renew(0)


async def test_a_configured_api_url_overrides_the_api_domain() -> None:
    async with RawServer(tokens=[granted(api_domain="https://www.zohoapis.eu")]) as server, provider_of(server) as provider:
        token = await provider.token()

        assert isinstance(token, AccessToken)
        assert token.api_url == server.url


async def test_the_next_process_uses_the_token_from_the_cache(tmp_path: Path) -> None:
    async with RawServer() as server:
        async with provider_of(server, folder=tmp_path / "tokens") as provider:
            await provider.token()
        async with provider_of(server, folder=tmp_path / "tokens") as provider:
            token = await provider.token()

    assert text_of(token) == "1000.good.token"
    assert len(server.token_requests) == 1


async def test_a_cached_token_that_is_about_to_expire_is_not_used(tmp_path: Path) -> None:
    clock = Clock()
    async with RawServer(tokens=[granted("1000.one"), granted("1000.two")]) as server:
        async with provider_of(server, folder=tmp_path, clock=clock) as provider:
            await provider.token()
        clock.time += 3590
        async with provider_of(server, folder=tmp_path, clock=clock) as provider:
            token = await provider.token()

    assert text_of(token) == "1000.two"


async def test_after_a_rejection_a_new_token_of_another_process_is_used(tmp_path: Path) -> None:
    async with (
        RawServer(tokens=[granted("1000.one"), granted("1000.two")]) as server,
        provider_of(server, folder=tmp_path) as ours,
        provider_of(server, folder=tmp_path) as theirs,
    ):
        await ours.token()
        await theirs.token()
        await theirs.renew(1)
        await ours.renew(1)

        assert text_of(await ours.token()) == text_of(await theirs.token()) == "1000.two"
    assert len(server.token_requests) == 2


async def test_after_a_rejection_an_older_token_of_another_process_is_not_used(tmp_path: Path) -> None:
    clock = Clock()
    async with (
        RawServer(tokens=[granted("1000.one"), granted("1000.two"), granted("1000.three")]) as server,
        provider_of(server, folder=tmp_path, clock=clock) as ours,
        provider_of(server, folder=tmp_path, clock=clock) as theirs,
    ):
        await ours.token()
        await theirs.token()
        await theirs.renew(1)
        clock.time += 600
        await ours.renew(1)

        assert text_of(await ours.token()) == "1000.three"


async def test_after_a_cancelled_renewal_the_next_waiting_caller_renews() -> None:
    async with RawServer(tokens=[Act.HANG, granted("1000.two")]) as server, provider_of(server) as provider:
        first = asyncio.create_task(provider.renew(0))
        second = asyncio.create_task(provider.renew(0))
        await asyncio.sleep(0.1)
        first.cancel()
        reply = await second

        assert reply == Succeeded()
        assert text_of(await provider.token()) == "1000.two"
        assert len(server.token_requests) == 2


async def test_neither_provider_nor_token_shows_a_secret() -> None:
    async with RawServer() as server, provider_of(server) as provider:
        token = await provider.token()

    assert "1000." not in f"{provider!r} {token!r}"
