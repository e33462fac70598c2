"""Tools for tests against a sandbox, for this project's and for yours.

A bare client that knows HTTP and one token, a clock moved by hand, and two ways to have a sandbox: in a thread of this process
(``served``, for code that blocks or starts programs), or in a process of its own (``sandbox_process``, for measuring).
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

__all__ = ["ManualClock", "TestClient", "TestResponse", "calling", "sandbox_process", "served"]

END_WAIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResponse:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def codes(self) -> list[str]:
        """The code of each result."""
        return [each["code"] for each in self.body["data"]]


class TestClient:
    """Calls one sandbox with one access token."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self.token = ""

    async def ask_token(self, **changed: str) -> TestResponse:
        """Ask for an access token; *changed* replaces fields of the form."""
        environment = self.sandbox.environment
        form = {
            "grant_type": "refresh_token",
            "client_id": environment["BULKZOHO_CLIENT_ID"],
            "client_secret": environment["BULKZOHO_CLIENT_SECRET"],
            "refresh_token": environment["BULKZOHO_REFRESH_TOKEN"],
            **changed,
        }
        return await self.call("POST", "/oauth/v2/token", data=form)

    async def login(self) -> None:
        """Take a new access token into use."""
        self.token = (await self.ask_token()).body["access_token"]

    async def call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> TestResponse:
        """Make one call and read its answer."""
        own = {"Authorization": f"Zoho-oauthtoken {self.token}"} if self.token else {}
        async with self.session.request(method, self.sandbox.url + path, headers={**own, **(headers or {})}, **more) as got:
            raw = await got.read()
            is_json = got.content_type == "application/json"
            return TestResponse(status=got.status, body=orjson.loads(raw) if is_json and raw else raw, headers=got.headers.copy())

    async def get(
        self, path: str, parameters: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> TestResponse:
        """GET below ``/crm/v8/``."""
        return await self.call("GET", f"/crm/v8/{path}", params=parameters, headers=headers)

    async def write(
        self,
        method: str,
        path: str,
        records: Sequence[Any],
        keys: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Send records below ``/crm/v8/``; *keys* stand beside ``data``."""
        body = orjson.dumps({"data": list(records), **(keys or {})})
        return await self.call(method, f"/crm/v8/{path}", data=body, headers=headers)

    async def insert(self, crm_module: str, *records: Any) -> TestResponse:
        """Insert records."""
        return await self.write("POST", crm_module, records)

    async def coql(self, query: str) -> TestResponse:
        """Ask a COQL query."""
        return await self.call("POST", "/crm/v8/coql", data=orjson.dumps({"select_query": query}))


class ManualClock:
    """A clock that a test moves by hand; sleeping moves it too."""

    def __init__(self) -> None:
        self.seconds = 1_790_000_000.0

    def monotonic(self) -> float:
        """Give the seconds set."""
        return self.seconds

    def wall(self) -> float:
        """Give the seconds set."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let the time pass."""
        self.seconds += seconds

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.seconds += seconds
        await asyncio.sleep(0)


@asynccontextmanager
async def calling(settings: SandboxSettings | None = None, clock: Clock | None = None) -> AsyncIterator[TestClient]:
    """Give a caller with a token, for a sandbox of its own."""
    async with Sandbox(settings, clock=clock) as sandbox, aiohttp.ClientSession() as session:
        caller = TestClient(sandbox, session)
        await caller.login()
        yield caller


@contextmanager
def served(settings: SandboxSettings | None = None, clock: Clock | None = None) -> Iterator[Sandbox]:
    """Serve a sandbox from a thread, for tests that are not asynchronous.

    Its own methods may be called from the test, as long as no call is in flight: they are not locked against one.
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
    """Start ``python -m bulkzoho.sandbox`` with *flags*; give the environment that it prints.

    Raises:
        RuntimeError: it did not start; it said why on standard error.
    """
    words = [sys.executable, "-m", "bulkzoho.sandbox", *flags]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this very package
        assert process.stdout is not None
        environment: dict[str, str] = {}
        while "BULKZOHO_UPLOAD_URL" not in environment:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the sandbox did not start")
            name, _, value = line.removeprefix("export ").strip().partition("=")
            environment[name] = value
        try:
            yield environment
        finally:
            process.terminate()
            process.wait(END_WAIT_S)
