"""Decode the accounts server's response to a token request.

The server reports errors with HTTP 200 and an ``error`` key; like Zoho's own SDK, this module looks for ``access_token`` and
never decides by the status alone.  Messages contain only error words of the usual form, no other part of the response.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeGuard

from bulkzoho.domain.model.responses import RateLimited, ResponseLost
from bulkzoho.errors import AccessError
from bulkzoho.zoho.http.http_client import HttpResponse

__all__ = ["GrantType", "TokenResponse", "describe_html_page", "parse_token_response"]

# Seconds to wait after "Access Denied"; the response names no time, and the server blocks for the rest of ten minutes (docs
# "Token limits": ten requests in ten minutes).  A retry each minute would fill the window again if rejected requests count.
THROTTLED_S: Final = 120.0
LIFE_S: Final = 3600.0  # docs "Access token expiry": one hour; used if the response has no value
_ERROR_WORD: Final = re.compile(r"[A-Za-z_ ]{1,40}")


class GrantType(StrEnum):
    """Credential of a token request; the values appear in messages."""

    REFRESH = "refresh token"
    CODE = "grant code"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResponse:
    """A new access token with its attributes."""

    access_token: str = field(repr=False)
    life_s: float
    api_domain: str | None
    refresh_token: str = field(default="", repr=False)  #: only for a grant code with offline access
    scopes: tuple[str, ...] = ()  #: only in newer responses


def parse_token_response(
    reply: HttpResponse, grant_type: GrantType = GrantType.REFRESH
) -> TokenResponse | RateLimited | ResponseLost:
    """Decode the response to a token request.

    Raises:
        AccessError: The server rejects the credential; the message names it and the remedy.
    """
    try:
        answer = json.loads(reply.body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        if reply.status == 429:  # noqa: PLR2004  Too Many Requests, also from a proxy
            return RateLimited(retry_after_s=THROTTLED_S)
        return ResponseLost(
            reason=f"the accounts server answered HTTP {reply.status} without JSON{describe_html_page(reply.body)}"
        )
    token = answer.get("access_token")
    if _is_token(token):
        domain, renewal, scope = answer.get("api_domain"), answer.get("refresh_token"), answer.get("scope")
        return TokenResponse(
            access_token=token,
            life_s=_life_s(answer),
            api_domain=domain if isinstance(domain, str) and domain else None,
            refresh_token=renewal if _is_token(renewal) else "",
            scopes=tuple(re.split(r"[,\s]+", scope.strip())) if isinstance(scope, str) and scope.strip() else (),
        )
    word = answer.get("error")
    if reply.status == 429 or (isinstance(word, str) and word.casefold() == "access denied"):  # noqa: PLR2004  as above
        return RateLimited(retry_after_s=THROTTLED_S)
    if reply.status >= 500:  # noqa: PLR2004  a server error
        return ResponseLost(reason=f"the accounts server answered HTTP {reply.status}")
    raise _rejection(
        word if isinstance(word, str) and _ERROR_WORD.fullmatch(word) else "no access token in the response", grant_type
    )


def describe_html_page(body: bytes) -> str:
    """Return a note if *body* is an HTML page."""
    return ": an HTML page of a proxy or portal" if body.lstrip()[:1] == b"<" else ""


def _is_token(text: Any) -> TypeGuard[str]:
    return isinstance(text, str) and bool(text) and text.isascii() and text.isprintable() and " " not in text


def _life_s(answer: dict[str, Any]) -> float:
    """Return seconds.  As in Zoho's SDK: next to ``expires_in_sec``, ``expires_in`` is in milliseconds."""
    for name in ("expires_in_sec", "expires_in"):
        try:
            life_s = float(answer[name])
        except (KeyError, TypeError, ValueError):
            continue
        if 0 < life_s < float("inf"):
            return life_s
    return LIFE_S


# message and hint by Zoho's error word; zoho-api 2.6
_REJECTIONS: Final = {
    "invalid_client": (
        "the client id is unknown in this data center (invalid_client).",
        "Check the client id and that BULKZOHO_DC (or --dc) is the data center where it is registered.",
    ),
    "invalid_client_secret": (
        "the client secret is wrong (invalid_client_secret).",
        "Copy the client secret (BULKZOHO_CLIENT_SECRET) from the API console of the same data center.",
    ),
    "invalid_redirect_uri": (
        "the client is registered with another redirect URI (invalid_redirect_uri).",
        "Register exactly the URI that the login shows in the API console, or set its port with --redirect-port.",
    ),
    "invalid_scope": (
        "the client is not allowed these scopes (invalid_scope).",
        "Request exactly the scopes that `bulkzoho auth login --help` lists.",
    ),
}
_INVALID_CODE: Final = {
    GrantType.REFRESH: (
        "the refresh token is not valid (invalid_code): it was revoked or mistyped, or it belongs to another client.",
        "Log in again: bulkzoho auth login; or set another BULKZOHO_REFRESH_TOKEN.",
    ),
    GrantType.CODE: (
        "the grant code is not valid (invalid_code): it was used already or has expired, or it belongs to another client.",
        "Generate a new one in the API console and use it immediately.",
    ),
    GrantType.CLIENT: (
        "the client is not allowed to use client credentials (invalid_code).",
        "Register a self client that allows client credentials, and check --org.",
    ),
}


def _rejection(word: str, grant_type: GrantType) -> AccessError:
    message, hint = _INVALID_CODE[grant_type] if word == "invalid_code" else _REJECTIONS.get(word, ("", ""))
    if message:
        return AccessError(message, hint=hint, code=word)
    return AccessError(
        f"the accounts server returned no access token ({word}).",
        hint=f"Check client id, client secret, {grant_type} and data center (BULKZOHO_DC or --dc).",
        code=word if _ERROR_WORD.fullmatch(word) and " " not in word else "NO_TOKEN",
    )
