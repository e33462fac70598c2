"""Calls to the API: the right host, the token where it may go, and the whole answer with what its headers say."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from bulkzoho.domain.model.responses import NotSent, ResponseLost, TokenRejected
from bulkzoho.domain.model.settings import ConnectionSettings
from bulkzoho.zoho.api.response_decoder import RawResponse
from bulkzoho.zoho.auth.datacenters import is_token_allowed
from bulkzoho.zoho.auth.token_provider import Renewal, TokenProvider
from bulkzoho.zoho.http.http_client import Download, HttpClient, HttpResponse

__all__ = ["ApiClient"]

_DENIALS: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
JSON_BODY: Final = {"Content-Type": "application/json"}  # the bulk endpoints answer 415 without it (docs v7 "Bulk Read")


class ApiClient:
    """Makes single calls.  Never repeats one, never waits for a quota.

    Attributes:
        denied: Method and path of the last call that was answered 401 or 403: whoever reports it can say what it needs.
    """

    def __init__(self, settings: ConnectionSettings, *, line: HttpClient, tokens: TokenProvider) -> None:
        self._settings = settings
        self._line = line
        self._tokens = tokens
        self.denied: tuple[str, str] | None = None

    @property
    def api_version(self) -> str:
        """The version in paths: v8."""
        return self._settings.api_version

    async def renew_token(self, serial: int) -> Renewal:
        """Have a newer token than number *serial*; see :meth:`TokenProvider.renew`.

        Raises:
            AccessError: The refresh token or the client was refused, or the account lives in another data center.
        """
        return await self._tokens.renew(serial)

    async def call(
        self,
        method: str,
        path_or_url: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        into: Download | None = None,
    ) -> RawResponse | NotSent | ResponseLost | TokenRejected:
        """Make one call to the API (a path) or to a whole URL; *body* is JSON.

        The token goes to the connection's own hosts alone, so a call to a foreign URL carries none.
        """
        sent = dict(headers or ())
        if body is not None:
            sent = {**JSON_BODY, **sent}
        url, serial = path_or_url, 0
        if path_or_url.startswith("/") or is_token_allowed(path_or_url, self._settings):
            token = await self._tokens.token()
            if isinstance(token, NotSent | TokenRejected):
                return token
            sent["Authorization"] = f"Zoho-oauthtoken {token.text}"
            serial = token.serial
            if path_or_url.startswith("/"):
                url = token.api_url + path_or_url
        reply = await self._line.exchange(
            method, url, timeout_s=self._settings.reply_timeout_s, headers=sent, params=params, body=body, into=into
        )
        if not isinstance(reply, HttpResponse):
            return reply
        if reply.status in _DENIALS:
            self.denied = (method, path_or_url)
        return _wire(reply, serial)


def _wire(reply: HttpResponse, serial: int) -> RawResponse:
    headers = reply.headers
    service_time = _http_date(headers.get("Date"))
    remaining = headers.get("X-API-CREDITS-REMAINING", "").strip()
    return RawResponse(
        status=reply.status,
        body=reply.body,
        token_serial=serial,
        service_time=service_time,
        retry_after_s=_retry_after_s(headers.get("Retry-After"), service_time),
        credits_remaining=int(remaining) if _INTEGER.fullmatch(remaining) else None,
    )


@lru_cache(maxsize=16)
def _http_date(text: str | None) -> float | None:
    """Give seconds since the epoch; answers of one second say the same."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _retry_after_s(text: str | None, service_time: float | None) -> float | None:
    """Read seconds, or a date as seconds after the answer's own ``Date`` (RFC 9110, section 10.2.3)."""
    if not text:
        return None
    if _SECONDS.fullmatch(text.strip()):
        return float(text)
    until = _http_date(text)
    if until is None:
        return None
    return max(0.0, until - (service_time if service_time is not None else time.time()))
