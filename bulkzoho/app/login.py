"""Log in: turn credentials into a working profile, in whichever data center the account is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from bulkzoho.app.credentials import profile_store
from bulkzoho.app.login_exchange import LoginRequest, exchange_login, follow_token_data_center
from bulkzoho.app.session import open_visit_session
from bulkzoho.app.wiring import token_cache_of
from bulkzoho.domain.model.account import AccountSelection, LoginMethod, Profile, Secrets, SecretStorage
from bulkzoho.domain.model.metadata import Organization, User
from bulkzoho.errors import AccessError, BulkZohoError
from bulkzoho.interfaces import Progress
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount
from bulkzoho.zoho.auth.browser_redirect import LoopbackRedirect, consent_url, exchange_address
from bulkzoho.zoho.auth.datacenters import CREDENTIALS, connection_settings_from_env, data_center_of
from bulkzoho.zoho.auth.keyring_store import keyring_works
from bulkzoho.zoho.auth.token_cache import StoredToken
from bulkzoho.zoho.auth.token_requests import ClientCredentialsGrant
from bulkzoho.zoho.auth.token_responses import TokenResponse
from bulkzoho.zoho.http.http_client import HttpClient, host_of

__all__ = ["LoginResult", "log_in", "login_in_browser"]

CONNECT_TIMEOUT_S: Final = 10.0  # seconds; a user waits at the screen
CONSENT_TIMEOUT_S: Final = 300.0  # seconds for the consent in the browser


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginResult:
    """Saved profile with its organization and user."""

    profile: Profile
    organization: Organization
    user: User | None


async def login_in_browser(login: LoginRequest, *, port: int, show: Callable[[str], None]) -> LoginRequest:
    """Get consent in the browser and return *login* with the grant code; *show* receives the URL to open.

    Raises:
        AccessError: The user or Zoho refused, the browser did not return in time, or it named a foreign host.
        RunFailedError: The port is in use.
    """
    async with LoopbackRedirect(port) as redirect:
        show(
            consent_url(
                login.accounts,
                client_id=login.client_id,
                scopes=login.scopes,
                redirect_uri=redirect.uri,
                state=redirect.state,
            )
        )
        consent = await redirect.consent(CONSENT_TIMEOUT_S)
    address = exchange_address(consent, login.accounts)
    center = data_center_of(host_of(address))
    with_code = replace(login, code=consent.code, redirect_uri=redirect.uri)
    if center is not None:
        return replace(with_code, dc=center.name, accounts_url="")
    return replace(with_code, accounts_url=address if login.accounts_url else "")


async def log_in(login: LoginRequest, *, progress: Progress) -> LoginResult:
    """Exchange the credentials, save the profile, and check it with a call; the profile stays even if the check fails.

    Raises:
        AccessError: The login was rejected; the message names the credential or data center and the fix.
        UnreachableError: The accounts server or the CRM does not respond.
    """
    if login.keyring and not keyring_works():  # checked before the grant code is used up
        raise AccessError(
            "there is no working keyring.",
            hint="Install the extra (pip install 'bulkzoho[keyring]') and unlock the keyring, or use --store file.",
            code="NO_KEYRING",
        )
    async with HttpClient(connect_timeout_s=CONNECT_TIMEOUT_S) as http:
        token, login = await exchange_login(http, login, progress)
    login = follow_token_data_center(login, token, progress)
    refresh_token = token.refresh_token or login.refresh_token
    if login.method is not LoginMethod.CLIENT_CREDENTIALS and not refresh_token:
        raise AccessError(
            "the grant code returned an access token but no refresh token.",
            hint="Generate the code for a self client, or with offline access.",
            code="NO_REFRESH_TOKEN",
        )
    profile, secrets = _build_profile(login, token), Secrets(client_secret=login.client_secret, refresh_token=refresh_token)
    store = profile_store()
    saved = store.save(profile, secrets)
    chosen = _account_of(saved, secrets)
    await _cache_token(chosen, token)
    async with _explain_failed_check(saved), open_visit_session(chosen, progress=progress) as crm:
        organization, user = crm.organization, crm.user
    saved = store.save(
        replace(
            saved,
            org=organization.id,
            org_name=organization.name,
            org_type=organization.type or "",
            user=user.name if user else "",
        ),
        secrets,
    )
    return LoginResult(profile=saved, organization=organization, user=user)


def _build_profile(login: LoginRequest, token: TokenResponse) -> Profile:
    keyring = keyring_works() if login.keyring is None else login.keyring
    return Profile(
        name=login.profile,
        client_id=login.client_id,
        method=login.method,
        dc=login.dc,
        accounts_url=login.accounts_url,
        api_url=login.api_url,
        upload_url=login.upload_url,
        soid=f"ZohoCRM.{login.org}" if login.method is LoginMethod.CLIENT_CREDENTIALS else "",
        scopes=token.scopes or login.scopes if login.method is LoginMethod.CLIENT_CREDENTIALS else token.scopes,
        kept_in=SecretStorage.KEYRING if keyring else SecretStorage.FILE,
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _account_of(profile: Profile, secrets: Secrets) -> ResolvedAccount:
    by_client = profile.method is LoginMethod.CLIENT_CREDENTIALS
    return ResolvedAccount(
        settings=connection_settings_from_env(profile.environment(secrets), needed=CREDENTIALS[:2] if by_client else CREDENTIALS),
        profile=profile,
        client_credentials=ClientCredentialsGrant(organization=profile.soid, scopes=profile.scopes) if by_client else None,
        selection=AccountSelection(profile=profile.name),
    )


async def _cache_token(chosen: ResolvedAccount, token: TokenResponse) -> None:
    """Save the access token of the login in the token cache, so that no process requests another one."""
    now = time.time()
    async with token_cache_of(chosen).locked() as cache:
        cache.write(
            StoredToken(
                access_token=token.access_token,
                obtained_at=now,
                expires_at=now + token.life_s,
                api_domain=token.api_domain,
                scopes=token.scopes,
            )
        )


@asynccontextmanager
async def _explain_failed_check(profile: Profile) -> AsyncIterator[None]:
    """Add to the error of a failed check that the profile exists, because its grant code cannot be used again."""
    try:
        yield
    except BulkZohoError as error:
        message = f"profile {profile.name} was saved, but its check failed: {error.message}"
        raise type(error)(message, hint=error.hint, code=error.code) from error
