"""Resolve the account of a command: options override the environment, the environment overrides the profile.

With an explicit ``--profile``, credentials and hosts in the environment are ignored, so that leftovers in a shell have no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.model.account import DEFAULT_ACCOUNT, AccountSelection, LoginMethod, Profile, checked_name
from bulkzoho.domain.model.settings import ConnectionSettings
from bulkzoho.errors import AccessError
from bulkzoho.zoho.auth.datacenters import CREDENTIALS, connection_settings_from_env, data_center
from bulkzoho.zoho.auth.profile_store import ProfileStore
from bulkzoho.zoho.auth.token_requests import ClientCredentialsGrant

__all__ = ["DEFAULT_PROFILE", "ResolvedAccount", "profile_to_use", "resolve_account"]

DEFAULT_PROFILE: Final = "default"
_HOSTS: Final = ("BULKZOHO_DC", "BULKZOHO_ACCOUNTS_URL", "BULKZOHO_API_URL", "BULKZOHO_UPLOAD_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedAccount:
    """Account that a command uses."""

    settings: ConnectionSettings
    profile: Profile | None = None  #: None: the environment alone
    client_credentials: ClientCredentialsGrant | None = None
    selection: AccountSelection = DEFAULT_ACCOUNT  #: selects the same account for a resume

    @property
    def name(self) -> str:
        """Source of the account, for messages."""
        return f"profile {self.profile.name}" if self.profile else "the environment"


def resolve_account(account: AccountSelection, env: Mapping[str, str], store: ProfileStore) -> ResolvedAccount:
    """Combine options, environment and profile into one account.

    Raises:
        AccessError: The profile, data center or API version does not exist, a credential is missing, or a URL is invalid.
    """
    explicit = account.profile is not None
    profile = profile_to_use(account, env, store)
    if account.dc is not None:
        data_center(account.dc)
    flags = {"BULKZOHO_DC": account.dc} if account.dc is not None else {}
    if profile is None:
        return ResolvedAccount(settings=connection_settings_from_env({**env, **flags}), selection=account)
    stored = profile.environment(store.secrets(profile))
    overrides = {name: value for name, value in env.items() if value and not (explicit and name in (*CREDENTIALS, *_HOSTS))}
    by_client = profile.method is LoginMethod.CLIENT_CREDENTIALS and not overrides.get("BULKZOHO_REFRESH_TOKEN")
    needed = CREDENTIALS[:2] if by_client else CREDENTIALS
    grant = ClientCredentialsGrant(organization=profile.soid, scopes=profile.scopes)
    return ResolvedAccount(
        settings=connection_settings_from_env({**stored, **overrides, **flags}, needed=needed),
        profile=profile,
        client_credentials=grant if by_client else None,
        selection=account if explicit else AccountSelection(dc=account.dc, begun_with=profile.name),
    )


def profile_to_use(account: AccountSelection, env: Mapping[str, str], store: ProfileStore) -> Profile | None:
    """Return the profile of a command; None means that the environment alone is used.

    ``--profile`` or ``BULKZOHO_PROFILE`` names it.  Otherwise an environment with all three credentials needs none.  Otherwise it
    is the profile of the resumed run, the one named ``default``, or the only one.

    Raises:
        AccessError: There is no profile of that name, or there are several and none is selected.
    """
    named = account.profile or env.get("BULKZOHO_PROFILE")
    if named:
        return store.get(checked_name(named))
    if all(env.get(name, "").strip() for name in CREDENTIALS):
        return None
    if account.begun_with is not None:
        return store.get(account.begun_with)
    profiles = {profile.name: profile for profile in store.all()}
    if DEFAULT_PROFILE in profiles or len(profiles) == 1:
        return profiles.get(DEFAULT_PROFILE) or next(iter(profiles.values()))
    if profiles:
        raise AccessError(
            f"there are several profiles: {', '.join(profiles)}.",
            hint="Select one with --profile or BULKZOHO_PROFILE.",
            code="NO_CREDENTIALS",
        )
    return None
