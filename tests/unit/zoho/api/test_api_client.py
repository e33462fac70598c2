"""API client: hosts, token, headers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bulkzoho.domain.model.responses import NotSent, TokenRejected
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.response_decoder import RawResponse
from bulkzoho.zoho.auth.token_provider import TokenProvider
from bulkzoho.zoho.http.http_client import HttpClient
from tests.unit.zoho.raw_server import RawServer, answer, settings_for


class RecordingHttpClient(HttpClient):
    """Records requests without sending them."""

    def __init__(self) -> None:
        super().__init__(connect_timeout_s=5.0)
        self.requests: list[tuple[str, dict[str, str]]] = []

    async def exchange(self, method: str, url: str, **more: Any) -> NotSent:
        self.requests.append((url, more["headers"]))
        return NotSent(reason=method)


@contextlib.asynccontextmanager
async def client_of(server: RawServer, **settings: Any) -> AsyncIterator[ApiClient]:
    told = settings_for(server.url, **settings)
    async with HttpClient(connect_timeout_s=5.0) as http:
        yield ApiClient(told, http=http, tokens=TokenProvider(told, http=http))


async def test_a_call_has_the_token_and_a_json_content_type() -> None:
    async with RawServer(answer({}, status=201)) as server, client_of(server) as client:
        response = await client.call("POST", "/crm/v8/Leads", body=b'{"data":[]}')

    (seen,) = server.seen
    assert isinstance(response, RawResponse)
    assert (response.status, response.token_serial) == (201, 1)
    assert (seen.method, seen.target, seen.body) == ("POST", "/crm/v8/Leads", b'{"data":[]}')
    assert seen.headers["authorization"] == "Zoho-oauthtoken 1000.good.token"
    assert seen.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "url", ["https://files.example.com/x.zip", "http://www.zohoapis.com/x.zip", "https://127.0.0.1.example.com/"]
)
async def test_a_url_on_a_foreign_host_or_with_plain_http_gets_no_token(url: str) -> None:
    told = settings_for("http://127.0.0.1:1", allowed_hosts=frozenset({"www.zohoapis.com"}))
    http = RecordingHttpClient()

    await ApiClient(told, http=http, tokens=TokenProvider(told, http=http)).call("GET", url)

    assert http.requests == [(url, {})]


async def test_a_redirect_target_gets_no_token() -> None:
    async with RawServer() as other:
        moved = answer(status=307, headers={"Location": f"{other.url}/crm/v8/org"})
        async with RawServer(moved) as server, client_of(server) as client:
            response = await client.call("GET", "/crm/v8/org")

    assert isinstance(response, RawResponse)
    assert response.status == 307
    assert other.seen == []


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Tue, 24 Nov 2026 10:00:30 GMT", "Date": "Tue, 24 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"Retry-After": "Tue, 24 Nov 2026 09:00:00 GMT", "Date": "Tue, 24 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "-3"}, None),
        ({}, None),
    ],
)
async def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], wanted: float | None) -> None:
    async with RawServer(answer({}, status=429, headers=headers)) as server, client_of(server) as client:
        response = await client.call("GET", "/crm/v8/org")

    assert isinstance(response, RawResponse)
    assert response.retry_after_s == wanted


async def test_service_time_and_remaining_credits_are_read() -> None:
    headers = {"Date": "Tue, 24 Nov 2026 10:00:00 GMT", "X-API-CREDITS-REMAINING": "1234"}
    async with RawServer(answer({}, headers=headers)) as server, client_of(server) as client:
        response = await client.call("GET", "/crm/v8/org")

    assert isinstance(response, RawResponse)
    assert (response.service_time, response.credits_remaining) == (1795514400.0, 1234)


async def test_without_a_token_nothing_is_sent() -> None:
    async with RawServer(tokens=[answer({"error": "invalid_code"})]) as server, client_of(server) as client:
        reply = await client.call("POST", "/crm/v8/Leads", body=b"{}")

    assert reply == TokenRejected(token_serial=0, code="invalid_code")
    assert server.seen == []
