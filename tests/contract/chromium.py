"""Drive headless Chromium over its debugging protocol, for the tests of the sandbox's page."""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

__all__ = ["Page", "open_page"]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,1500",
    "--remote-debugging-port=0",
)
START_TIMEOUT_S = 30.0
WAIT_S = 10.0


class Page:
    """One browser page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._session = ""
        self._last = 0
        self.events: list[dict[str, Any]] = []  #: events of the protocol, such as requests and errors

    async def open(self, url: str) -> None:
        """Open *url* and record its requests and errors."""
        target = await self.ask("Target.createTarget", url="about:blank")
        attached = await self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Network", "Runtime", "Log", "Page"):
            await self.ask(f"{domain}.enable")
        await self.ask("Page.navigate", url=url)

    async def ask(self, method: str, **parameters: Any) -> Any:
        """Call a protocol method and return its result."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        await self._socket.send_json(message)
        while True:
            got = await self._socket.receive_json(timeout=START_TIMEOUT_S)
            if got.get("id") == self._last:
                assert "error" not in got, got
                return got["result"]
            self.events.append(got)

    async def run(self, script: str) -> Any:
        """Evaluate JavaScript and return its value."""
        got = await self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in got, got
        return got["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until the script returns true."""
        for _ in range(int(WAIT_S / 0.05)):
            if await self.run(script):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never true: {script}\n{await self.run('document.body.innerText')}")

    async def screenshot(self, path: Path) -> None:
        """Save a screenshot as PNG."""
        got = await self.ask("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(got["data"]))


@asynccontextmanager
async def open_page(url: str, profile: Path) -> AsyncIterator[Page]:
    """Start a browser and yield a page."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is needed to look at the page; .ci/run installs it", pytrace=False)
    process = await asyncio.create_subprocess_exec(
        program, *FLAGS, f"--user-data-dir={profile}", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        address = ""
        while not address:
            line = (await asyncio.wait_for(process.stderr.readline(), START_TIMEOUT_S)).decode()
            assert line, "chromium did not start"
            if line.startswith("DevTools listening on "):
                address = line.removeprefix("DevTools listening on ").strip()
        async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
            page = Page(socket)
            await page.open(url)
            yield page
            with suppress(Exception):
                await asyncio.wait_for(socket.send_json({"id": 10**6, "method": "Browser.close"}), 1)
    finally:
        with suppress(TimeoutError):
            await asyncio.wait_for(process.communicate(), 5)
        if process.returncode is None:
            process.kill()
            await process.communicate()
