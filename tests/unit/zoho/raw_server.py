"""Test server that sends scripted bytes and records its requests."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self

from bulkzoho.domain.model.settings import ConnectionSettings


class Act(Enum):
    """Behaviour instead of a response."""

    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One received request."""

    method: str
    target: str
    headers: Mapping[str, str]  #: names in lower case
    body: bytes
    connection: int


def answer(
    body: object = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    length: int | None = None,
) -> bytes:
    """Return a complete HTTP response; *length* announces a different number of bytes."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(content) if length is None else length)} | dict(
        headers or {}
    )
    head = f"HTTP/1.1 {status} Whatever\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return head.encode() + b"\r\n" + content


def granted(token: str = "1000.good.token", **more: Any) -> bytes:
    """Return the accounts server's response with a token."""
    return answer({"access_token": token, "expires_in": 3600, "token_type": "Bearer", **more})


class RawServer:
    """Sends responses in order; the last one repeats.  Token requests have a script of their own."""

    def __init__(self, *answers: bytes | Act, tokens: Sequence[bytes | Act] = ()) -> None:
        self.seen: list[Seen] = []
        self.token_requests: list[Seen] = []
        self._answers = list(answers) or [answer({})]
        self._tokens = list(tokens) or [granted()]
        self._connections = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        connection = self._connections
        self._open.add(writer)
        try:
            while (request := await _request(reader, writer, connection)) is not None:
                is_token = "/oauth/" in request.target
                (self.token_requests if is_token else self.seen).append(request)
                script = self._tokens if is_token else self._answers
                said = script.pop(0) if len(script) > 1 else script[0]
                if isinstance(said, Act):
                    await _act(said, writer)
                    return
                writer.write(said)
                await writer.drain()
                if b"Connection: close" in said:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()


async def _act(act: Act, writer: asyncio.StreamWriter) -> None:
    if act is Act.HANG:
        await asyncio.sleep(30)
    elif act is Act.RESET:
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> Seen | None:
    first_byte = await reader.read(1)
    if first_byte == b"\x16":  # the greeting of TLS, which is not spoken here: say so as web servers do
        writer.write(answer(b"", status=400))
        await writer.drain()
    if first_byte in (b"", b"\x16"):
        return None
    head = first_byte + await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, target, _ = first.split(" ")
    return Seen(method=method, target=target, headers=headers, body=body, connection=connection)


def settings_for(url: str, **more: Any) -> ConnectionSettings:
    """Return settings that use *url* for everything."""
    given: dict[str, Any] = {
        "client_id": "1000.THECLIENT",
        "client_secret": "the-client-secret",
        "refresh_token": "1000.the-refresh.token",
        "accounts_url": url,
        "api_url": url,
        "upload_url": url,
        "allowed_hosts": frozenset({"127.0.0.1"}),
        "reply_timeout_s": 5.0,
        "connect_timeout_s": 5.0,
    }
    return ConnectionSettings(**(given | more))
