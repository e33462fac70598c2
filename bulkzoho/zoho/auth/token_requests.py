"""What is asked of the accounts server: a token for a refresh token, a grant code or a client, and the end of one.

Forms: Zoho's own Python SDK and docs "Access tokens"; client credentials after programs that use them (zoho-api 2.2 to 2.5).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from bulkzoho.domain.model.responses import NotSent, RateLimited, ResponseLost
from bulkzoho.domain.model.settings import ConnectionSettings
from bulkzoho.zoho.auth.token_responses import GrantType, TokenResponse, describe_html_page, parse_token_response
from bulkzoho.zoho.http.http_client import HttpClient, HttpResponse

__all__ = ["REQUEST_TIMEOUT_S", "ClientCredentialsGrant", "RevocationResult", "ask_for_token", "exchange_code", "revoke"]

REQUEST_TIMEOUT_S: Final = 30.0  # seconds for one request to the accounts server
TOKEN_PATH: Final = "/oauth/v2/token"  # noqa: S105  an address, no secret
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentialsGrant:
    """Client credentials: tokens for one organization, without a refresh token."""

    organization: str  #: what Zoho calls ``soid``: ``ZohoCRM.`` and the organization's ``zgid``
    scopes: tuple[str, ...]


class RevocationResult(Enum):
    """What became of a token that was to be revoked."""

    NOW = "now"
    UNKNOWN = "unknown"  #: the server knows no such token: it was revoked before


async def ask_for_token(
    line: HttpClient, settings: ConnectionSettings, server: ClientCredentialsGrant | None = None
) -> TokenResponse | RateLimited | NotSent | ResponseLost:
    """Ask for an access token, by the refresh token or, with *server*, by the client alone.

    Raises:
        AccessError: Refused; says which credential, and what to do.
    """
    form = {"client_id": settings.client_id, "client_secret": settings.client_secret}
    if server is None:
        form |= {"grant_type": "refresh_token", "refresh_token": settings.refresh_token}
        return await _grant(line, settings.accounts_url, form, GrantType.REFRESH)
    form |= {"grant_type": "client_credentials", "scope": ",".join(server.scopes), "soid": server.organization}
    return await _grant(line, settings.accounts_url, form, GrantType.CLIENT)


async def exchange_code(
    line: HttpClient, accounts_url: str, *, client_id: str, client_secret: str, code: str, redirect_uri: str = ""
) -> TokenResponse | RateLimited | NotSent | ResponseLost:
    """Exchange a grant code, which is thereby used up; a self client has no *redirect_uri*.

    Raises:
        AccessError: Refused; says which credential, and what to do.
    """
    form = {"grant_type": "authorization_code", "client_id": client_id, "client_secret": client_secret, "code": code}
    if redirect_uri:
        form["redirect_uri"] = redirect_uri
    return await _grant(line, accounts_url, form, GrantType.CODE)


async def revoke(line: HttpClient, accounts_url: str, token: str) -> RevocationResult | NotSent | ResponseLost:
    """Revoke a refresh token, and with it all its access tokens."""
    reply = await _post(line, f"{accounts_url}{TOKEN_PATH}/revoke", {"token": token})
    if not isinstance(reply, HttpResponse):
        return reply
    try:
        answer = json.loads(reply.body)
    except ValueError:
        return ResponseLost(
            reason=f"the accounts server answered HTTP {reply.status} without JSON{describe_html_page(reply.body)}"
        )
    if isinstance(answer, dict) and answer.get("status") == "success":  # exactly what Zoho's SDK looks at
        return RevocationResult.NOW
    if isinstance(answer, dict) and "error" in answer and reply.status < _SERVER_ERROR:
        return RevocationResult.UNKNOWN
    return ResponseLost(reason=f"the accounts server answered HTTP {reply.status}")


async def _grant(
    line: HttpClient, accounts_url: str, form: Mapping[str, str], asked: GrantType
) -> TokenResponse | RateLimited | NotSent | ResponseLost:
    reply = await _post(line, accounts_url + TOKEN_PATH, form)
    return parse_token_response(reply, asked) if isinstance(reply, HttpResponse) else reply


async def _post(line: HttpClient, url: str, form: Mapping[str, str]) -> HttpResponse | NotSent | ResponseLost:
    return await line.exchange("POST", url, timeout_s=REQUEST_TIMEOUT_S, headers={"Accept": "application/json"}, form=form)
