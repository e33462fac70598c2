"""Profiles: list them, show the status of an account, log out."""

from __future__ import annotations

import os
from dataclasses import dataclass

from bulkzoho.app.credentials import profile_store, select_account
from bulkzoho.app.session import open_visit_session
from bulkzoho.app.wiring import open_api_client, token_cache_of
from bulkzoho.domain.model.account import AccountSelection, Profile
from bulkzoho.domain.model.metadata import Organization, User
from bulkzoho.errors import AccessError, UnreachableError
from bulkzoho.interfaces import Progress
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount, profile_to_use, resolve_account
from bulkzoho.zoho.auth.token_requests import RevocationResult, revoke

__all__ = ["AccountStatus", "LogoutResult", "RevocationResult", "account_status", "list_profiles", "log_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """Status of an authorized account."""

    chosen: ResolvedAccount
    organization: Organization
    user: User | None
    scopes: tuple[str, ...]  #: empty if unknown
    token_until: float  #: seconds since the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutResult:
    """Result of a logout."""

    profile: Profile
    revoked: RevocationResult | None  #: None: no revocation was requested


def list_profiles() -> list[Profile]:
    """Return all profiles, sorted by name."""
    return profile_store().all()


async def account_status(account: AccountSelection, *, progress: Progress) -> AccountStatus:
    """Return the status of the account that a command would use, in two calls.

    Raises:
        BulkZohoError: The account is not authorized, or the CRM does not respond.
    """
    chosen = select_account(account)
    async with open_visit_session(chosen, progress=progress) as crm:
        token = crm.tokens.current
        stored = chosen.profile.scopes if chosen.profile else ()
        return AccountStatus(
            chosen=chosen,
            organization=crm.organization,
            user=crm.user,
            scopes=(token.scopes if token else ()) or stored,
            token_until=token.expires_at if token else 0.0,
        )


async def log_out(account: AccountSelection, *, revoking: bool) -> LogoutResult:
    """Delete a profile; if *revoking*, revoke its refresh token first.

    Raises:
        AccessError: There is no such profile.
        UnreachableError: The accounts server does not respond; the profile was not deleted.
    """
    store = profile_store()
    named = {name: value for name, value in os.environ.items() if name == "BULKZOHO_PROFILE"}
    profile = profile_to_use(account, named, store)
    if profile is None:
        raise AccessError(
            "there is no profile to log out of.", hint="`bulkzoho auth list` shows all profiles.", code="NO_SUCH_PROFILE"
        )
    chosen = resolve_account(AccountSelection(profile=profile.name), {}, store)
    revoked = await _revoke(chosen) if revoking and chosen.settings.refresh_token else None
    token_cache_of(chosen).delete()
    store.remove(profile)
    return LogoutResult(profile=profile, revoked=revoked)


async def _revoke(chosen: ResolvedAccount) -> RevocationResult:
    async with open_api_client(chosen) as parts:
        reply = await revoke(parts.http, chosen.settings.accounts_url, chosen.settings.refresh_token)
    if isinstance(reply, RevocationResult):
        return reply
    raise UnreachableError(
        f"the refresh token was not revoked ({reply.reason}); the profile was not deleted.",
        hint="Try again; or delete only the profile with --no-revoke, and revoke the token in Zoho's account settings.",
    )
