"""API client: one call with the right host, token and headers; returns the complete response."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from bulkzoho.domain.model.responses import NotSent, ResponseLost, TokenRejected
from bulkzoho.domain.model.settings import ConnectionSettings
from bulkzoho.interfaces.call_context import CURRENT_COST
from bulkzoho.zoho.api.response_decoder import RawResponse
from bulkzoho.zoho.auth.datacenters import is_token_allowed
from bulkzoho.zoho.auth.token_provider import Renewal, TokenProvider
from bulkzoho.zoho.http.http_client import Download, HttpClient, HttpResponse

__all__ = ["ApiClient"]

_DENIALS: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_RECORD_ID: Final = re.compile(r"[0-9]{10,}")
JSON_BODY: Final = {"Content-Type": "application/json"}  # the bulk endpoints answer 415 without it (docs v7 "Bulk Read")

_LOG = logging.getLogger(__name__)


class ApiClient:
    """Makes single calls, without retries and without rate limiting.

    Attributes:
        denied: Method and path of the last call that got a 401 or 403, so that a message can name the missing scope.
    """

    def __init__(self, settings: ConnectionSettings, *, http: HttpClient, tokens: TokenProvider) -> None:
        self._settings = settings
        self._http = http
        self._tokens = tokens
        self.denied: tuple[str, str] | None = None

    @property
    def api_version(self) -> str:
        """Version in paths, such as v8."""
        return self._settings.api_version

    async def renew_token(self, serial: int) -> Renewal:
        """Make sure that the token is newer than number *serial*; see :meth:`TokenProvider.renew`.

        Raises:
            AccessError: The refresh token or the client was rejected, or the account is in another data center.
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
        """Make one call to an API path or a full URL; *body* is JSON.

        The token is sent only to the connection's own hosts; a call to another URL has none.
        """
        all_headers = dict(headers or ())
        if body is not None:
            all_headers = {**JSON_BODY, **all_headers}
        url, serial = path_or_url, 0
        if path_or_url.startswith("/") or is_token_allowed(path_or_url, self._settings):
            token = await self._tokens.token()
            if isinstance(token, NotSent | TokenRejected):
                return token
            all_headers["Authorization"] = f"Zoho-oauthtoken {token.text}"
            serial = token.serial
            if path_or_url.startswith("/"):
                url = token.api_url + path_or_url
        started = time.perf_counter()
        reply = await self._http.exchange(
            method, url, timeout_s=self._settings.reply_timeout_s, headers=all_headers, params=params, data=body, into=into
        )
        if _LOG.isEnabledFor(logging.DEBUG):
            _log_call(method, url, reply, started)
        if not isinstance(reply, HttpResponse):
            return reply
        if reply.status in _DENIALS:
            self.denied = (method, path_or_url)
        return _raw_response(reply, serial)


def _log_call(method: str, url: str, reply: HttpResponse | NotSent | ResponseLost, started: float) -> None:
    status = reply.status if isinstance(reply, HttpResponse) else None
    cost = CURRENT_COST.get()
    path = _RECORD_ID.sub("{id}", urlsplit(url).path)
    ms = round(1000.0 * (time.perf_counter() - started))
    _LOG.debug(
        "call", extra={"method": method, "path": path, "status": status, "ms": ms, "credits": cost.credits if cost else None}
    )


def _raw_response(reply: HttpResponse, serial: int) -> RawResponse:
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
    """Return seconds since the epoch; cached, because responses of one second have the same date."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _retry_after_s(text: str | None, service_time: float | None) -> float | None:
    """Return the delay in seconds; a date counts from the response's own ``Date`` (RFC 9110, section 10.2.3)."""
    if not text:
        return None
    if _SECONDS.fullmatch(text.strip()):
        return float(text)
    until = _http_date(text)
    if until is None:
        return None
    return max(0.0, until - (service_time if service_time is not None else time.time()))
