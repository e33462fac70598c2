"""All data centers on one machine: a proxy that answers for Zoho's hosts, with TLS, and forwards each to a sandbox.

The program uses it like any proxy (``HTTPS_PROXY``) and trusts its certificate (``SSL_CERT_FILE``): hosts, TLS and requests
are the real ones, and nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

__all__ = ["CERTIFICATE", "World"]

CERTIFICATE = Path(__file__).with_name("fake_data_centers.pem")


class World:
    """A proxy in a thread of its own.

    Attributes:
        seen: Everything that was sent to a host, decrypted; empty for a host that was only connected to.
    """

    def __init__(self, urls: Mapping[str, str], *, elsewhere: str) -> None:
        """Forward each host of *urls* to its sandbox, every other one of Zoho's to *elsewhere*."""
        self.seen: defaultdict[str, bytearray] = defaultdict(bytearray)
        self.port = 0
        self._urls = urls
        self._elsewhere = elsewhere
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(CERTIFICATE)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that uses this proxy."""
        proxy = f"http://127.0.0.1:{self.port}"
        return {"HTTPS_PROXY": proxy, "https_proxy": proxy, "SSL_CERT_FILE": str(CERTIFICATE), "NO_PROXY": "", "no_proxy": ""}

    def hosts_that_saw(self, text: str) -> set[str]:
        """Return the hosts to which *text* was sent."""
        return {host for host, sent in self.seen.items() if text.encode() in sent}

    async def _end(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            host = head.split()[1].decode().rpartition(":")[0]
            self.seen[host] += b""
            if ".zoho" not in f".{host}" or host.endswith(".example.com"):
                writer.write(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                writer.close()
                return
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await writer.drain()
            await writer.start_tls(self._tls)
            await self._pass_on(host, reader, writer)

    async def _pass_on(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        url = urlsplit(self._urls.get(host, self._elsewhere))
        there_reader, there_writer = await asyncio.open_connection(url.hostname, url.port)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, kept: bytearray | None) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    if kept is not None:
                        kept += data
                    sink.write(data)
                    await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, there_writer, self.seen[host]), pump(there_reader, writer, None))
