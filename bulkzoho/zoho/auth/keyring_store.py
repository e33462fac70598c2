"""The system's keyring, where there is one that works; the package ``keyring`` is optional and loaded only when asked for."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from typing import Final, Protocol, cast

from bulkzoho.errors import AccessError
from bulkzoho.zoho.auth.profile import Secrets

__all__ = ["KeyringRefusedError", "delete_from_keyring", "keyring_works", "load_from_keyring", "save_to_keyring"]

SERVICE: Final = "bulkzoho"


class KeyringRefusedError(Exception):
    """The keyring did not take the secrets."""


class _Keyring(Protocol):
    def get_keyring(self) -> object: ...
    def get_password(self, service: str, username: str) -> str | None: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


def keyring_works() -> bool:
    """Whether ``keyring`` is installed and has found a place to keep secrets in: without one its priority is not above 0."""
    keyring = _keyring()
    if keyring is None:
        return False
    try:
        return float(getattr(keyring.get_keyring(), "priority", 0)) > 0
    except Exception:  # noqa: BLE001  somebody else's code and the system's services: whatever they raise, they do not work
        return False


def save_to_keyring(home: Path, profile: str, secrets: Secrets) -> None:
    """Keep *secrets*.

    Raises:
        KeyringRefusedError: It is locked, or gone.
    """
    keyring = _keyring()
    value = json.dumps({"client_secret": secrets.client_secret, "refresh_token": secrets.refresh_token})
    try:
        assert keyring is not None
        keyring.set_password(SERVICE, _entry(home, profile), value)
    except Exception:  # noqa: BLE001  as above
        raise KeyringRefusedError from None  # its own text may hold anything


def load_from_keyring(home: Path, profile: str) -> Secrets:
    """Give the secrets that were kept.

    Raises:
        AccessError: They cannot be had.
    """
    keyring = _keyring()
    try:
        text = keyring.get_password(SERVICE, _entry(home, profile)) if keyring is not None else None
        value = json.loads(text or "null")
        return Secrets(client_secret=value["client_secret"], refresh_token=value["refresh_token"])
    except Exception:  # noqa: BLE001  as above
        raise AccessError(
            f"the keyring does not give the secrets of profile {profile}.",
            hint=f"Unlock it; or log in again and keep them in a file: bulkzoho auth login --profile {profile} --store file",
            code="NO_CREDENTIALS",
        ) from None


def delete_from_keyring(home: Path, profile: str) -> None:
    """Take the secrets out; one that has none is content."""
    keyring = _keyring()
    if keyring is None:
        return
    try:
        keyring.delete_password(SERVICE, _entry(home, profile))
    except Exception:  # noqa: BLE001  as above: there is none, or nobody to ask
        return


def _keyring() -> _Keyring | None:
    try:
        return cast("_Keyring", importlib.import_module("keyring"))
    except ImportError:
        return None


def _entry(home: Path, profile: str) -> str:
    """Name the entry, apart for each home: two homes may have profiles of one name."""
    return f"{profile}@{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"
