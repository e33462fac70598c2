"""Accounts that there are: list them, look at one, log out of one."""

from __future__ import annotations

import os
from dataclasses import dataclass

from bulkzoho.app.module_browser import open_visit_session, profile_store, select_account
from bulkzoho.app.wiring import open_api_client, token_cache_of
from bulkzoho.domain.model.metadata import Organization, User
from bulkzoho.errors import AccessError, UnreachableError
from bulkzoho.interfaces import Progress
from bulkzoho.zoho.auth.account_resolver import AccountSelection, ResolvedAccount, profile_to_use, resolve_account
from bulkzoho.zoho.auth.profile import Profile
from bulkzoho.zoho.auth.token_requests import RevocationResult, revoke

__all__ = ["AccountStatus", "LogoutResult", "account_status", "list_profiles", "log_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """An account that was let in."""

    chosen: ResolvedAccount
    organization: Organization
    user: User | None
    scopes: tuple[str, ...]  #: empty where nobody told them
    token_until: float  #: seconds since the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutResult:
    """A profile that is gone."""

    profile: Profile
    revoked: RevocationResult | None  #: None: nobody was asked to


def list_profiles() -> list[Profile]:
    """Give every profile of this home, by name."""
    return profile_store().all()


async def account_status(account: AccountSelection, *, progress: Progress) -> AccountStatus:
    """Look who is let in with the account that a command would use, in two calls.

    Raises:
        BulkZohoError: Nobody is, or the CRM does not answer.
    """
    chosen = select_account(account)
    async with open_visit_session(chosen, progress=progress) as crm:
        token = crm.tokens.current
        kept = chosen.profile.scopes if chosen.profile else ()
        return AccountStatus(
            chosen=chosen,
            organization=crm.organization,
            user=crm.user,
            scopes=(token.scopes if token else ()) or kept,
            token_until=token.expires_at if token else 0.0,
        )


async def log_out(account: AccountSelection, *, revoking: bool) -> LogoutResult:
    """Revoke the refresh token of a profile, unless it is not to be, and forget the profile.

    Raises:
        AccessError: There is no such profile, or none.
        UnreachableError: The accounts server does not answer; the profile is still there.
    """
    store = profile_store()
    named = {name: value for name, value in os.environ.items() if name == "BULKZOHO_PROFILE"}
    profile = profile_to_use(account, named, store)
    if profile is None:
        raise AccessError("there is no profile to log out of.", hint="`bulkzoho auth list` lists them.", code="NO_SUCH_PROFILE")
    chosen = resolve_account(AccountSelection(profile=profile.name), {}, store)
    revoked = await _revoke(chosen) if revoking and chosen.settings.refresh_token else None
    token_cache_of(chosen).delete()
    store.remove(profile)
    return LogoutResult(profile=profile, revoked=revoked)


async def _revoke(chosen: ResolvedAccount) -> RevocationResult:
    async with open_api_client(chosen) as wires:
        reply = await revoke(wires.http, chosen.settings.accounts_url, chosen.settings.refresh_token)
    if isinstance(reply, RevocationResult):
        return reply
    raise UnreachableError(
        f"the refresh token could not be revoked ({reply.reason}); the profile is still there.",
        hint="Try again; or forget it here alone with --no-revoke, and revoke it in Zoho's account settings.",
    )
