"""Log in: turn what a person has into a profile that works, wherever the account lives."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from bulkzoho.app.login_exchange import LoginRequest, exchange_login, follow_token_data_center
from bulkzoho.app.module_browser import open_visit_session, profile_store
from bulkzoho.app.wiring import token_cache_of
from bulkzoho.domain.model.metadata import Organization, User
from bulkzoho.errors import AccessError, BulkZohoError
from bulkzoho.interfaces import Progress
from bulkzoho.zoho.auth.account_resolver import AccountSelection, ResolvedAccount
from bulkzoho.zoho.auth.browser_redirect import LoopbackRedirect, consent_url, exchange_address
from bulkzoho.zoho.auth.datacenters import CREDENTIALS, connection_settings_from_env, data_center_of
from bulkzoho.zoho.auth.keyring_store import keyring_works
from bulkzoho.zoho.auth.profile import LoginMethod, Profile, Secrets, SecretStorage
from bulkzoho.zoho.auth.token_cache import StoredToken
from bulkzoho.zoho.auth.token_requests import ClientCredentialsGrant
from bulkzoho.zoho.auth.token_responses import TokenResponse
from bulkzoho.zoho.http.http_client import HttpClient, host_of

__all__ = ["LoginResult", "log_in", "login_in_browser"]

CONNECT_TIMEOUT_S: Final = 10.0  # seconds; somebody waits at the screen
CONSENT_TIMEOUT_S: Final = 300.0  # seconds that a person may take in the browser


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginResult:
    """A profile that was kept, and what its first call told."""

    profile: Profile
    organization: Organization
    user: User | None


async def login_in_browser(login: LoginRequest, *, port: int, show: Callable[[str], None]) -> LoginRequest:
    """Have a person agree in the browser: *show* takes the address to open; give *login* with the code.

    Raises:
        AccessError: The person or Zoho refused, nobody came, or a foreign host was named.
        RunFailedError: The port is taken.
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
    brought = replace(login, code=consent.code, redirect_uri=redirect.uri)
    if center is not None:
        return replace(brought, dc=center.name, accounts_url="")
    return replace(brought, accounts_url=address if login.accounts_url else "")


async def log_in(login: LoginRequest, *, progress: Progress) -> LoginResult:
    """Exchange, keep, and check with a call; a login that was granted is kept even when the check fails.

    Raises:
        AccessError: Refused; says which credential or which data center, and what to do.
        UnreachableError: The accounts server or the CRM does not answer.
    """
    if login.keyring and not keyring_works():  # said before a code is used up
        raise AccessError(
            "no keyring works here.",
            hint="Install the extra (pip install 'bulkzoho[keyring]') and unlock it, or give --store file.",
            code="NO_KEYRING",
        )
    async with HttpClient(connect_timeout_s=CONNECT_TIMEOUT_S) as line:
        grant, home = await exchange_login(line, login, progress)
    home = follow_token_data_center(home, grant, progress)
    refresh_token = grant.refresh_token or home.refresh_token
    if home.method is not LoginMethod.CLIENT_CREDENTIALS and not refresh_token:
        raise AccessError(
            "the grant code gave an access token of one hour, and no refresh token.",
            hint="Generate the code for a self client, or with offline access.",
            code="NO_REFRESH_TOKEN",
        )
    profile, secrets = _profile(home, grant), Secrets(client_secret=home.client_secret, refresh_token=refresh_token)
    store = profile_store()
    kept = store.save(profile, secrets)
    chosen = _chosen(kept, secrets)
    await _keep_token(chosen, grant)
    async with _kept_anyway(kept), open_visit_session(chosen, progress=progress) as crm:
        organization, user = crm.organization, crm.user
    kept = store.save(
        replace(
            kept,
            org=organization.id,
            org_name=organization.name,
            org_type=organization.type or "",
            user=user.name if user else "",
        ),
        secrets,
    )
    return LoginResult(profile=kept, organization=organization, user=user)


def _profile(login: LoginRequest, grant: TokenResponse) -> Profile:
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
        scopes=grant.scopes or login.scopes if login.method is LoginMethod.CLIENT_CREDENTIALS else grant.scopes,
        kept_in=SecretStorage.KEYRING if keyring else SecretStorage.FILE,
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _chosen(profile: Profile, secrets: Secrets) -> ResolvedAccount:
    by_client = profile.method is LoginMethod.CLIENT_CREDENTIALS
    return ResolvedAccount(
        settings=connection_settings_from_env(profile.environment(secrets), needed=CREDENTIALS[:2] if by_client else CREDENTIALS),
        profile=profile,
        client_credentials=ClientCredentialsGrant(organization=profile.soid, scopes=profile.scopes) if by_client else None,
        selection=AccountSelection(profile=profile.name),
    )


async def _keep_token(chosen: ResolvedAccount, grant: TokenResponse) -> None:
    """Put the token that came with the login where every process looks first: it need not be asked for again."""
    now = time.time()
    async with token_cache_of(chosen).locked() as cache:
        cache.write(
            StoredToken(
                access_token=grant.access_token,
                obtained_at=now,
                expires_at=now + grant.life_s,
                api_domain=grant.api_domain,
                scopes=grant.scopes,
            )
        )


@asynccontextmanager
async def _kept_anyway(profile: Profile) -> AsyncIterator[None]:
    """Say of a check that failed that the profile is there all the same: a grant code cannot be used again."""
    try:
        yield
    except BulkZohoError as error:
        error.message = f"profile {profile.name} is kept, but its check failed: {error.message}"
        error.args = (error.message,)
        raise
