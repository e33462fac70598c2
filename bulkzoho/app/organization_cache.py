"""What is remembered of an account's organization, so that the next first call is made within its quota."""

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
    """Give the organization that these credentials led to the last time."""
    return _read(_memory(chosen))


def save_organization(chosen: ResolvedAccount, organization: Organization) -> None:
    """Keep it for the next time; where it cannot be kept, it is asked for again."""
    path = _memory(chosen)
    with suppress(OSError):
        make_private_folder(path.parent)
        write_atomic(path, json.dumps(asdict(organization)).encode())


def provisional_organization(chosen: ResolvedAccount) -> Organization:
    """Give what stands for the organization while it is not known."""
    return Organization(id=f"{_PROVISIONAL}{_credential(chosen)}", name="")


def is_provisional_org(org: str) -> bool:
    """Whether *org* is no organization's id, but stands for one that was not known yet, or may not be read."""
    return org.startswith(_PROVISIONAL)


def ledger_path(organization: Organization) -> Path:
    """Give the file of its quota: an organization has one, whoever calls it."""
    return current_home().ledger(organization.id)


def _read(path: Path) -> Organization | None:
    try:
        return Organization(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None  # never met, or written by another version: it is asked for in any case


def ledger_paths() -> list[Path]:
    """Give the files of all quotas of this home."""
    return current_home().ledgers()


def load_all_organizations() -> dict[str, Organization]:
    """Give every organization that some credentials have led to, by its id."""
    found = (_read(path) for path in sorted(current_home().organizations.glob("*.json")))
    return {one.id: one for one in found if one is not None}


def first_connection_lock_path(chosen: ResolvedAccount) -> Path:
    """Give the lock of whoever meets the organization for the first time."""
    return _memory(chosen).with_suffix(".lock")


def _memory(chosen: ResolvedAccount) -> Path:
    return current_home().organization(_credential(chosen))


def _credential(chosen: ResolvedAccount) -> str:
    """Give a name for the credentials that tells nothing of them."""
    told = chosen.settings
    text = f"{told.accounts_url}\n{told.api_url}\n{told.client_id}\n{told.refresh_token}"
    text += f"\n{chosen.client_credentials.organization}" if chosen.client_credentials else ""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
