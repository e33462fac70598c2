"""HTTP exchanges, their failures, and proxies."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkzoho.domain.model.responses import NotSent, ResponseLost
from bulkzoho.zoho.http.http_client import Download, HttpClient, HttpResponse, _proxy_for_host, proxy_for
from tests.unit.zoho.raw_server import Act, RawServer, answer


async def exchange(url: str, *, method: str = "POST", timeout_s: float = 5.0) -> HttpResponse | NotSent | ResponseLost:
    async with HttpClient(connect_timeout_s=5.0) as http:
        return await http.exchange(method, url, timeout_s=timeout_s, headers={}, data=b"{}")


async def test_a_response_is_returned_completely() -> None:
    async with RawServer(answer({"a": 1}, status=207)) as server:
        reply = await exchange(server.url)

    assert isinstance(reply, HttpResponse)
    assert (reply.status, reply.body) == (207, b'{"a": 1}')


async def test_a_refused_connection_means_not_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        reply = await exchange(f"http://127.0.0.1:{taken.getsockname()[1]}")

    assert reply == NotSent(reason="127.0.0.1: connection refused")


async def test_a_failed_tls_handshake_means_not_sent() -> None:
    async with RawServer() as server:
        reply = await exchange(server.url.replace("http:", "https:"))

    assert reply == NotSent(reason="127.0.0.1: the TLS handshake failed")
    assert server.seen == []


async def test_an_untrusted_certificate_is_rejected() -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(100))
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("self_signed.pem"))
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        reply = await exchange(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    assert reply == NotSent(reason="127.0.0.1: the certificate is not trusted")
    assert b"".join(asked) == b""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems answer a full backlog differently")
async def test_a_connect_timeout_means_not_sent() -> None:
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        async with HttpClient(connect_timeout_s=0.2) as http:
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            reply = await http.exchange("POST", url, timeout_s=5.0, headers={}, data=b"{}")

    assert reply == NotSent(reason="127.0.0.1: connecting timed out")


@pytest.mark.parametrize("act", [Act.CLOSE, Act.RESET])
async def test_a_closed_connection_means_response_lost(act: Act) -> None:
    async with RawServer(act) as server:
        reply = await exchange(server.url)

    assert reply == ResponseLost(reason="127.0.0.1: the connection was closed before the response")
    assert len(server.seen) == 1


async def test_a_timeout_means_response_lost() -> None:
    async with RawServer(Act.HANG) as server:
        reply = await exchange(server.url, timeout_s=0.2)

    assert reply == ResponseLost(reason="127.0.0.1: no response within 0.2 s")


async def test_a_truncated_response_means_response_lost() -> None:
    async with RawServer(answer({"data": []}, length=5000, headers={"Connection": "close"})) as server:
        reply = await exchange(server.url)

    assert reply == ResponseLost(reason="127.0.0.1: the response was cut off")


async def test_a_response_that_is_not_http_means_response_lost() -> None:
    async with RawServer(b"SSH-2.0-OpenSSH_9.6\r\n\r\n") as server:
        reply = await exchange(server.url)

    assert isinstance(reply, ResponseLost)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_aiohttp_does_not_repeat_a_request_after_a_broken_keep_alive(method: str) -> None:
    async with RawServer(answer({}), Act.CLOSE, answer({})) as server, HttpClient(connect_timeout_s=5.0) as http:
        await http.exchange("GET", server.url, timeout_s=5.0, headers={})
        reply = await http.exchange(method, server.url, timeout_s=5.0, headers={}, params={"ids": "1"})

    assert isinstance(reply, ResponseLost)
    assert [seen.connection for seen in server.seen] == [1, 1]


async def test_a_redirect_is_returned_and_not_followed() -> None:
    async with RawServer(answer(status=302, headers={"Location": "/elsewhere"})) as server:
        reply = await exchange(server.url)

    assert isinstance(reply, HttpResponse)
    assert reply.status == 302
    assert len(server.seen) == 1


async def test_cookies_are_not_stored() -> None:
    async with RawServer(answer({}, headers={"Set-Cookie": "who=me"})) as server, HttpClient(connect_timeout_s=5.0) as http:
        for _ in range(2):
            await http.exchange("GET", server.url, timeout_s=5.0, headers={})

    assert "cookie" not in server.seen[1].headers


class FullDisk(io.BytesIO):
    """A file on a full disk; the error appears at *seen_at*."""

    def __init__(self, seen_at: str) -> None:
        super().__init__()
        self._seen_at = seen_at

    def write(self, piece: Any, /) -> int:
        self._no_room("write")
        return super().write(piece)

    def flush(self) -> None:
        self._no_room("flush")

    def _no_room(self, doing: str) -> None:
        if doing == self._seen_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("seen_at", ["write", "flush"])
async def test_an_unwritable_file_is_not_a_lost_response(seen_at: str) -> None:
    into = Download(FullDisk(seen_at), max_bytes=100)
    async with RawServer(answer({"a": 1})) as server, HttpClient(connect_timeout_s=5.0) as http:
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            await http.exchange("GET", server.url, timeout_s=5.0, headers={}, into=into)

    assert len(server.seen) == 1


@pytest.fixture(autouse=True)
def fresh_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    _proxy_for_host.cache_clear()
    yield
    _proxy_for_host.cache_clear()


def test_without_a_proxy_the_connection_is_direct() -> None:
    assert proxy_for("https://www.zohoapis.com/crm/v8/org") is None


def test_https_uses_the_systems_proxy_except_for_bypassed_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "zohoapis.eu")

    assert proxy_for("https://www.zohoapis.com/crm/v8/org") == "http://proxy.example.com:3128"
    assert proxy_for("https://www.zohoapis.eu/crm/v8/org") is None


def test_plain_http_never_uses_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")

    assert proxy_for("http://127.0.0.1:8080/crm/v8/org") is None


async def test_a_proxy_that_refuses_means_not_sent_and_sees_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer(answer(status=407)) as proxy, HttpClient(connect_timeout_s=5.0) as http:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://user:password@"))

        reply = await http.exchange(
            "POST", "https://crm.example.com/x", timeout_s=5.0, headers={"Authorization": "secret"}, data=b"{}"
        )

    assert reply == NotSent(reason="crm.example.com: the proxy refused the connection")
    (seen,) = proxy.seen
    assert (seen.method, seen.target, seen.body) == ("CONNECT", "crm.example.com:443", b"")
    assert "authorization" not in seen.headers
