"""The owner of the access token: who may use it, when it is renewed, and that this happens once for everybody."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bulkzoho.domain.model.responses import NotSent, RateLimited, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.model.settings import ConnectionSettings
from bulkzoho.errors import AccessError
from bulkzoho.zoho.auth.datacenters import data_center_of, follows_api_domain, host_of, is_token_allowed, wrong_data_center
from bulkzoho.zoho.auth.token_cache import LockTimeoutError, StoredToken, TokenCache
from bulkzoho.zoho.auth.token_requests import ClientCredentialsGrant, ask_for_token
from bulkzoho.zoho.auth.token_responses import TokenResponse
from bulkzoho.zoho.http.http_client import HttpClient

__all__ = ["AccessToken", "Renewal", "TokenProvider"]

REFRESH_MARGIN_S: Final = 60.0  # seconds before its end at which a token is renewed
MARGIN_SHARE: Final = 0.25  # of a short life, the margin is at most this share
SPARED_S: Final = 10.0  # seconds for which nobody tries again after the renewal of a living token failed
# After a refusal a token that another process obtained within this time is taken for newer than the refusal; an older one
# may have died with ours (everything revoked), and a second refusal would end the run.
RECENT_S: Final = 60.0

Renewal = Succeeded | RateLimited | NotSent | ResponseLost


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token in use.  ``serial`` counts tokens of this process, so that a refusal names the one that was refused."""

    text: str = field(repr=False)
    serial: int
    expires_at: float  #: seconds since the epoch
    stale_at: float  #: seconds since the epoch; from then on it is renewed before use
    api_url: str  #: where it may be used
    api_domain: str | None = None  #: where the accounts server said the API is
    scopes: tuple[str, ...] = ()  #: what it may do, where the accounts server said so
    obtained_at: float = 0.0  #: seconds since the epoch


class TokenProvider:
    """Holds one access token for all senders of the process and, through the cache, for the machine.

    One renewal is under way at a time; everybody else waits for its result and asks nothing.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        line: HttpClient,
        cache: TokenCache | None = None,
        server: ClientCredentialsGrant | None = None,
        oldest_s: float = math.inf,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Keep the token of *settings*.

        *server* says that it is had by client credentials; a token of the cache that is older than *oldest_s* seconds is not
        taken, so that the refresh token is put to the test.
        """
        self._settings = settings
        self._line = line
        self._cache = cache
        self._server = server
        self._oldest_s = oldest_s
        self._now = now
        self._token: AccessToken | None = None
        self._serial = 0
        self._renewing = asyncio.Lock()
        self._renewals = 0  # that came to an end
        self._last: Renewal = Succeeded()  # how the last of them ended
        self._final: AccessError | None = None  # a refusal that no later request can cure
        self._spared_until = 0.0  # loop time; until then a token that lives is used to its end
        self._not_before = 0.0  # loop time; no request before, the accounts server said so

    def __repr__(self) -> str:
        return f"<TokenProvider serial={self._serial}>"

    @property
    def current(self) -> AccessToken | None:
        """The token in use, dead or alive."""
        return self._token

    async def token(self) -> AccessToken | NotSent | TokenRejected:
        """Give a token that is good to use now, renewed before its end.

        While the old one lives, trouble with its renewal stops nobody.  After that a refusal or a pause of the accounts server
        comes back as :class:`TokenRejected`: the caller has sent nothing, and whoever then calls :meth:`renew` learns why.
        """
        token, loop_time = self._token, asyncio.get_running_loop().time()
        if token is not None and self._now() < (token.stale_at if loop_time >= self._spared_until else token.expires_at):
            return token
        serial = self._serial
        try:
            reply: Renewal | TokenRejected = await self.renew(serial)
        except AccessError as error:
            reply = TokenRejected(token_serial=serial, code=error.code)
        if isinstance(reply, Succeeded):
            assert self._token is not None
            return self._token
        if token is not None and self._now() < token.expires_at:
            self._spared_until = loop_time + SPARED_S
            return token
        match reply:
            case TokenRejected():
                return reply
            case RateLimited():
                return TokenRejected(token_serial=serial, code="TOKEN_REQUESTS_THROTTLED")
            case NotSent(reason=reason) | ResponseLost(reason=reason):
                return NotSent(reason=reason)

    async def renew(self, serial: int) -> Renewal:
        """Have a newer token than number *serial*; a token that is newer already is kept.

        Raises:
            AccessError: The refresh token or the client was refused, or the account lives in another data center.
        """
        renewals = self._renewals
        async with self._renewing:
            if self._serial > serial:
                return Succeeded()
            if self._final is not None:
                raise _again(self._final)
            if self._renewals != renewals:  # somebody tried while this one waited
                return self._last
            try:
                self._last = await self._renew()
            except AccessError as error:
                self._final = error
                raise
            self._renewals += 1  # a cancelled one does not count: whoever waits must ask itself
            return self._last

    async def _renew(self) -> Renewal:
        pause_s = self._not_before - asyncio.get_running_loop().time()
        if pause_s > 0:
            return RateLimited(retry_after_s=pause_s)
        if self._cache is None:
            return await self._ask()
        try:
            async with self._cache.locked() as cache:
                stored = cache.read()
                if stored is not None and self._is_better(stored):
                    self._adopt(stored)
                    return Succeeded()
                return await self._ask()
        except LockTimeoutError:
            return NotSent(reason="another process has been renewing the access token for too long")

    def _is_better(self, stored: StoredToken) -> bool:
        """Whether a token that some process put into the cache is worth a try."""
        now = self._now()
        if now >= _stale_at(stored) or stored.obtained_at > now or now - stored.obtained_at > self._oldest_s:
            return False
        current = self._token
        if current is None:
            return True
        refused = now < current.stale_at  # it is renewed although it should have been good
        return stored.access_token != current.text and (not refused or now - stored.obtained_at < RECENT_S)

    async def _ask(self) -> Renewal:
        grant = await ask_for_token(self._line, self._settings, self._server)
        if isinstance(grant, NotSent | ResponseLost):
            return grant
        if isinstance(grant, RateLimited):
            self._not_before = asyncio.get_running_loop().time() + (grant.retry_after_s or 0.0)
        if not isinstance(grant, TokenResponse):
            return grant
        now = self._now()
        stored = StoredToken(
            access_token=grant.access_token,
            obtained_at=now,
            expires_at=now + grant.life_s,
            api_domain=grant.api_domain,
            scopes=grant.scopes,
        )
        self._adopt(stored)
        if self._cache is not None:
            self._cache.write(stored)
        return Succeeded()

    def _adopt(self, stored: StoredToken) -> None:
        """Make *stored* the token in use.

        Raises:
            AccessError: Its API host is in another data center than the one that was named.
        """
        api_url = _api_url(self._settings, stored.api_domain)
        self._serial += 1
        self._token = AccessToken(
            text=stored.access_token,
            serial=self._serial,
            expires_at=stored.expires_at,
            stale_at=_stale_at(stored),
            api_url=api_url,
            api_domain=stored.api_domain,
            scopes=stored.scopes,
            obtained_at=stored.obtained_at,
        )


def _stale_at(stored: StoredToken) -> float:
    life_s = stored.expires_at - stored.obtained_at
    return stored.expires_at - min(REFRESH_MARGIN_S, MARGIN_SHARE * life_s)


def _api_url(settings: ConnectionSettings, api_domain: str | None) -> str:
    """Choose the API host: the one that was given, else the token's own ``api_domain`` within the data center."""
    if api_domain is None or not follows_api_domain(settings):
        return settings.api_url
    if is_token_allowed(api_domain, settings):
        return api_domain.rstrip("/")
    center = data_center_of(host_of(api_domain))
    if center is not None:
        raise wrong_data_center(center, host_of(settings.api_url))
    raise AccessError(
        f"the accounts server sends to {host_of(api_domain) or 'an unknown host'}, no host of Zoho's: no token goes there.",
        hint="Check BULKZOHO_DC and BULKZOHO_ACCOUNTS_URL.",
        code="FOREIGN_HOST",
    )


def _again(error: AccessError) -> AccessError:
    """Give a fresh copy: one exception object raised in many tasks would collect their tracebacks."""
    return AccessError(error.message, hint=error.hint, code=error.code)
