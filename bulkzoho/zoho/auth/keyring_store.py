"""Secrets in the system keyring.  The package ``keyring`` is optional and imported on demand."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from typing import Final, Protocol, cast

from bulkzoho.domain.model.account import Secrets
from bulkzoho.errors import AccessError

__all__ = ["KeyringRefusedError", "delete_from_keyring", "keyring_works", "load_from_keyring", "save_to_keyring"]

SERVICE: Final = "bulkzoho"


class KeyringRefusedError(Exception):
    """The keyring did not accept the secrets."""


class _Keyring(Protocol):
    def get_keyring(self) -> object: ...
    def get_password(self, service: str, username: str) -> str | None: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


def keyring_works() -> bool:
    """Return whether ``keyring`` is installed and has a working backend: without one its priority is not above 0."""
    keyring = _keyring()
    if keyring is None:
        return False
    try:
        return float(getattr(keyring.get_keyring(), "priority", 0)) > 0
    except Exception:  # noqa: BLE001  any error of a third-party backend means that it does not work
        return False


def save_to_keyring(home: Path, profile: str, secrets: Secrets) -> None:
    """Save *secrets*.

    Raises:
        KeyringRefusedError: The keyring is locked or missing.
    """
    keyring = _keyring()
    value = json.dumps({"client_secret": secrets.client_secret, "refresh_token": secrets.refresh_token})
    try:
        assert keyring is not None
        keyring.set_password(SERVICE, _entry(home, profile), value)
    except Exception:  # noqa: BLE001  as above
        raise KeyringRefusedError from None  # its text may contain secrets


def load_from_keyring(home: Path, profile: str) -> Secrets:
    """Load the secrets.

    Raises:
        AccessError: The keyring does not return them.
    """
    keyring = _keyring()
    try:
        text = keyring.get_password(SERVICE, _entry(home, profile)) if keyring is not None else None
        value = json.loads(text or "null")
        return Secrets(client_secret=value["client_secret"], refresh_token=value["refresh_token"])
    except Exception:  # noqa: BLE001  as above
        raise AccessError(
            f"the keyring did not return the secrets of profile {profile}.",
            hint=f"Unlock it, or log in again and store them in a file: bulkzoho auth login --profile {profile} --store file",
            code="NO_CREDENTIALS",
        ) from None


def delete_from_keyring(home: Path, profile: str) -> None:
    """Delete the secrets, if there are any."""
    keyring = _keyring()
    if keyring is None:
        return
    try:
        keyring.delete_password(SERVICE, _entry(home, profile))
    except Exception:  # noqa: BLE001  as above: no entry, or no keyring
        return


def _keyring() -> _Keyring | None:
    try:
        return cast("_Keyring", importlib.import_module("keyring"))
    except ImportError:
        return None


def _entry(home: Path, profile: str) -> str:
    """Return the name of the entry; it differs by state directory, because two may have profiles of the same name."""
    return f"{profile}@{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"
