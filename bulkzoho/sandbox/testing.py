"""Test tools: start a sandbox, call it, control its clock.

``sandbox_thread`` serves from a thread of this process (for code that blocks or starts programs), ``sandbox_process`` from a
separate process (for measurements), ``sandbox_client`` inside the event loop, with a client that holds a token.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from bulkzoho.sandbox.server import Sandbox
from bulkzoho.sandbox.settings import SandboxSettings
from bulkzoho.sandbox.state.clock import Clock

__all__ = ["ManualClock", "SandboxClient", "SandboxResponse", "sandbox_client", "sandbox_process", "sandbox_thread"]

EXIT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxResponse:
    """An HTTP response with its parsed body."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def codes(self) -> list[str]:
        """The code of each record result."""
        return [each["code"] for each in self.body["data"]]


class SandboxClient:
    """A minimal HTTP client of one sandbox with one access token."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self.token = ""

    async def request_token(self, **overrides: str) -> SandboxResponse:
        """Request an access token; *changed* overrides form fields."""
        environment = self.sandbox.environment
        form = {
            "grant_type": "refresh_token",
            "client_id": environment["BULKZOHO_CLIENT_ID"],
            "client_secret": environment["BULKZOHO_CLIENT_SECRET"],
            "refresh_token": environment["BULKZOHO_REFRESH_TOKEN"],
            **overrides,
        }
        return await self.call("POST", "/oauth/v2/token", data=form)

    async def login(self) -> None:
        """Request an access token and use it for later calls."""
        self.token = (await self.request_token()).body["access_token"]

    async def call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> SandboxResponse:
        """Make one call and return its response."""
        authorization = {"Authorization": f"Zoho-oauthtoken {self.token}"} if self.token else {}
        async with self.session.request(
            method, self.sandbox.url + path, headers={**authorization, **(headers or {})}, **options
        ) as reply:
            raw = await reply.read()
            is_json = reply.content_type == "application/json"
            return SandboxResponse(
                status=reply.status, body=orjson.loads(raw) if is_json and raw else raw, headers=reply.headers.copy()
            )

    async def get(
        self, path: str, parameters: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> SandboxResponse:
        """Send a GET to a path below ``/crm/v8/``."""
        return await self.call("GET", f"/crm/v8/{path}", params=parameters, headers=headers)

    async def write(
        self,
        method: str,
        path: str,
        records: Sequence[Any],
        keys: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> SandboxResponse:
        """Send records to a path below ``/crm/v8/``; *keys* are further keys of the body."""
        body = orjson.dumps({"data": list(records), **(keys or {})})
        return await self.call(method, f"/crm/v8/{path}", data=body, headers=headers)

    async def insert(self, crm_module: str, *records: Any) -> SandboxResponse:
        """Insert records."""
        return await self.write("POST", crm_module, records)

    async def coql(self, query: str) -> SandboxResponse:
        """Run a COQL query."""
        return await self.call("POST", "/crm/v8/coql", data=orjson.dumps({"select_query": query}))


class ManualClock:
    """A clock that only moves when a test advances it; sleeping advances it immediately."""

    def __init__(self) -> None:
        self.seconds = 1_790_000_000.0

    def monotonic(self) -> float:
        """Return the current seconds."""
        return self.seconds

    def wall(self) -> float:
        """Return the current seconds."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self.seconds += seconds

    async def sleep(self, seconds: float) -> None:
        """Advance the clock without waiting."""
        self.seconds += seconds
        await asyncio.sleep(0)


@asynccontextmanager
async def sandbox_client(settings: SandboxSettings | None = None, clock: Clock | None = None) -> AsyncIterator[SandboxClient]:
    """Start a sandbox and yield a logged-in client for it."""
    async with Sandbox(settings, clock=clock) as sandbox, aiohttp.ClientSession() as session:
        client = SandboxClient(sandbox, session)
        await client.login()
        yield client


@contextmanager
def sandbox_thread(settings: SandboxSettings | None = None, clock: Clock | None = None) -> Iterator[Sandbox]:
    """Serve a sandbox from a thread, for synchronous tests.

    The sandbox's methods are not thread-safe: call them only while no call is in flight.
    """
    sandbox, ready, failed = Sandbox(settings, clock=clock), threading.Event(), []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with sandbox:
            ready.set()
            await stop.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        except OSError as error:
            failed.append(error)
            ready.set()
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="sandbox")
    thread.start()
    ready.wait()
    if failed:
        thread.join()
        raise failed[0]
    try:
        yield sandbox
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


@contextmanager
def sandbox_process(*flags: str) -> Iterator[dict[str, str]]:
    """Start ``python -m bulkzoho.sandbox`` with *flags* and yield the environment it prints.

    Raises:
        RuntimeError: the process did not start; its standard error has the reason.
    """
    command = [sys.executable, "-m", "bulkzoho.sandbox", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - starts this package
        assert process.stdout is not None
        environment: dict[str, str] = {}
        while "BULKZOHO_UPLOAD_URL" not in environment:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the sandbox did not start; see its standard error")
            name, _, value = line.removeprefix("export ").strip().partition("=")
            environment[name] = value
        try:
            yield environment
        finally:
            process.terminate()
            process.wait(EXIT_TIMEOUT_S)
