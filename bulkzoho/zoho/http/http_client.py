"""One HTTP exchange over one session, and what its failure means: nothing left, or nobody knows.

Knows no token and no word of Zoho's.  aiohttp is told not to repeat a request by itself and not to follow redirects: whoever
made the call decides about the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Self

import aiohttp
from aiohttp.hdrs import USER_AGENT

from bulkzoho.domain.model.responses import NotSent, ResponseLost
from bulkzoho.zoho.auth.datacenters import host_of
from bulkzoho.zoho.http.proxy import proxy_for

__all__ = ["Download", "HttpClient", "HttpResponse"]

# Seconds an idle connection is kept.  Shorter than servers and balancers keep theirs (commonly 20 to 75 s), so that a call
# seldom meets a connection that was closed a moment ago: such a call may have left, and an insert would be in doubt.
KEEPALIVE_S: Final = 15.0
MAX_CONNECTIONS: Final = 100  # the permit bounds calls in flight below this; here it only guards against a mistake
PIECE_BYTES: Final = 1 << 18
AGENT: Final = "bulkzoho"
_NEVER_REPEATED: Final = ("POST", "PATCH")  # by aiohttp itself, since they are not idempotent
_NO_CONNECTION: Final = (
    (aiohttp.ClientConnectorDNSError, "name not found"),
    (aiohttp.ClientConnectorCertificateError, "its certificate is not to be trusted"),
    (aiohttp.ClientSSLError, "TLS was not agreed"),
    (aiohttp.ConnectionTimeoutError, "no connection in time"),
    (aiohttp.ClientHttpProxyError, "the proxy let nothing through"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """One whole answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Download(NamedTuple):
    """Where a large answer goes."""

    file: BinaryIO
    max_bytes: int


class HttpClient:
    """The session.  Enter it once, in the event loop that makes the calls; safe for any number of calls at once."""

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
        body: bytes | None = None,
        form: Mapping[str, str] | None = None,
        into: Download | None = None,
    ) -> HttpResponse | NotSent | ResponseLost:
        """Make one request and read its whole answer within *timeout_s* seconds.

        The body of a 200 goes *into* a file if there is one, piece by piece; the answer's own is then empty.

        Raises nothing for what the network did.  Cancelling it cuts the call: it then may or may not have been done.

        Raises:
            OSError: The file that the answer goes *into* cannot be written.
        """
        assert self._session is not None, "the line is not open"
        timeout = _timeout(timeout_s, min(timeout_s, self._connect_timeout_s))
        try:
            async with self._session.request(
                method,
                url,
                params=params,
                data=body if form is None else form,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                proxy=proxy_for(url),
                middlewares=() if method in _NEVER_REPEATED else (_never_again,),
            ) as response:
                saving = into is not None and response.status == HTTPStatus.OK
                content = b"" if saving else await response.read()
                if saving and into is not None and not await _saved(response, into):
                    return ResponseLost(reason=f"{host_of(url)}: the answer has more than {into.max_bytes} bytes")
                return HttpResponse(status=response.status, body=content, headers=response.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError) as error:
            return NotSent(reason=f"{host_of(url)}: {_why_no_connection(error)}")
        except LocalDiskError as unsaved:
            raise unsaved.error from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return ResponseLost(reason=f"{host_of(url)}: {_why_no_answer(error, timeout_s)}")


@lru_cache(maxsize=16)
def _timeout(total_s: float, connect_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total_s, sock_connect=connect_s)


async def _saved(response: aiohttp.ClientResponse, into: Download) -> bool:
    """Write the body into its file; False when it is larger than it may be.

    Raises:
        _UnsavedError: The file cannot be written.
    """
    with _our_disk():
        into.file.seek(0)
        into.file.truncate()
    async for piece in response.content.iter_chunked(PIECE_BYTES):
        with _our_disk():
            into.file.write(piece)
            if into.file.tell() > into.max_bytes:
                return False
    with _our_disk():
        into.file.flush()
    return True


class LocalDiskError(Exception):
    """Our own disk failed: no OSError itself, lest it be taken for what the network did."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _our_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LocalDiskError(error) from error


class ConnectionDroppedError(aiohttp.ClientError):
    """The connection went away under a request.  Of a kind that aiohttp does not answer with a second request."""


async def _never_again(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a PUT, DELETE or GET whose kept-alive connection broke.

    It does so once for these methods when it sees ServerDisconnectedError or ClientOSError (aiohttp 3.14, ``client.py``,
    ``retry_persistent_connection``), unseen by quota and journal.  A client middleware stands inside of that loop.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # never repeated by aiohttp: no connection, nothing left
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            raise
        raise ConnectionDroppedError("connection closed") from error


def _why_no_connection(error: aiohttp.ClientError) -> str:
    """Say it without the exception's own text, which may hold the proxy's URL."""
    for kind, words in _NO_CONNECTION:
        if isinstance(error, kind):
            return words
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else None
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    return (cause.strerror if cause is not None else None) or "no connection"


def _why_no_answer(error: BaseException, timeout_s: float) -> str:
    match error:
        case TimeoutError():
            return f"no answer within {timeout_s:g} s"
        case ConnectionDroppedError() | aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | ConnectionError():
            return "the connection was closed before the answer"
        case aiohttp.ClientPayloadError():
            return "the answer was cut off"
        case _:
            return f"the answer could not be read ({type(error).__name__})"
