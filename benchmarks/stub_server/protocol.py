"""Minimal HTTP/1.1: one buffer per connection, three searches per request, one write per response.

It supports keep-alive requests with a head and a body with Content-Length.  No chunked bodies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from typing import Final

Responder = Callable[[bytes, memoryview], bytes]  #: (request line, body) -> complete response

BUFFER_BYTES: Final = 1 << 18
_END: Final = b"\r\n\r\n"
STARTED: Final = formatdate(usegmt=True).encode()


class HttpProtocol(asyncio.BufferedProtocol):
    """One connection."""

    def __init__(self, respond: Responder, latency_s: float) -> None:
        self._respond = respond
        self._latency_s = latency_s
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._filled = 0
        self._request_end = 0  # bytes of the current request; 0 until its head is complete
        self._body_at = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.BaseProtocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  asyncio's signature
        """Return the free part of the buffer."""
        return self._view[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Respond to each complete request."""
        self._filled += nbytes
        while self._filled:
            if not self._request_end and not self._read_head():
                self._grow()
                return
            if self._filled < self._request_end:
                self._grow()
                return
            line = bytes(self._buffer[: self._buffer.find(b"\r\n")])
            self._send(self._respond(line, self._view[self._body_at : self._request_end]))
            remaining = self._filled - self._request_end
            if remaining:
                self._buffer[:remaining] = self._buffer[self._request_end : self._filled]
            self._filled, self._request_end = remaining, 0

    def _read_head(self) -> bool:
        end = self._buffer.find(_END, 0, self._filled)
        if end < 0:
            return False
        self._body_at = end + len(_END)
        head = bytes(self._buffer[: end + 2]).lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 : head.index(b"\r", at + 2)]) if at >= 0 else 0
        self._request_end = self._body_at + length
        if b"\r\nexpect: 100" in head:
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _grow(self) -> None:
        """Grow the buffer for a large request."""
        if self._filled == len(self._buffer) or self._request_end > len(self._buffer):
            self._buffer = self._buffer[: self._filled] + bytearray(max(self._request_end, 2 * len(self._buffer)))
            self._view = memoryview(self._buffer)

    def _send(self, response: bytes) -> None:
        assert self._transport is not None
        if self._latency_s:
            asyncio.get_running_loop().call_later(self._latency_s, self._transport.write, response)
        else:
            self._transport.write(response)


def message(body: bytes, *, status: bytes = b"200 OK", kind: bytes = b"application/json;charset=UTF-8") -> bytes:
    """Build a complete response; its Date header is constant."""
    head = b"HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
    return head % (status, STARTED, kind, len(body)) + body
