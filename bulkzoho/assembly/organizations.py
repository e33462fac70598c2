"""What is remembered of an account's organization, so that the next first call is made within its quota."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bulkzoho.assembly.homes import home_folder
from bulkzoho.files.atomic import write_whole
from bulkzoho.model.metadata import Organization
from bulkzoho.profiles.choosing import Chosen

__all__ = [
    "all_remembered",
    "ledger_of",
    "ledgers",
    "meeting_lock_of",
    "remember",
    "remembered",
    "stands_for_unknown",
    "unknown_organization",
]

_PROVISIONAL: Final = "credential-"


def remembered(chosen: Chosen) -> Organization | None:
    """Give the organization that these credentials led to the last time."""
    return _read(_memory(chosen))


def remember(chosen: Chosen, organization: Organization) -> None:
    """Keep it for the next time; where it cannot be kept, it is asked for again."""
    path = _memory(chosen)
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(organization)).encode())


def unknown_organization(chosen: Chosen) -> Organization:
    """Give what stands for the organization while it is not known."""
    return Organization(id=f"{_PROVISIONAL}{_credential(chosen)}", name="")


def stands_for_unknown(org: str) -> bool:
    """Whether *org* is no organization's id, but stands for one that was not known yet, or may not be read."""
    return org.startswith(_PROVISIONAL)


def ledger_of(organization: Organization) -> Path:
    """Give the file of its quota: an organization has one, whoever calls it."""
    safe = "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in organization.id)
    return home_folder() / "quota" / f"{safe}.db"


def _read(path: Path) -> Organization | None:
    try:
        return Organization(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None  # never met, or written by another version: it is asked for in any case


def ledgers() -> list[Path]:
    """Give the files of all quotas of this home."""
    return sorted((home_folder() / "quota").glob("*.db"))


def all_remembered() -> dict[str, Organization]:
    """Give every organization that some credentials have led to, by its id."""
    found = (_read(path) for path in sorted((home_folder() / "organizations").glob("*.json")))
    return {one.id: one for one in found if one is not None}


def meeting_lock_of(chosen: Chosen) -> Path:
    """Give the lock of whoever meets the organization for the first time."""
    return _memory(chosen).with_suffix(".lock")


def _memory(chosen: Chosen) -> Path:
    return home_folder() / "organizations" / f"{_credential(chosen)}.json"


def _credential(chosen: Chosen) -> str:
    """Give a name for the credentials that tells nothing of them."""
    told = chosen.settings
    text = f"{told.accounts_url}\n{told.api_url}\n{told.client_id}\n{told.refresh_token}"
    text += f"\n{chosen.server.organization}" if chosen.server else ""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
