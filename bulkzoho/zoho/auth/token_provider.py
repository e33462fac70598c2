"""Owner of the access token: hands it out and renews it once for all callers."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bulkzoho.domain.model.responses import NotSent, RateLimited, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.model.settings import ConnectionSettings
from bulkzoho.errors import AccessError
from bulkzoho.zoho.auth.datacenters import data_center_of, follows_api_domain, is_token_allowed, wrong_data_center
from bulkzoho.zoho.auth.token_cache import LockTimeoutError, StoredToken, TokenCache
from bulkzoho.zoho.auth.token_requests import ClientCredentialsGrant, request_token
from bulkzoho.zoho.auth.token_responses import TokenResponse
from bulkzoho.zoho.http.http_client import HttpClient, host_of

__all__ = ["AccessToken", "Renewal", "TokenProvider"]

REFRESH_MARGIN_S: Final = 60.0  # seconds before its expiry at which a token is renewed
MARGIN_SHARE: Final = 0.25  # the margin is at most this share of a short life
RETRY_AFTER_S: Final = 10.0  # seconds without another attempt after the renewal of a valid token failed
# After a rejection, a token that another process obtained within this time counts as newer than the rejection.  An older one
# may have been revoked together with ours, and a second rejection would end the run.
RECENT_S: Final = 60.0

_LOG = logging.getLogger(__name__)

Renewal = Succeeded | RateLimited | NotSent | ResponseLost


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """Access token in use.  ``serial`` counts the tokens of this process, so that a rejection names its token."""

    text: str = field(repr=False)
    serial: int
    expires_at: float  #: seconds since the epoch
    stale_at: float  #: seconds since the epoch; from then on it is renewed before use
    api_url: str  #: API host for this token
    api_domain: str | None = None  #: API host named by the accounts server
    scopes: tuple[str, ...] = ()  #: as far as the accounts server named them
    obtained_at: float = 0.0  #: seconds since the epoch


class TokenProvider:
    """Access token of all senders of the process and, through the cache, of the machine.

    Only one renewal runs at a time; the other callers wait for its result.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        http: HttpClient,
        cache: TokenCache | None = None,
        client_credentials: ClientCredentialsGrant | None = None,
        max_age_s: float = math.inf,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Provide the token of *settings*.

        With *client_credentials* no refresh token is used.  A cached token older than *max_age_s* seconds is ignored, so that the
        refresh token is tested.
        """
        self._settings = settings
        self._http = http
        self._cache = cache
        self._client_credentials = client_credentials
        self._max_age_s = max_age_s
        self._now = now
        self._token: AccessToken | None = None
        self._serial = 0
        self._renewing = asyncio.Lock()
        self._renewals = 0  # completed renewals
        self._last: Renewal = Succeeded()  # result of the last one
        self._final: AccessError | None = None  # a rejection that no later request can fix
        self._retry_at = 0.0  # loop time; until then a valid token is used without a renewal
        self._not_before = 0.0  # loop time; no request before, at the accounts server's request

    def __repr__(self) -> str:
        return f"<TokenProvider serial={self._serial}>"

    @property
    def current(self) -> AccessToken | None:
        """The token in use, valid or not."""
        return self._token

    async def token(self) -> AccessToken | NotSent | TokenRejected:
        """Return a valid token; renew it shortly before its expiry.

        While the old token is valid, a failed renewal is ignored.  After that, a rejection or a pause of the accounts server is
        returned as :class:`TokenRejected`: the caller has sent nothing, and :meth:`renew` raises the reason.
        """
        token, loop_time = self._token, asyncio.get_running_loop().time()
        if token is not None and self._now() < (token.stale_at if loop_time >= self._retry_at else token.expires_at):
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
            self._retry_at = loop_time + RETRY_AFTER_S
            return token
        match reply:
            case TokenRejected():
                return reply
            case RateLimited():
                return TokenRejected(token_serial=serial, code="TOKEN_REQUESTS_THROTTLED")
            case NotSent(reason=reason) | ResponseLost(reason=reason):
                return NotSent(reason=reason)

    async def renew(self, serial: int) -> Renewal:
        """Make sure that the token is newer than number *serial*.

        Raises:
            AccessError: The refresh token or the client was rejected, or the account is in another data center.
        """
        renewals = self._renewals
        async with self._renewing:
            if self._serial > serial:
                return Succeeded()
            if self._final is not None:
                raise _copy_error(self._final)
            if self._renewals != renewals:  # another caller renewed it meanwhile
                return self._last
            try:
                self._last = await self._renew()
            except AccessError as error:
                self._final = error
                _LOG.info("refresh rejected", extra={"code": error.code})
                raise
            self._renewals += 1  # a cancelled renewal does not count: the next waiting caller renews
            return self._last

    async def _renew(self) -> Renewal:
        pause_s = self._not_before - asyncio.get_running_loop().time()
        if pause_s > 0:
            return RateLimited(retry_after_s=pause_s)
        if self._cache is None:
            return await self._request()
        try:
            async with self._cache.locked() as cache:
                stored = cache.read()
                if stored is not None and self._is_better(stored):
                    self._adopt(stored, source="cache")
                    return Succeeded()
                return await self._request()
        except LockTimeoutError:
            return NotSent(reason="another process is still renewing the access token")

    def _is_better(self, stored: StoredToken) -> bool:
        """Return whether a token from the cache should be tried."""
        now = self._now()
        if now >= _stale_at(stored) or stored.obtained_at > now or now - stored.obtained_at > self._max_age_s:
            return False
        current = self._token
        if current is None:
            return True
        rejected = now < current.stale_at  # a renewal before the expiry follows a rejection
        return stored.access_token != current.text and (not rejected or now - stored.obtained_at < RECENT_S)

    async def _request(self) -> Renewal:
        response = await request_token(self._http, self._settings, self._client_credentials)
        if isinstance(response, NotSent | ResponseLost):
            return response
        if isinstance(response, RateLimited):
            self._not_before = asyncio.get_running_loop().time() + (response.retry_after_s or 0.0)
        if not isinstance(response, TokenResponse):
            return response
        now = self._now()
        stored = StoredToken(
            access_token=response.access_token,
            obtained_at=now,
            expires_at=now + response.life_s,
            api_domain=response.api_domain,
            scopes=response.scopes,
        )
        self._adopt(stored, source="accounts server")
        if self._cache is not None:
            self._cache.write(stored)
        return Succeeded()

    def _adopt(self, stored: StoredToken, *, source: str) -> None:
        """Make *stored* the token in use.

        Raises:
            AccessError: Its API host is in another data center than the configured one.
        """
        api_url = _choose_api_url(self._settings, stored.api_domain)
        if self._token is None or self._token.api_url != api_url:
            _LOG.info("data center resolved", extra={"host": host_of(api_url)})
        self._serial += 1
        _LOG.info("token renewed", extra={"kind": source, "expires_in_s": round(stored.expires_at - self._now())})
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


def _choose_api_url(settings: ConnectionSettings, api_domain: str | None) -> str:
    """Return the configured API host, else the token's own ``api_domain`` if it is in the data center."""
    if api_domain is None or not follows_api_domain(settings):
        return settings.api_url
    if is_token_allowed(api_domain, settings):
        return api_domain.rstrip("/")
    center = data_center_of(host_of(api_domain))
    if center is not None:
        raise wrong_data_center(center, host_of(settings.api_url))
    raise AccessError(
        f"the accounts server names {host_of(api_domain) or 'no host'} as the API host, which is not a host of Zoho.",
        hint="No token was sent to it. Check BULKZOHO_DC and BULKZOHO_ACCOUNTS_URL.",
        code="FOREIGN_HOST",
    )


def _copy_error(error: AccessError) -> AccessError:
    """Return a copy, because one exception raised in many tasks would collect their tracebacks."""
    return AccessError(error.message, hint=error.hint, code=error.code)
