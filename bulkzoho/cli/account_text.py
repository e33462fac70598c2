"""An account as a page for a person and as an object for a program; no secret is in either."""

from __future__ import annotations

from typing import Any

from bulkzoho.domain.model.metadata import Organization, User
from bulkzoho.zoho.auth.profile import Profile, SecretStorage

__all__ = ["account_json", "account_page"]


def account_page(profile: Profile | None, organization: Organization, user: User | None, *more: tuple[str, str]) -> str:
    """Give the account line by line; *profile* is None for an account of the environment."""
    kind = f", {organization.type}" if organization.type else ""
    licences = f", {organization.licences} licences" if organization.licences is not None else ""
    lines = [
        ("profile", profile.name if profile else "none: the environment"),
        ("organization", f"{organization.name} ({organization.id}{kind})"),
        ("edition", f"{organization.edition}{licences}" if organization.edition else "not told"),
        ("user", user.name if user else "not told"),
        *_kept(profile),
        *more,
    ]
    return "\n".join(f"{name:<14}{text}" for name, text in lines)


def account_json(profile: Profile | None, organization: Organization, user: User | None) -> dict[str, Any]:
    """Give the account as an object."""
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


def _kept(profile: Profile | None) -> list[tuple[str, str]]:
    if profile is None:
        return []
    return [
        ("data center", profile.accounts_url or profile.dc),
        ("scopes", ", ".join(profile.scopes) or "not told"),
        ("secrets", "in the keyring" if profile.kept_in is SecretStorage.KEYRING else "in profiles.json, for you alone"),
    ]
