"""Explain an access error: token, scope, permission or data center, with the fix."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from bulkzoho.app.wiring import ApiClientParts
from bulkzoho.errors import AccessError
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount
from bulkzoho.zoho.auth.datacenter_discovery import data_centers_of_client, other_data_centers
from bulkzoho.zoho.auth.datacenters import DataCenter, data_center_of, wrong_data_center
from bulkzoho.zoho.auth.scopes import scope_of_call
from bulkzoho.zoho.http.http_client import host_of

__all__ = ["explain_access_error", "explain_access_errors", "login_command", "token_rate_limit_error"]

_DEAD_TOKEN: Final = frozenset({"INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"})
_PERMISSIONS: Final = {"GET": "View", "POST": "Create", "PUT": "Edit", "DELETE": "Delete"}


@asynccontextmanager
async def explain_access_errors(parts: ApiClientParts) -> AsyncIterator[None]:
    """Raise access errors with their cause and the fix."""
    try:
        yield
    except AccessError as error:
        raise await explain_access_error(error, parts) from error


async def explain_access_error(error: AccessError, parts: ApiClientParts) -> AccessError:
    """Return *error* with its cause and the fix.

    Other data centers are probed only if the client is unknown in its own; see :mod:`datacenter_discovery`.
    """
    match error.code:
        case "OAUTH_SCOPE_MISMATCH":
            return _scope(error, parts)
        case "NO_PERMISSION" | "AUTHORIZATION_FAILED":
            return _permission(error, parts)
        case "invalid_client" | "invalid_code":
            return await _client_elsewhere(error, parts)
        case code if code in _DEAD_TOKEN:
            return _dead_token(error, parts)
        case _:
            return error


def token_rate_limit_error() -> AccessError:
    """Return the error for too many token requests (docs "Token limits")."""
    return AccessError(
        "Zoho issues no more access tokens for now: ten were requested within ten minutes.",
        hint="Wait ten minutes and try again; earlier attempts extend the wait. Check what else uses this client.",
        code="TOKEN_REQUESTS_THROTTLED",
    )


def login_command(chosen: ResolvedAccount, *more: str) -> str:
    """Return the command that renews the login."""
    profile = ["--profile", chosen.profile.name] if chosen.profile else []
    return " ".join(["bulkzoho auth login", *profile, *more])


def _scope(error: AccessError, parts: ApiClientParts) -> AccessError:
    scope = scope_of_call(*parts.api_client.denied) if parts.api_client.denied else None
    message = f"{error.message.rstrip('.')}: it needs {scope}." if scope else error.message
    hint = f"Log in again with that scope, and resume: {login_command(parts.chosen)}"
    if parts.chosen.profile is None:
        hint += "; or set BULKZOHO_REFRESH_TOKEN to a token that has it"
    return AccessError(message, hint=hint, code=error.code)


def _permission(error: AccessError, parts: ApiClientParts) -> AccessError:
    method, path = parts.api_client.denied or ("", "")
    permission = "Create and Edit" if path.endswith("/upsert") else _PERMISSIONS.get(method)
    if permission is None:
        return error
    return AccessError(
        f"{error.message.rstrip('.')}: it needs the permission {permission}.",
        hint="Have an administrator grant it (Setup, Security Control, Profiles, the user's profile, the module), then resume.",
        code=error.code,
    )


async def _client_elsewhere(error: AccessError, parts: ApiClientParts) -> AccessError:
    settings = parts.chosen.settings
    homes = await data_centers_of_client(parts.http, settings.client_id, other_data_centers(settings.accounts_url))
    if error.code == "invalid_client" and len(homes) == 1:
        return wrong_data_center(homes[0], host_of(settings.accounts_url))
    hint = f"Log in again: {login_command(parts.chosen)}" if parts.chosen.profile else error.hint
    if homes:
        hint += f"; the client is also known in {_names(homes)}: if the account is there, use --dc {homes[0].name}"
    return AccessError(error.message, hint=hint, code=error.code)


def _dead_token(error: AccessError, parts: ApiClientParts) -> AccessError:
    """Distinguish a token of another data center, which its API host rejects from the start, from an expired one."""
    settings, token = parts.chosen.settings, parts.tokens.current
    host = host_of(token.api_url if token else settings.api_url)
    domain = host_of(token.api_domain) if token and token.api_domain else ""
    home = data_center_of(domain or host_of(settings.accounts_url))
    if home is not None and data_center_of(host) not in (home, None):
        return wrong_data_center(home, host)
    if domain and domain != host and data_center_of(host) == home is not None:
        return AccessError(
            f"the token is for {domain}, not for {host}: the account is another organization of the same data center.",
            hint="Unset BULKZOHO_API_URL: the token itself names its API host.",
            code="WRONG_DATA_CENTER",
        )
    return AccessError(
        f"{error.message.rstrip('.')}: the access token has expired or was revoked, and a new one was rejected too.",
        hint=f"Log in again: {login_command(parts.chosen)}; if that does not help, check the data center (BULKZOHO_DC or --dc).",
        code=error.code,
    )


def _names(centers: list[DataCenter]) -> str:
    return ", ".join(center.name.upper() for center in centers)
