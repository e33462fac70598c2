"""What the accounts server answers to a request for a token, decoded.

It answers errors with HTTP 200 and an ``error`` key; like Zoho's own SDK this decides by the presence of ``access_token`` and
never by the status alone.  Nothing of an answer is echoed but error words of the usual form.
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

# Seconds to leave the accounts server alone after "Access Denied"; it names none, and blocks for the rest of ten minutes (docs
# "Token limits": ten requests in ten minutes).  Asking each minute would fill the window again, should refused requests count.
THROTTLED_S: Final = 120.0
LIFE_S: Final = 3600.0  # docs "Access token expiry": one hour, when the answer does not say
_ERROR_WORD: Final = re.compile(r"[A-Za-z_ ]{1,40}")


class GrantType(StrEnum):
    """What a token was asked for with; the words stand in messages."""

    REFRESH = "refresh token"
    CODE = "grant code"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResponse:
    """A new access token, and what came with it."""

    access_token: str = field(repr=False)
    life_s: float
    api_domain: str | None
    refresh_token: str = field(default="", repr=False)  #: for a grant code with offline access only
    scopes: tuple[str, ...] = ()  #: newer answers tell them


def parse_token_response(reply: HttpResponse, asked: GrantType = GrantType.REFRESH) -> TokenResponse | RateLimited | ResponseLost:
    """Decode the answer to a request for a token.

    Raises:
        AccessError: The refresh token or the client is refused; says which, and what to do.
    """
    try:
        answer = json.loads(reply.body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        if reply.status == 429:  # noqa: PLR2004  Too Many Requests, whoever says so
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
    if reply.status >= 500:  # noqa: PLR2004  the server's own trouble
        return ResponseLost(reason=f"the accounts server answered HTTP {reply.status}")
    raise _refused(word if isinstance(word, str) and _ERROR_WORD.fullmatch(word) else "no access token in the answer", asked)


def describe_html_page(body: bytes) -> str:
    """Say so when *body* is a page for people."""
    return ": a page of a proxy or a portal" if body.lstrip()[:1] == b"<" else ""


def _is_token(text: Any) -> TypeGuard[str]:
    return isinstance(text, str) and bool(text) and text.isascii() and text.isprintable() and " " not in text


def _life_s(answer: dict[str, Any]) -> float:
    """Give seconds; the rule of Zoho's SDK: beside ``expires_in_sec``, ``expires_in`` is in milliseconds."""
    for name in ("expires_in_sec", "expires_in"):
        try:
            life_s = float(answer[name])
        except (KeyError, TypeError, ValueError):
            continue
        if 0 < life_s < float("inf"):
            return life_s
    return LIFE_S


# zoho-api 2.6; what is said and what is to be done, by Zoho's word
_REMEDIES: Final = {
    "invalid_client": (
        "the client id is not known here (invalid_client).",
        "Check the client id, and that BULKZOHO_DC (or --dc) names the data center where it was registered.",
    ),
    "invalid_client_secret": (
        "the client secret is wrong (invalid_client_secret).",
        "Copy the client secret (BULKZOHO_CLIENT_SECRET) from the API console of the same data center.",
    ),
    "invalid_redirect_uri": (
        "the client was registered with another redirect address (invalid_redirect_uri).",
        "Register in the API console exactly the address that the login shows, or give its port with --redirect-port.",
    ),
    "invalid_scope": (
        "the client may not have these scopes (invalid_scope).",
        "Ask for the scopes that `bulkzoho auth login --help` names, letter by letter.",
    ),
}
_NOT_VALID: Final = {
    GrantType.REFRESH: (
        "the refresh token is not valid (invalid_code): it was revoked, mistyped, or belongs to another client.",
        "Log in again: bulkzoho auth login; or set BULKZOHO_REFRESH_TOKEN anew.",
    ),
    GrantType.CODE: (
        "the grant code is not valid (invalid_code): it was used before, has expired, or belongs to another client.",
        "Generate a new one in the API console and use it at once.",
    ),
    GrantType.CLIENT: (
        "the client may not log in by itself (invalid_code).",
        "Register it as a self client that allows client credentials, and check --org.",
    ),
}


def _refused(word: str, asked: GrantType) -> AccessError:
    message, hint = _NOT_VALID[asked] if word == "invalid_code" else _REMEDIES.get(word, ("", ""))
    if message:
        return AccessError(message, hint=hint, code=word)
    return AccessError(
        f"the accounts server gives no access token ({word}).",
        hint=f"Check client id, client secret, {asked} and data center (BULKZOHO_DC or --dc).",
        code=word if _ERROR_WORD.fullmatch(word) and " " not in word else "NO_TOKEN",
    )
