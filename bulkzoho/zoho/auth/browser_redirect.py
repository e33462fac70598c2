"""Let the browser bring a grant code: the address that it opens, and the loopback address to which it comes back."""

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
from bulkzoho.zoho.auth.datacenters import data_center_of, host_of, is_loopback

__all__ = ["AuthorizationResponse", "LoopbackRedirect", "consent_url", "exchange_address"]

HOST: Final = "127.0.0.1"
PATH: Final = "/callback"
DONE: Final = "bulkzoho has what it needs. You may close this window.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationResponse:
    """What the browser brought."""

    code: str = field(repr=False)
    accounts_server: str  #: where the code is to be exchanged; empty: where it was asked for


def consent_url(accounts_url: str, *, client_id: str, scopes: Sequence[str], redirect_uri: str, state: str) -> str:
    """Give the address that a person opens to agree (docs "Authorization request"; offline: with a refresh token)."""
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "scope": ",".join(scopes),
        "redirect_uri": redirect_uri,
        "access_type": "offline",
        "prompt": "consent",
        "state": state,
    }
    return f"{accounts_url}/oauth/v2/auth?{urlencode(asked)}"


def exchange_address(consent: AuthorizationResponse, asked: str) -> str:
    """Give the accounts server at which the code is exchanged; the redirect may name that of another data center.

    Raises:
        AccessError: It names a host that is no accounts server: no secret goes there.
    """
    told = consent.accounts_server.rstrip("/")
    if not told or told == asked:
        return asked
    host = host_of(told)
    center = data_center_of(host)
    if center is not None and told == f"https://{center.accounts}":
        return told
    if is_loopback(host) and is_loopback(host_of(asked)):
        return told
    raise AccessError(
        f"the browser names {host or 'nothing'} as the accounts server, which is none of Zoho's: nothing is sent there.",
        hint="Begin the login anew, from the address that it shows.",
        code="FOREIGN_HOST",
    )


class LoopbackRedirect:
    """A listener on loopback for one consent.

    Attributes:
        state: What the answer must carry, so that no other page can bring a code of its own.
    """

    def __init__(self, port: int) -> None:
        self.state = secrets.token_urlsafe(24)
        self._port = port
        self._brought: asyncio.Future[AuthorizationResponse] = asyncio.get_running_loop().create_future()
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0.5)

    @property
    def uri(self) -> str:
        """The redirect address, which must be registered letter by letter."""
        return f"http://{HOST}:{self._port}{PATH}"

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            RunFailedError: The port is taken.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self._port, reuse_address=True).start()
        except OSError as error:
            await self._runner.cleanup()
            raise RunFailedError(
                f"{HOST}:{self._port} cannot be listened on, so the browser could not come back.",
                hint="Register another address in the API console and name its port with --redirect-port.",
                code="PORT_TAKEN",
            ) from error
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._brought.cancel()
        await self._runner.cleanup()

    async def consent(self, timeout_s: float) -> AuthorizationResponse:
        """Wait until the browser comes back.

        Raises:
            AccessError: The person or Zoho refused, or nobody came for *timeout_s* seconds.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._brought
        except TimeoutError:
            raise AccessError(
                f"no browser came back within {timeout_s / 60:.0f} minutes.",
                hint="Begin again; on a machine without a browser use --method self-client.",
                code="NO_CONSENT",
            ) from None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != PATH or request.method != "GET":
            return web.Response(status=404, text="nothing is here\n")
        told = request.query
        if not hmac.compare_digest(told.get("state", "").encode(), self.state.encode()):
            return web.Response(status=400, text="this does not come from the login that waits here\n")
        if not self._brought.done():
            self._take(told)
        return web.Response(text=DONE, headers={"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})

    def _take(self, told: Mapping[str, str]) -> None:
        code = told.get("code", "")
        if code:
            self._brought.set_result(AuthorizationResponse(code=code, accounts_server=told.get("accounts-server", "")))
            return
        word = "".join(letter for letter in told.get("error", "")[:40] if letter.isalpha() or letter in "_ ")
        error = AccessError(
            f"there was no consent ({word or 'no code'}).",
            hint="Begin again, and agree in the browser.",
            code="NO_CONSENT",
        )
        self._brought.set_exception(error)
