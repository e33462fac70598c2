"""A proxy before a sandbox: sees every write call before the CRM does, and may send it twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson
from aiohttp import web

__all__ = ["Doorway", "Seen"]

Seen = Callable[[list[dict[str, Any]]], Awaitable[None]]


class Doorway:
    """Passes calls on.

    Args:
        url: Of the sandbox.
        seen: Called with the records of each write call before it is passed on.
        twice: Send write calls twice at once, and return the last response.
    """

    def __init__(self, url: str, *, seen: Seen | None = None, twice: bool = False) -> None:
        self._url = url
        self._seen = seen
        self._twice = twice
        self._runner: web.ServerRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.error: AssertionError | None = None  #: the first that *seen* raised

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._runner = web.ServerRunner(web.Server(self._pass, access_log=None), shutdown_timeout=0.1)
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
        """The address on which it listens."""
        assert self._runner is not None
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _pass(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        writes = request.path.startswith("/crm/") and request.method != "GET" and not request.path.endswith("/coql")
        if writes and self._seen is not None:
            await self._look(orjson.loads(body)["data"])
        copies = 2 if writes and self._twice else 1
        answers = await asyncio.gather(*(self._forward(request, body) for _ in range(copies)))
        status, content_type, content = answers[-1]
        return web.Response(status=status, body=content, content_type=content_type)

    async def _look(self, records: list[dict[str, Any]]) -> None:
        assert self._seen is not None
        try:
            await self._seen(records)
        except AssertionError as error:
            self.error = self.error or error

    async def _forward(self, request: web.BaseRequest, body: bytes) -> tuple[int, str, bytes]:
        assert self._session is not None
        kept = {name: value for name, value in request.headers.items() if name in ("Authorization", "Content-Type")}
        address = self._url + request.path_qs
        async with self._session.request(request.method, address, data=body or None, headers=kept) as got:
            return got.status, got.content_type, await got.read()
