"""HTTP client: one session, one exchange at a time, and whether a failed request can have reached the server.

Knows neither tokens nor Zoho's API.  aiohttp neither repeats requests by itself nor follows redirects here: the caller decides
about the next request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.hdrs import USER_AGENT

from bulkzoho.domain.model.responses import NotSent, ResponseLost

__all__ = ["Download", "HttpClient", "HttpResponse", "host_of", "proxy_for"]

# Seconds to keep an idle connection.  Shorter than servers and load balancers keep theirs (usually 20 to 75 s), so that a
# request seldom uses a connection that was just closed: it may have been received, and an insert would be in doubt.
KEEPALIVE_S: Final = 15.0
MAX_CONNECTIONS: Final = 100  # the rate limiter allows fewer calls in flight; this is only a safety net
CHUNK_BYTES: Final = 1 << 18
AGENT: Final = "bulkzoho"
_NEVER_REPEATED: Final = ("POST", "PATCH")  # aiohttp itself does not repeat these, because they are not idempotent
_NO_CONNECTION: Final = (
    (aiohttp.ClientConnectorDNSError, "host name not found"),
    (aiohttp.ClientConnectorCertificateError, "the certificate is not trusted"),
    (aiohttp.ClientSSLError, "the TLS handshake failed"),
    (aiohttp.ConnectionTimeoutError, "connecting timed out"),
    (aiohttp.ClientHttpProxyError, "the proxy refused the connection"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """One complete response."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Download(NamedTuple):
    """Target of a large response."""

    file: BinaryIO
    max_bytes: int


class HttpClient:
    """HTTP session.  Enter it once, in the event loop that makes the requests; safe for concurrent requests."""

    def __init__(self, *, connect_timeout_s: float, max_connections: int = MAX_CONNECTIONS) -> None:
        self._connect_timeout_s = connect_timeout_s
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._max_connections, keepalive_timeout=KEEPALIVE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={USER_AGENT: AGENT},
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        data: bytes | Mapping[str, str] | None = None,
        into: Download | None = None,
    ) -> HttpResponse | NotSent | ResponseLost:
        """Make one request and read its complete response within *timeout_s* seconds.

        *data* is a body or the fields of a form.  The body of a 200 is written *into* a file if there is one; the response's own
        body is then empty.

        Network failures are returned, not raised.  A cancelled request may or may not have been carried out.

        Raises:
            OSError: The file that the response goes *into* cannot be written.
        """
        assert self._session is not None, "enter the client first"
        timeout = _timeout(timeout_s, min(timeout_s, self._connect_timeout_s))
        try:
            async with self._session.request(
                method,
                url,
                params=params,
                data=data,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                proxy=proxy_for(url),
                middlewares=() if method in _NEVER_REPEATED else (_prevent_repeat,),
            ) as response:
                saving = into is not None and response.status == HTTPStatus.OK
                content = b"" if saving else await response.read()
                if saving and into is not None and not await _save(response, into):
                    return ResponseLost(reason=f"{host_of(url)}: the response has more than {into.max_bytes} bytes")
                return HttpResponse(status=response.status, body=content, headers=response.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError) as error:
            return NotSent(reason=f"{host_of(url)}: {_connection_failure(error)}")
        except LocalDiskError as unsaved:
            raise unsaved.error from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return ResponseLost(reason=f"{host_of(url)}: {_response_failure(error, timeout_s)}")


def host_of(url: str) -> str:
    """Return the host of *url*, in lower case and without port; "" if it has none."""
    return urlsplit(url).hostname or ""


def proxy_for(url: str) -> str | None:
    """Return the system's proxy for *url*, or None.

    Only https uses a proxy, because there the proxy sees neither token nor record; plain http is for loopback only.
    """
    return _proxy_for_host(host_of(url)) if url.startswith("https:") else None


@lru_cache(maxsize=64)  # the environment of a process does not change while it runs
def _proxy_for_host(host: str) -> str | None:
    proxy = getproxies().get("https")
    if not proxy or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


@lru_cache(maxsize=16)
def _timeout(total_s: float, connect_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total_s, sock_connect=connect_s)


async def _save(response: aiohttp.ClientResponse, into: Download) -> bool:
    """Write the body into its file; return False if it is too large.

    Raises:
        LocalDiskError: The file cannot be written.
    """
    with _map_disk_errors():
        into.file.seek(0)
        into.file.truncate()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        with _map_disk_errors():
            into.file.write(chunk)
            if into.file.tell() > into.max_bytes:
                return False
    with _map_disk_errors():
        into.file.flush()
    return True


class LocalDiskError(Exception):
    """The local disk failed.  Not an OSError, because those count as network failures here."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _map_disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LocalDiskError(error) from error


class ConnectionDroppedError(aiohttp.ClientError):
    """The connection broke during a request.  aiohttp does not repeat a request after an error of this class."""


async def _prevent_repeat(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a PUT, DELETE or GET after its kept-alive connection broke.

    aiohttp repeats these methods once after ServerDisconnectedError or ClientOSError (aiohttp 3.14, ``client.py``,
    ``retry_persistent_connection``), unnoticed by rate limiter and journal.  A client middleware runs inside that loop.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # aiohttp does not repeat it: there was no connection, nothing was sent
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            raise
        raise ConnectionDroppedError("connection closed") from error


def _connection_failure(error: aiohttp.ClientError) -> str:
    """Describe a failed connection without the exception's own text, which may contain the proxy's URL."""
    for kind, text in _NO_CONNECTION:
        if isinstance(error, kind):
            return text
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else None
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    return (cause.strerror if cause is not None else None) or "no connection"


def _response_failure(error: BaseException, timeout_s: float) -> str:
    match error:
        case TimeoutError():
            return f"no response within {timeout_s:g} s"
        case ConnectionDroppedError() | aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | ConnectionError():
            return "the connection was closed before the response"
        case aiohttp.ClientPayloadError():
            return "the response was cut off"
        case _:
            return f"the response cannot be read ({type(error).__name__})"
