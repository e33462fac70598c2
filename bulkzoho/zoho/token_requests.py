"""What is asked of the accounts server: a token for a refresh token, a grant code or a client, and the end of one.

Forms: Zoho's own Python SDK and docs "Access tokens"; client credentials after programs that use them (zoho-api 2.2 to 2.5).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from bulkzoho.model.replies import Lost, NothingLeft, Throttled
from bulkzoho.model.settings import ConnectionSettings
from bulkzoho.zoho.line import HttpReply, Line
from bulkzoho.zoho.token_grants import Asked, Grant, a_page, grant_from

__all__ = ["REQUEST_TIMEOUT_S", "Revoked", "ServerGrant", "ask_for_token", "exchange_code", "revoke"]

REQUEST_TIMEOUT_S: Final = 30.0  # seconds for one request to the accounts server
TOKEN_PATH: Final = "/oauth/v2/token"  # noqa: S105  an address, no secret
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerGrant:
    """Client credentials: tokens for one organization, without a refresh token."""

    organization: str  #: what Zoho calls ``soid``: ``ZohoCRM.`` and the organization's ``zgid``
    scopes: tuple[str, ...]


class Revoked(Enum):
    """What became of a token that was to be revoked."""

    NOW = "now"
    UNKNOWN = "unknown"  #: the server knows no such token: it was revoked before


async def ask_for_token(
    line: Line, settings: ConnectionSettings, server: ServerGrant | None = None
) -> Grant | Throttled | NothingLeft | Lost:
    """Ask for an access token, by the refresh token or, with *server*, by the client alone.

    Raises:
        AccessError: Refused; says which credential, and what to do.
    """
    form = {"client_id": settings.client_id, "client_secret": settings.client_secret}
    if server is None:
        form |= {"grant_type": "refresh_token", "refresh_token": settings.refresh_token}
        return await _grant(line, settings.accounts_url, form, Asked.REFRESH)
    form |= {"grant_type": "client_credentials", "scope": ",".join(server.scopes), "soid": server.organization}
    return await _grant(line, settings.accounts_url, form, Asked.CLIENT)


async def exchange_code(
    line: Line, accounts_url: str, *, client_id: str, client_secret: str, code: str, redirect_uri: str = ""
) -> Grant | Throttled | NothingLeft | Lost:
    """Exchange a grant code, which is thereby used up; a self client has no *redirect_uri*.

    Raises:
        AccessError: Refused; says which credential, and what to do.
    """
    form = {"grant_type": "authorization_code", "client_id": client_id, "client_secret": client_secret, "code": code}
    if redirect_uri:
        form["redirect_uri"] = redirect_uri
    return await _grant(line, accounts_url, form, Asked.CODE)


async def revoke(line: Line, accounts_url: str, token: str) -> Revoked | NothingLeft | Lost:
    """Revoke a refresh token, and with it all its access tokens."""
    reply = await _post(line, f"{accounts_url}{TOKEN_PATH}/revoke", {"token": token})
    if not isinstance(reply, HttpReply):
        return reply
    try:
        answer = json.loads(reply.body)
    except ValueError:
        return Lost(reason=f"the accounts server answered HTTP {reply.status} without JSON{a_page(reply.body)}")
    if isinstance(answer, dict) and answer.get("status") == "success":  # exactly what Zoho's SDK looks at
        return Revoked.NOW
    if isinstance(answer, dict) and "error" in answer and reply.status < _SERVER_ERROR:
        return Revoked.UNKNOWN
    return Lost(reason=f"the accounts server answered HTTP {reply.status}")


async def _grant(line: Line, accounts_url: str, form: Mapping[str, str], asked: Asked) -> Grant | Throttled | NothingLeft | Lost:
    reply = await _post(line, accounts_url + TOKEN_PATH, form)
    return grant_from(reply, asked) if isinstance(reply, HttpReply) else reply


async def _post(line: Line, url: str, form: Mapping[str, str]) -> HttpReply | NothingLeft | Lost:
    return await line.exchange("POST", url, timeout_s=REQUEST_TIMEOUT_S, headers={"Accept": "application/json"}, form=form)
