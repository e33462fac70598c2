"""Which way leads out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bulkzoho.domain.model.responses import NotSent
from bulkzoho.zoho.http.http_client import HttpClient
from bulkzoho.zoho.http.proxy import _proxy_for_host, proxy_for
from tests.unit.zoho.raw_server import RawServer, answer


@pytest.fixture(autouse=True)
def fresh_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    _proxy_for_host.cache_clear()
    yield
    _proxy_for_host.cache_clear()


def test_without_a_proxy_the_way_is_direct() -> None:
    assert proxy_for("https://www.zohoapis.com/crm/v8/org") is None


def test_https_goes_through_the_systems_proxy_but_for_hosts_that_bypass_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "zohoapis.eu")

    assert proxy_for("https://www.zohoapis.com/crm/v8/org") == "http://proxy.example.com:3128"
    assert proxy_for("https://www.zohoapis.eu/crm/v8/org") is None


def test_plain_http_never_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")

    assert proxy_for("http://127.0.0.1:8080/crm/v8/org") is None


async def test_a_proxy_that_refuses_let_nothing_through_and_saw_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer(answer(status=407)) as proxy, HttpClient(connect_timeout_s=5.0) as line:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://user:password@"))

        reply = await line.exchange(
            "POST", "https://crm.example.com/x", timeout_s=5.0, headers={"Authorization": "secret"}, body=b"{}"
        )

    assert reply == NotSent(reason="crm.example.com: the proxy let nothing through")
    (seen,) = proxy.seen
    assert (seen.method, seen.target, seen.body) == ("CONNECT", "crm.example.com:443", b"")
    assert "authorization" not in seen.headers
