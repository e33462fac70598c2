"""Browser login: the consent URL, and the loopback listener that receives the grant code."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode

from aiohttp import web

from bulkzoho.errors import AccessError, RunFailedError
from bulkzoho.zoho.auth.datacenters import data_center_of, is_loopback
from bulkzoho.zoho.http.http_client import host_of

__all__ = ["AuthorizationResponse", "LoopbackRedirect", "consent_url", "exchange_address"]

HOST: Final = "127.0.0.1"
PATH: Final = "/callback"
DONE: Final = "Login complete. You can close this window.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationResponse:
    """Grant code that the browser delivered."""

    code: str = field(repr=False)
    accounts_server: str  #: where to exchange the code; empty: the server of the consent URL


def consent_url(accounts_url: str, *, client_id: str, scopes: Sequence[str], redirect_uri: str, state: str) -> str:
    """Return the URL of the consent page (docs "Authorization request"; offline: with a refresh token)."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "scope": ",".join(scopes),
        "redirect_uri": redirect_uri,
        "access_type": "offline",
        "prompt": "consent",
        "state": state,
    }
    return f"{accounts_url}/oauth/v2/auth?{urlencode(query)}"


def exchange_address(consent: AuthorizationResponse, accounts_url: str) -> str:
    """Return the accounts server that exchanges the code; the redirect may name one of another data center.

    Raises:
        AccessError: It names a host that is not an accounts server; no secret may go there.
    """
    server = consent.accounts_server.rstrip("/")
    if not server or server == accounts_url:
        return accounts_url
    host = host_of(server)
    center = data_center_of(host)
    if center is not None and server == f"https://{center.accounts}":
        return server
    if is_loopback(host) and is_loopback(host_of(accounts_url)):
        return server
    raise AccessError(
        f"the redirect names {host or 'no host'} as the accounts server, which is not a host of Zoho; nothing was sent to it.",
        hint="Start the login again and open the URL that it shows.",
        code="FOREIGN_HOST",
    )


class LoopbackRedirect:
    """Listener on loopback for one login.

    Attributes:
        state: Value that the redirect must carry, so that no other page can inject a code.
    """

    def __init__(self, port: int) -> None:
        self.state = secrets.token_urlsafe(24)
        self._port = port
        self._received: asyncio.Future[AuthorizationResponse] = asyncio.get_running_loop().create_future()
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.5)

    @property
    def uri(self) -> str:
        """The redirect URI, which must be registered exactly like this."""
        return f"http://{HOST}:{self._port}{PATH}"

    async def __aenter__(self) -> Self:
        """Start to listen.

        Raises:
            RunFailedError: The port is taken.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self._port, reuse_address=True).start()
        except OSError as error:
            await self._runner.cleanup()
            raise RunFailedError(
                f"cannot listen on {HOST}:{self._port} for the browser login.",
                hint="Register another redirect URI in the API console and set its port with --redirect-port.",
                code="PORT_TAKEN",
            ) from error
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._received.cancel()
        await self._runner.cleanup()

    async def consent(self, timeout_s: float) -> AuthorizationResponse:
        """Wait for the redirect.

        Raises:
            AccessError: The user or Zoho refused consent, or there was no redirect within *timeout_s* seconds.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._received
        except TimeoutError:
            raise AccessError(
                f"the browser login was not completed within {timeout_s / 60:.0f} minutes.",
                hint="Start again; on a machine without a browser use --method self-client.",
                code="NO_CONSENT",
            ) from None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != PATH or request.method != "GET":
            return web.Response(status=404, text="not found\n")
        query = request.query
        if not hmac.compare_digest(query.get("state", "").encode(), self.state.encode()):
            return web.Response(status=400, text="this request does not belong to the current login\n")
        if not self._received.done():
            self._complete(query)
        return web.Response(text=DONE, headers={"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})

    def _complete(self, query: Mapping[str, str]) -> None:
        code = query.get("code", "")
        if code:
            self._received.set_result(AuthorizationResponse(code=code, accounts_server=query.get("accounts-server", "")))
            return
        word = "".join(letter for letter in query.get("error", "")[:40] if letter.isalpha() or letter in "_ ")
        error = AccessError(
            f"consent was refused ({word or 'no code'}).",
            hint="Start again and accept in the browser.",
            code="NO_CONSENT",
        )
        self._received.set_exception(error)
