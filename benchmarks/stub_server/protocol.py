"""HTTP/1.1 with as little work as can be: one buffer a connection, three searches a request, one write an answer.

Understands what HTTP clients send to an API over a kept connection: a head, and a body with Content-Length.  No chunked bodies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from typing import Final

Answer = Callable[[bytes, memoryview], bytes]  #: of the request line and its body makes a whole answer

BUFFER_BYTES: Final = 1 << 18
_END: Final = b"\r\n\r\n"
STARTED: Final = formatdate(usegmt=True).encode()


class Wire(asyncio.BufferedProtocol):
    """One connection."""

    def __init__(self, answer: Answer, latency_s: float) -> None:
        self._answer = answer
        self._latency_s = latency_s
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._filled = 0
        self._wanted = 0  # bytes of the request at hand, 0 while its head is not whole
        self._body_at = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.BaseProtocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  asyncio's signature
        """Give the free part of the buffer."""
        return self._view[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Answer each request that is whole."""
        self._filled += nbytes
        while self._filled:
            if not self._wanted and not self._read_head():
                self._grow()
                return
            if self._filled < self._wanted:
                self._grow()
                return
            line = bytes(self._buffer[: self._buffer.find(b"\r\n")])
            self._say(self._answer(line, self._view[self._body_at : self._wanted]))
            rest = self._filled - self._wanted
            if rest:
                self._buffer[:rest] = self._buffer[self._wanted : self._filled]
            self._filled, self._wanted = rest, 0

    def _read_head(self) -> bool:
        end = self._buffer.find(_END, 0, self._filled)
        if end < 0:
            return False
        self._body_at = end + len(_END)
        head = bytes(self._buffer[: end + 2]).lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 : head.index(b"\r", at + 2)]) if at >= 0 else 0
        self._wanted = self._body_at + length
        if b"\r\nexpect: 100" in head:
            self._say(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _grow(self) -> None:
        """Make room for a request that is larger than the buffer."""
        if self._filled == len(self._buffer) or self._wanted > len(self._buffer):
            self._buffer = self._buffer[: self._filled] + bytearray(max(self._wanted, 2 * len(self._buffer)))
            self._view = memoryview(self._buffer)

    def _say(self, answer: bytes) -> None:
        assert self._transport is not None
        if self._latency_s:
            asyncio.get_running_loop().call_later(self._latency_s, self._transport.write, answer)
        else:
            self._transport.write(answer)


def message(body: bytes, *, status: bytes = b"200 OK", kind: bytes = b"application/json;charset=UTF-8") -> bytes:
    """Give a whole answer; a date as services send it, though always the same."""
    head = b"HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
    return head % (status, STARTED, kind, len(body)) + body
