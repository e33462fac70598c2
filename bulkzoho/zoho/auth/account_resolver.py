"""Which account a command uses: flags win over the environment, the environment over the profile.

An explicit ``--profile`` ignores the variables of credentials and hosts altogether: what it names is what is used, whatever a
shell has kept from earlier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bulkzoho.domain.model.settings import ConnectionSettings
from bulkzoho.errors import AccessError
from bulkzoho.zoho.auth.datacenters import CREDENTIALS, connection_settings_from_env, data_center
from bulkzoho.zoho.auth.profile import LoginMethod, Profile, checked_name
from bulkzoho.zoho.auth.profile_store import ProfileStore
from bulkzoho.zoho.auth.token_requests import ClientCredentialsGrant

__all__ = ["DEFAULT_PROFILE", "USUAL", "AccountSelection", "ResolvedAccount", "profile_to_use", "resolve_account"]

DEFAULT_PROFILE: Final = "default"
_HOSTS: Final = ("BULKZOHO_DC", "BULKZOHO_ACCOUNTS_URL", "BULKZOHO_API_URL", "BULKZOHO_UPLOAD_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSelection:
    """The account that was asked for on the command line, or with which a run began."""

    profile: str | None = None  #: ``--profile``
    dc: str | None = None  #: ``--dc``
    begun_with: str | None = None  #: the profile of the run that is resumed, when it was not named explicitly

    def to_json(self) -> dict[str, str]:
        """Give it as a run keeps it."""
        told = {"profile": self.profile, "dc": self.dc, "begun_with": self.begun_with}
        return {name: value for name, value in told.items() if value is not None}

    def over(self, run: Mapping[str, Any]) -> AccountSelection:
        """Give this account as asked for anew, else that with which the *run* began."""
        if self.profile is not None:
            return self
        return AccountSelection(profile=run.get("profile"), dc=self.dc or run.get("dc"), begun_with=run.get("begun_with"))


USUAL: Final = AccountSelection()
"""The account that is used when nothing is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedAccount:
    """The account that is used."""

    settings: ConnectionSettings
    profile: Profile | None = None  #: None: the environment alone
    server: ClientCredentialsGrant | None = None  #: client credentials
    account: AccountSelection = USUAL  #: with what a resume uses the same

    @property
    def name(self) -> str:
        """Where it comes from, in words."""
        return f"profile {self.profile.name}" if self.profile else "the environment"


def resolve_account(account: AccountSelection, env: Mapping[str, str], store: ProfileStore) -> ResolvedAccount:
    """Give the connection that flags, environment and profile describe together.

    Raises:
        AccessError: There is no such profile or data center, a credential is missing, or a URL is unusable.
        UsageError: The API version has no such name.
    """
    explicit = account.profile is not None
    profile = profile_to_use(account, env, store)
    if account.dc is not None:
        data_center(account.dc)
    flags = {"BULKZOHO_DC": account.dc} if account.dc is not None else {}
    if profile is None:
        return ResolvedAccount(settings=connection_settings_from_env({**env, **flags}), account=account)
    told = profile.environment(store.secrets(profile))
    over = {name: value for name, value in env.items() if value and not (explicit and name in (*CREDENTIALS, *_HOSTS))}
    by_client = profile.method is LoginMethod.CLIENT_CREDENTIALS and not over.get("BULKZOHO_REFRESH_TOKEN")
    needed = CREDENTIALS[:2] if by_client else CREDENTIALS
    return ResolvedAccount(
        settings=connection_settings_from_env({**told, **over, **flags}, needed=needed),
        profile=profile,
        server=ClientCredentialsGrant(organization=profile.soid, scopes=profile.scopes) if by_client else None,
        account=account if explicit else AccountSelection(dc=account.dc, begun_with=profile.name),
    )


def profile_to_use(account: AccountSelection, env: Mapping[str, str], store: ProfileStore) -> Profile | None:
    """Give the profile of a command; None means the environment alone.

    That is the one named by ``--profile``, or by ``BULKZOHO_PROFILE``.  Else an environment with all three credentials needs
    none.  Else it is the one that the run began with, the one called ``default``, or the only one.

    Raises:
        AccessError: There is no profile of that name, or there are several and none is named.
    """
    named = account.profile or env.get("BULKZOHO_PROFILE")
    if named:
        return store.get(checked_name(named))
    if all(env.get(name, "").strip() for name in CREDENTIALS):
        return None
    if account.begun_with is not None:
        return store.get(account.begun_with)
    kept = {one.name: one for one in store.all()}
    if DEFAULT_PROFILE in kept or len(kept) == 1:
        return kept.get(DEFAULT_PROFILE) or next(iter(kept.values()))
    if kept:
        raise AccessError(
            f"there are several profiles: {', '.join(kept)}.",
            hint="Name one with --profile or BULKZOHO_PROFILE.",
            code="NO_CREDENTIALS",
        )
    return None
