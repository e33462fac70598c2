"""A proxy in front of a sandbox: it reports write calls before the CRM sees them and can duplicate them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson
from aiohttp import web

__all__ = ["FaultProxy", "OnWriteCall"]

OnWriteCall = Callable[[list[dict[str, Any]]], Awaitable[None]]


class FaultProxy:
    """A forwarding proxy.

    Args:
        url: Address of the sandbox.
        on_write: Called with the records of each write call before it is forwarded.
        duplicate_writes: Forward each write call twice at once and return the last response.
    """

    def __init__(self, url: str, *, on_write: OnWriteCall | None = None, duplicate_writes: bool = False) -> None:
        self._url = url
        self._on_write = on_write
        self._duplicate_writes = duplicate_writes
        self._runner: web.ServerRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.error: AssertionError | None = None  #: the first error raised by *on_write*

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    @property
    def url(self) -> str:
        """Address of the proxy."""
        assert self._runner is not None
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        writes = request.path.startswith("/crm/") and request.method != "GET" and not request.path.endswith("/coql")
        if writes and self._on_write is not None:
            await self._report_write(orjson.loads(body)["data"])
        copies = 2 if writes and self._duplicate_writes else 1
        answers = await asyncio.gather(*(self._forward(request, body) for _ in range(copies)))
        status, content_type, content = answers[-1]
        return web.Response(status=status, body=content, content_type=content_type)

    async def _report_write(self, records: list[dict[str, Any]]) -> None:
        assert self._on_write is not None
        try:
            await self._on_write(records)
        except AssertionError as error:
            self.error = self.error or error

    async def _forward(self, request: web.BaseRequest, body: bytes) -> tuple[int, str, bytes]:
        assert self._session is not None
        headers = {name: value for name, value in request.headers.items() if name in ("Authorization", "Content-Type")}
        address = self._url + request.path_qs
        async with self._session.request(request.method, address, data=body or None, headers=headers) as response:
            return response.status, response.content_type, await response.read()
