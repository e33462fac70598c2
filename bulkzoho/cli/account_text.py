"""An account as text and as JSON, without its secrets."""

from __future__ import annotations

from typing import Any

from bulkzoho.domain.model.account import Profile, SecretStorage
from bulkzoho.domain.model.metadata import Organization, User

__all__ = ["account_json", "account_text"]

_UNKNOWN = "unknown"


def account_text(profile: Profile | None, organization: Organization, user: User | None, *more: tuple[str, str]) -> str:
    """Return the account line by line; *profile* is None for an account from the environment."""
    kind = f", {organization.type}" if organization.type else ""
    licences = f", {organization.licences} licences" if organization.licences is not None else ""
    lines = [
        ("profile", profile.name if profile else "none (environment)"),
        ("organization", f"{organization.name} ({organization.id}{kind})"),
        ("edition", f"{organization.edition}{licences}" if organization.edition else _UNKNOWN),
        ("user", user.name if user else _UNKNOWN),
        *_profile_lines(profile),
        *more,
    ]
    return "\n".join(f"{name:<14}{text}" for name, text in lines)


def account_json(profile: Profile | None, organization: Organization, user: User | None) -> dict[str, Any]:
    """Return the account as a JSON object."""
    return {
        "profile": profile.name if profile else None,
        "org": organization.id,
        "organization": organization.name,
        "type": organization.type,
        "edition": organization.edition,
        "licences": organization.licences,
        "user": user.name if user else None,
        "dc": profile.dc if profile else None,
        "method": str(profile.method) if profile else None,
        "scopes": list(profile.scopes) if profile else [],
        "secrets": str(profile.kept_in) if profile else "environment",
    }


def _profile_lines(profile: Profile | None) -> list[tuple[str, str]]:
    if profile is None:
        return []
    in_keyring = profile.kept_in is SecretStorage.KEYRING
    return [
        ("data center", profile.accounts_url or profile.dc),
        ("scopes", ", ".join(profile.scopes) or _UNKNOWN),
        ("secrets", "in the keyring" if in_keyring else "in profiles.json, readable by you only"),
    ]
