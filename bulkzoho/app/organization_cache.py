"""Cache of each account's organization, so that the first call of the next run is rate-limited too."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bulkzoho.domain.model.metadata import Organization
from bulkzoho.storage.files.atomic_write import write_atomic
from bulkzoho.storage.files.private_folder import make_private_folder
from bulkzoho.storage.store.home import current_home
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount

__all__ = [
    "first_connection_lock_path",
    "is_provisional_org",
    "ledger_path",
    "ledger_paths",
    "load_all_organizations",
    "load_organization",
    "provisional_organization",
    "save_organization",
]

_PROVISIONAL: Final = "credential-"


def load_organization(chosen: ResolvedAccount) -> Organization | None:
    """Return the cached organization of these credentials, or None."""
    return _read(_cache_file(chosen))


def save_organization(chosen: ResolvedAccount, organization: Organization) -> None:
    """Save the organization; if that fails, the next run reads it again."""
    path = _cache_file(chosen)
    with suppress(OSError):
        make_private_folder(path.parent)
        write_atomic(path, json.dumps(asdict(organization)).encode())


def provisional_organization(chosen: ResolvedAccount) -> Organization:
    """Return a placeholder for an unknown organization."""
    return Organization(id=f"{_PROVISIONAL}{_credential(chosen)}", name="")


def is_provisional_org(org: str) -> bool:
    """Return whether *org* is the id of a placeholder."""
    return org.startswith(_PROVISIONAL)


def ledger_path(organization: Organization) -> Path:
    """Return the rate limit ledger of an organization; all its accounts share it."""
    return current_home().ledger(organization.id)


def _read(path: Path) -> Organization | None:
    try:
        return Organization(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None  # missing, or written by another version: it is read from the CRM anyway


def ledger_paths() -> list[Path]:
    """Return all rate limit ledgers of this state directory."""
    return current_home().ledgers()


def load_all_organizations() -> dict[str, Organization]:
    """Return all cached organizations by id."""
    found = (_read(path) for path in sorted(current_home().organizations.glob("*.json")))
    return {organization.id: organization for organization in found if organization is not None}


def first_connection_lock_path(chosen: ResolvedAccount) -> Path:
    """Return the lock file of the first connection."""
    return _cache_file(chosen).with_suffix(".lock")


def _cache_file(chosen: ResolvedAccount) -> Path:
    return current_home().organization(_credential(chosen))


def _credential(chosen: ResolvedAccount) -> str:
    """Return a name for the credentials that does not reveal them."""
    settings = chosen.settings
    text = f"{settings.accounts_url}\n{settings.api_url}\n{settings.client_id}\n{settings.refresh_token}"
    text += f"\n{chosen.client_credentials.organization}" if chosen.client_credentials else ""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
