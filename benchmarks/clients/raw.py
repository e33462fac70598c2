"""Prepared calls on an ``asyncio.Protocol`` that only counts response bytes: the maximum rate of the stub server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

import orjson

from benchmarks.clients.batches import PER_CALL, TOKEN, TRIGGER, ClientArguments


class _Caller(asyncio.Protocol):
    """One connection; the next call starts as soon as the last response is complete."""

    def __init__(self, request: bytes, calls: Iterator[int], done: asyncio.Future[None]) -> None:
        self._request = request
        self._calls = calls
        self._done = done
        self._left = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        if not self._left:
            head, _, body = data.partition(b"\r\n\r\n")
            at = head.index(b"Content-Length: ") + 16
            self._left = int(head[at:].partition(b"\r")[0])
            data = body
        self._left -= len(data)
        if not self._left:
            self._next()

    def _next(self) -> None:
        assert self._transport is not None
        if next(self._calls, None) is None:
            self._transport.close()
            self._done.set_result(None)
        else:
            self._transport.write(self._request)


async def send(options: ClientArguments) -> None:
    """Make as many calls as the rows need."""
    body = orjson.dumps({"data": next(options.batches()), "trigger": TRIGGER})
    where, loop = urlsplit(options.url), asyncio.get_running_loop()
    fields = {"Host": where.netloc, **TOKEN, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    request = f"POST {where.path} HTTP/1.1\r\n{head}\r\n".encode() + body
    calls = iter(range((options.rows + PER_CALL - 1) // PER_CALL))
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(options.in_flight)]
    for end in ends:
        await loop.create_connection(partial(_Caller, request, calls, end), str(where.hostname), where.port or 80)
    await asyncio.gather(*ends)


if __name__ == "__main__":
    asyncio.run(send(ClientArguments.from_command_line()))
