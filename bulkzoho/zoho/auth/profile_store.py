"""The file of profiles: one a home, for its owner alone (0600), changed by one process at a time."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bulkzoho.errors import AccessError, RefusedError, RunFailedError
from bulkzoho.storage.files.atomic_write import write_atomic
from bulkzoho.zoho.auth.keyring_store import KeyringRefusedError, delete_from_keyring, load_from_keyring, save_to_keyring
from bulkzoho.zoho.auth.profile import Profile, Secrets, SecretStorage

if sys.platform != "win32":
    import fcntl

__all__ = ["ProfileStore"]

FILE: Final = "profiles.json"
FORMAT: Final = 1


class ProfileStore:
    """The profiles of one home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.path = home / FILE

    def all(self) -> list[Profile]:
        """Give every profile, by name.

        Raises:
            RefusedError: The file is there and cannot be understood.
            RunFailedError: It cannot be read.
        """
        return [self._profile(name, value) for name, value in sorted(self._read().items())]

    def get(self, name: str) -> Profile:
        """Give the profile called *name*.

        Raises:
            AccessError: There is none; names those that there are.
        """
        kept = self._read()
        if name not in kept:
            known = f"There are {', '.join(sorted(kept))}" if kept else "There is none yet"
            raise AccessError(
                f"there is no profile {name!r}.",
                hint=f"{known}; make one: bulkzoho auth login --profile {name}",
                code="NO_SUCH_PROFILE",
            )
        return self._profile(name, kept[name])

    def secrets(self, profile: Profile) -> Secrets:
        """Give the secrets of *profile*.

        Raises:
            AccessError: They cannot be had.
        """
        if profile.kept_in is SecretStorage.KEYRING:
            return load_from_keyring(self._home, profile.name)
        value = self._read().get(profile.name, {}).get("secrets")
        if not isinstance(value, dict) or not isinstance(value.get("client_secret"), str):
            raise AccessError(
                f"{self.path}: profile {profile.name} has no secrets.",
                hint=f"Log in again: bulkzoho auth login --profile {profile.name}",
                code="NO_CREDENTIALS",
            )
        return Secrets(client_secret=value["client_secret"], refresh_token=str(value.get("refresh_token", "")))

    def save(self, profile: Profile, secrets: Secrets) -> Profile:
        """Keep *profile* in the place of one of the same name; give it as it is kept.

        Where the keyring does not take the secrets they stand in the file.

        Raises:
            RunFailedError: The file cannot be written.
        """
        kept = profile
        if kept.kept_in is SecretStorage.KEYRING:
            try:
                save_to_keyring(self._home, kept.name, secrets)
            except KeyringRefusedError:
                kept = replace(kept, kept_in=SecretStorage.FILE)
        if kept.kept_in is SecretStorage.FILE and self._read().get(kept.name, {}).get("kept_in") == SecretStorage.KEYRING:
            delete_from_keyring(self._home, kept.name)
        entry = kept.to_json()
        if kept.kept_in is SecretStorage.FILE:
            entry["secrets"] = {"client_secret": secrets.client_secret, "refresh_token": secrets.refresh_token}
        with self._alone():
            self._write({**self._read(), kept.name: entry})
        return kept

    def remove(self, profile: Profile) -> None:
        """Forget *profile* and its secrets.

        Raises:
            RunFailedError: The file cannot be written.
        """
        if profile.kept_in is SecretStorage.KEYRING:
            delete_from_keyring(self._home, profile.name)
        with self._alone():
            self._write({name: value for name, value in self._read().items() if name != profile.name})

    def _profile(self, name: str, value: Mapping[str, Any]) -> Profile:
        try:
            return Profile.from_json(name, value)
        except (KeyError, TypeError, ValueError):
            raise self._not_understood() from None

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            value = json.loads(self.path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise RunFailedError(f"{self.path}: cannot be read: {error.strerror}.", hint="Give yourself permission.") from error
        except ValueError:
            raise self._not_understood() from None
        profiles = value.get("profiles") if isinstance(value, dict) and value.get("v") == FORMAT else None
        if not isinstance(profiles, dict) or not all(isinstance(one, dict) for one in profiles.values()):
            raise self._not_understood()
        return profiles

    def _not_understood(self) -> RefusedError:
        return RefusedError(
            f"{self.path}: is no file of profiles that this version understands.",
            hint="Put it aside and log in again: bulkzoho auth login",
            code="BAD_PROFILES",
        )

    def _write(self, profiles: Mapping[str, Mapping[str, Any]]) -> None:
        try:
            write_atomic(self.path, json.dumps({"v": FORMAT, "profiles": profiles}, indent=1).encode() + b"\n")
        except OSError as error:
            raise self._cannot_write(error) from error

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock on changes."""
        try:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._home / "profiles.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._cannot_write(error) from error
        try:
            if sys.platform != "win32":
                with contextlib.suppress(OSError):  # a file system without locks
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _cannot_write(self, error: OSError) -> RunFailedError:
        return RunFailedError(
            f"{self.path}: cannot be written: {error.strerror}.",
            hint="Give write permission, make room, or set BULKZOHO_HOME to another folder.",
            code="CANNOT_WRITE",
        )
