"""Profile file: one per state directory, readable only by its owner (0600), changed by one process at a time."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bulkzoho.domain.model.account import Profile, Secrets, SecretStorage
from bulkzoho.errors import AccessError, RefusedError, RunFailedError
from bulkzoho.storage.files.atomic_write import write_atomic
from bulkzoho.storage.files.file_lock import exclusive_lock
from bulkzoho.storage.files.write_errors import write_error
from bulkzoho.zoho.auth.keyring_store import KeyringRefusedError, delete_from_keyring, load_from_keyring, save_to_keyring

__all__ = ["ProfileStore"]

FILE: Final = "profiles.json"
FORMAT: Final = 1


class ProfileStore:
    """Profiles of one state directory."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.path = home / FILE

    def all(self) -> list[Profile]:
        """Return all profiles, sorted by name.

        Raises:
            RefusedError: The file has an unknown format.
            RunFailedError: The file cannot be read.
        """
        return [self._profile(name, value) for name, value in sorted(self._read().items())]

    def get(self, name: str) -> Profile:
        """Return the profile *name*.

        Raises:
            AccessError: There is no such profile; the hint lists the existing ones.
        """
        profiles = self._read()
        if name not in profiles:
            known = f"Known profiles: {', '.join(sorted(profiles))}" if profiles else "There is no profile yet"
            raise AccessError(
                f"there is no profile {name!r}.",
                hint=f"{known}. Create it: bulkzoho auth login --profile {name}",
                code="NO_SUCH_PROFILE",
            )
        return self._profile(name, profiles[name])

    def secrets(self, profile: Profile) -> Secrets:
        """Return the secrets of *profile*.

        Raises:
            AccessError: They are missing, or the keyring does not return them.
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
        """Save *profile*, replacing one of the same name; return it as it was saved.

        If the keyring does not accept the secrets, they are saved in the file.

        Raises:
            RunFailedError: The file cannot be written.
            JournalError: Its lock cannot be made.
        """
        saved = profile
        if saved.kept_in is SecretStorage.KEYRING:
            try:
                save_to_keyring(self._home, saved.name, secrets)
            except KeyringRefusedError:
                saved = replace(saved, kept_in=SecretStorage.FILE)
        if saved.kept_in is SecretStorage.FILE and self._read().get(saved.name, {}).get("kept_in") == SecretStorage.KEYRING:
            delete_from_keyring(self._home, saved.name)
        entry = saved.to_json()
        if saved.kept_in is SecretStorage.FILE:
            entry["secrets"] = {"client_secret": secrets.client_secret, "refresh_token": secrets.refresh_token}
        with self._locked():
            self._write({**self._read(), saved.name: entry})
        return saved

    def remove(self, profile: Profile) -> None:
        """Delete *profile* and its secrets.

        Raises:
            RunFailedError: The file cannot be written.
            JournalError: Its lock cannot be made.
        """
        if profile.kept_in is SecretStorage.KEYRING:
            delete_from_keyring(self._home, profile.name)
        with self._locked():
            self._write({name: value for name, value in self._read().items() if name != profile.name})

    def _profile(self, name: str, value: Mapping[str, Any]) -> Profile:
        try:
            return Profile.from_json(name, value)
        except (KeyError, TypeError, ValueError):
            raise self._unknown_format() from None

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            value = json.loads(self.path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise RunFailedError(
                f"{self.path}: cannot be read: {error.strerror}.", hint="Check the permissions of the file."
            ) from error
        except ValueError:
            raise self._unknown_format() from None
        profiles = value.get("profiles") if isinstance(value, dict) and value.get("v") == FORMAT else None
        if not isinstance(profiles, dict) or not all(isinstance(profile, dict) for profile in profiles.values()):
            raise self._unknown_format()
        return profiles

    def _unknown_format(self) -> RefusedError:
        return RefusedError(
            f"{self.path}: is not a profile file that this version can read.",
            hint="Move it away and log in again: bulkzoho auth login",
            code="BAD_PROFILES",
        )

    def _write(self, profiles: Mapping[str, Mapping[str, Any]]) -> None:
        try:
            write_atomic(self.path, json.dumps({"v": FORMAT, "profiles": profiles}, indent=1).encode() + b"\n")
        except OSError as error:
            raise self._cannot_write(error) from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock for changes."""
        with exclusive_lock(self._home / "profiles.lock"):
            yield

    def _cannot_write(self, error: OSError) -> RunFailedError:
        hint = "Check permissions and free disk space, or set BULKZOHO_HOME to another directory."
        return write_error(RunFailedError, self.path, error, hint=hint)
