"""Who may use the access token, and when it is renewed."""

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
    """Wall time that a test moves."""

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


async def test_a_token_is_asked_for_by_post_form_and_used_again() -> None:
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


async def test_senders_that_meet_a_refusal_together_ask_once() -> None:
    async with RawServer(tokens=[granted("1000.one"), granted("1000.two")]) as server, provider_of(server) as provider:
        old = await provider.token()
        assert isinstance(old, AccessToken)
        await asyncio.gather(*(provider.renew(old.serial) for _ in range(20)))
        new = await provider.token()

    assert text_of(new) == "1000.two"
    assert len(server.token_requests) == 2


async def test_senders_that_wait_for_a_failing_renewal_share_its_failure() -> None:
    async with RawServer(tokens=[Act.CLOSE]) as server, provider_of(server) as provider:
        replies = await asyncio.gather(*(provider.renew(0) for _ in range(20)))

    assert all(isinstance(reply, ResponseLost) for reply in replies)
    assert len(server.token_requests) == 1


async def test_a_token_is_renewed_a_minute_before_its_end() -> None:
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
async def test_while_a_token_lives_trouble_with_its_renewal_stops_nobody(trouble: bytes | Act) -> None:
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


async def test_the_old_form_of_the_life_is_understood() -> None:
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
async def test_an_error_that_comes_with_status_200_ends_the_matter_and_says_what_to_do(word: str, wanted: str) -> None:
    async with RawServer(tokens=[answer({"error": word})]) as server, provider_of(server) as provider:
        with pytest.raises(AccessError):
            await provider.renew(0)
        with pytest.raises(AccessError) as caught:
            await provider.renew(0)
        refused = await provider.token()

    assert wanted in str(caught.value)
    assert refused == TokenRejected(token_serial=0, code=word)
    assert len(server.token_requests) == 1


async def test_the_throttle_of_the_accounts_server_is_a_pause_in_which_nobody_asks() -> None:
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
async def test_a_page_in_place_of_an_answer_means_that_a_call_has_not_left(page: bytes) -> None:
    async with RawServer(tokens=[page]) as server, provider_of(server) as provider:
        renewal = await provider.renew(0)
        token = await provider.token()

    assert isinstance(renewal, ResponseLost)
    assert isinstance(token, NotSent)


@pytest.mark.parametrize("bad", ["1000.a b", "1000.\r\nX-Evil: 1", "", "1000.é", None, 7])
async def test_a_token_that_could_not_stand_in_a_header_is_not_taken(bad: object) -> None:
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


async def test_an_api_domain_in_another_data_center_is_an_error_that_names_it() -> None:
    hosts = frozenset({"127.0.0.1", "www.zohoapis.com", "sandbox.zohoapis.com"})
    domain = granted(api_domain="https://www.zohoapis.eu")
    async with (
        RawServer(tokens=[domain]) as server,
        provider_of(server, api_url="https://www.zohoapis.com", allowed_hosts=hosts) as provider,
    ):
        with pytest.raises(AccessError, match="BULKZOHO_DC=eu"):
            await provider.renew(0)


async def test_an_api_url_that_was_given_stands_whatever_the_api_domain_says() -> None:
    async with RawServer(tokens=[granted(api_domain="https://www.zohoapis.eu")]) as server, provider_of(server) as provider:
        token = await provider.token()

        assert isinstance(token, AccessToken)
        assert token.api_url == server.url


async def test_the_next_process_takes_the_token_from_the_cache(tmp_path: Path) -> None:
    async with RawServer() as server:
        async with provider_of(server, folder=tmp_path / "tokens") as provider:
            await provider.token()
        async with provider_of(server, folder=tmp_path / "tokens") as provider:
            token = await provider.token()

    assert text_of(token) == "1000.good.token"
    assert len(server.token_requests) == 1


async def test_a_token_in_the_cache_that_is_near_its_end_is_not_taken(tmp_path: Path) -> None:
    clock = Clock()
    async with RawServer(tokens=[granted("1000.one"), granted("1000.two")]) as server:
        async with provider_of(server, folder=tmp_path, clock=clock) as provider:
            await provider.token()
        clock.time += 3590
        async with provider_of(server, folder=tmp_path, clock=clock) as provider:
            token = await provider.token()

    assert text_of(token) == "1000.two"


async def test_after_a_refusal_a_token_that_another_process_has_just_got_is_taken(tmp_path: Path) -> None:
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


async def test_after_a_refusal_an_older_token_of_another_process_is_not_trusted(tmp_path: Path) -> None:
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


async def test_when_a_renewal_is_cancelled_whoever_waited_for_it_asks_anew() -> None:
    async with RawServer(tokens=[Act.HANG, granted("1000.two")]) as server, provider_of(server) as provider:
        first = asyncio.create_task(provider.renew(0))
        second = asyncio.create_task(provider.renew(0))
        await asyncio.sleep(0.1)
        first.cancel()
        reply = await second

        assert reply == Succeeded()
        assert text_of(await provider.token()) == "1000.two"
        assert len(server.token_requests) == 2


async def test_neither_keeper_nor_token_shows_a_secret() -> None:
    async with RawServer() as server, provider_of(server) as provider:
        token = await provider.token()

    assert "1000." not in f"{provider!r} {token!r}"
