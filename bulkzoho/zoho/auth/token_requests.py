"""Requests to the accounts server: get an access token, exchange a grant code, revoke a token.

Forms: Zoho's own Python SDK and docs "Access tokens"; client credentials as other programs send them (zoho-api 2.2 to 2.5).
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

__all__ = ["REQUEST_TIMEOUT_S", "ClientCredentialsGrant", "RevocationResult", "exchange_code", "request_token", "revoke"]

REQUEST_TIMEOUT_S: Final = 30.0  # seconds for one request to the accounts server
TOKEN_PATH: Final = "/oauth/v2/token"  # noqa: S105  a path, not a secret
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentialsGrant:
    """Client credentials: access to one organization without a refresh token."""

    organization: str  #: what Zoho calls ``soid``: ``ZohoCRM.`` and the organization's ``zgid``
    scopes: tuple[str, ...]


class RevocationResult(Enum):
    """Result of a revocation."""

    NOW = "now"
    UNKNOWN = "unknown"  #: the server does not know the token: it was already revoked


async def request_token(
    http: HttpClient, settings: ConnectionSettings, client_credentials: ClientCredentialsGrant | None = None
) -> TokenResponse | RateLimited | NotSent | ResponseLost:
    """Request an access token with the refresh token or, if given, with *client_credentials*.

    Raises:
        AccessError: The request is rejected; the message names the credential and the remedy.
    """
    form = {"client_id": settings.client_id, "client_secret": settings.client_secret}
    if client_credentials is None:
        form |= {"grant_type": "refresh_token", "refresh_token": settings.refresh_token}
        return await _request(http, settings.accounts_url, form, GrantType.REFRESH)
    form |= {
        "grant_type": "client_credentials",
        "scope": ",".join(client_credentials.scopes),
        "soid": client_credentials.organization,
    }
    return await _request(http, settings.accounts_url, form, GrantType.CLIENT)


async def exchange_code(
    http: HttpClient, accounts_url: str, *, client_id: str, client_secret: str, code: str, redirect_uri: str = ""
) -> TokenResponse | RateLimited | NotSent | ResponseLost:
    """Exchange a grant code, which works only once; a self client has no *redirect_uri*.

    Raises:
        AccessError: The request is rejected; the message names the credential and the remedy.
    """
    form = {"grant_type": "authorization_code", "client_id": client_id, "client_secret": client_secret, "code": code}
    if redirect_uri:
        form["redirect_uri"] = redirect_uri
    return await _request(http, accounts_url, form, GrantType.CODE)


async def revoke(http: HttpClient, accounts_url: str, token: str) -> RevocationResult | NotSent | ResponseLost:
    """Revoke a refresh token and all its access tokens."""
    reply = await _post(http, f"{accounts_url}{TOKEN_PATH}/revoke", {"token": token})
    if not isinstance(reply, HttpResponse):
        return reply
    try:
        answer = json.loads(reply.body)
    except ValueError:
        return ResponseLost(
            reason=f"the accounts server answered HTTP {reply.status} without JSON{describe_html_page(reply.body)}"
        )
    if isinstance(answer, dict) and answer.get("status") == "success":  # the same test as in Zoho's SDK
        return RevocationResult.NOW
    if isinstance(answer, dict) and "error" in answer and reply.status < _SERVER_ERROR:
        return RevocationResult.UNKNOWN
    return ResponseLost(reason=f"the accounts server answered HTTP {reply.status}")


async def _request(
    http: HttpClient, accounts_url: str, form: Mapping[str, str], grant_type: GrantType
) -> TokenResponse | RateLimited | NotSent | ResponseLost:
    reply = await _post(http, accounts_url + TOKEN_PATH, form)
    return parse_token_response(reply, grant_type) if isinstance(reply, HttpResponse) else reply


async def _post(http: HttpClient, url: str, form: Mapping[str, str]) -> HttpResponse | NotSent | ResponseLost:
    return await http.exchange("POST", url, timeout_s=REQUEST_TIMEOUT_S, headers={"Accept": "application/json"}, data=form)
