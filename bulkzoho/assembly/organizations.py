"""What is remembered of an account's organization, so that the next first call is made within its quota."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from bulkzoho.assembly.homes import home_folder
from bulkzoho.files.atomic import write_whole
from bulkzoho.model.metadata import Organization
from bulkzoho.profiles.choosing import Chosen

__all__ = ["ledger_of", "remember", "remembered", "unknown_organization"]


def remembered(chosen: Chosen) -> Organization | None:
    """Give the organization that these credentials led to the last time."""
    try:
        return Organization(**json.loads(_memory(chosen).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None  # never met, or written by another version: it is asked for in any case


def remember(chosen: Chosen, organization: Organization) -> None:
    """Keep it for the next time."""
    path = _memory(chosen)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, json.dumps(asdict(organization)).encode())


def unknown_organization(chosen: Chosen) -> Organization:
    """Give what stands for the organization while it is not known."""
    return Organization(id=f"credential-{_credential(chosen)}", name="")


def ledger_of(organization: Organization) -> Path:
    """Give the file of its quota: an organization has one, whoever calls it."""
    safe = "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in organization.id)
    return home_folder() / "quota" / f"{safe}.db"


def _memory(chosen: Chosen) -> Path:
    return home_folder() / "organizations" / f"{_credential(chosen)}.json"


def _credential(chosen: Chosen) -> str:
    """Give a name for the credentials that tells nothing of them."""
    told = chosen.settings
    text = f"{told.accounts_url}\n{told.api_url}\n{told.client_id}\n{told.refresh_token}"
    text += f"\n{chosen.server.organization}" if chosen.server else ""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
