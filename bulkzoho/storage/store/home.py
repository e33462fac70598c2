"""The layout of the state directory: every path in it outside of single runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulkzoho.errors import RefusedError
from bulkzoho.storage.files.private_folder import make_private_folder

__all__ = ["HomeLayout", "current_home", "require_local_file_system"]

_NETWORK_FILE_SYSTEMS: Final = frozenset({"afs", "ceph", "cifs", "fuse.sshfs", "nfs", "nfs4", "smb3", "smbfs"})


@dataclass(frozen=True, slots=True)
class HomeLayout:
    """The paths of one state directory.  Folders are 0700, files 0600."""

    path: Path

    @property
    def runs(self) -> Path:
        """One folder per run."""
        return self.path / "runs"

    @property
    def quotas(self) -> Path:
        """One rate limit ledger per organization."""
        return self.path / "quota"

    @property
    def organizations(self) -> Path:
        """The organization that each account belongs to, and the locks for first connections."""
        return self.path / "organizations"

    @property
    def cursors(self) -> Path:
        """Where each incremental export continues."""
        return self.path / "exports"

    @property
    def tokens(self) -> Path:
        """Access tokens."""
        return self.path / "tokens"

    @property
    def profiles(self) -> Path:
        """The named accounts; their lock is beside it."""
        return self.path / "profiles.json"

    @property
    def start_lock(self) -> Path:
        """Held while a run checks that no other run sends the same rows."""
        return self.path / "beginning.lock"

    def make(self) -> None:
        """Make the directory if it is missing.

        Raises:
            OSError: It cannot be made.
        """
        make_private_folder(self.path)

    def ledger(self, org: str) -> Path:
        """Return the rate limit ledger of the organization *org*."""
        return self.quotas / f"{_file_name(org, '-')}.db"

    def ledgers(self) -> list[Path]:
        """Return every rate limit ledger."""
        return sorted(self.quotas.glob("*.db"))

    def organization(self, account_key: str) -> Path:
        """Return the file with the organization of the account *account_key*."""
        return self.organizations / f"{account_key}.json"

    def cursor(self, org: str, name: str) -> Path:
        """Return the file of the export cursor *name* of the organization *org*; ``.lock`` instead of ``.json`` is its lock."""
        return self.cursors / f"{_file_name(f'{org}-{name}', '-_')}.json"

    def secret_files(self) -> Iterator[Path]:
        """Yield the files that hold secrets."""
        yield self.profiles
        yield from sorted(self.tokens.glob("*.json"))


def current_home() -> HomeLayout:
    """Return the state directory: ``BULKZOHO_HOME``, or the platform's state directory."""
    configured = os.environ.get("BULKZOHO_HOME")
    if configured:
        return HomeLayout(Path(configured).expanduser().absolute())
    import platformdirs  # noqa: PLC0415  not needed when the environment names a folder

    return HomeLayout(Path(platformdirs.user_state_dir("bulkzoho")))


def require_local_file_system(home: Path) -> None:
    """Refuse a state directory on a network file system, where locks and a write-ahead log are not reliable (Linux only).

    Raises:
        RefusedError: It is on one.
    """
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return  # not Linux: the journal's own check has to do
    real = home.resolve()
    under = [(point, kind) for _, point, kind, *_ in mounts if real.is_relative_to(point.replace("\\040", " "))]
    point, kind = max(under, key=lambda mount: len(mount[0]), default=("", ""))
    if kind in _NETWORK_FILE_SYSTEMS:
        raise RefusedError(
            f"{home}: is on a network file system ({kind} at {point}), where a journal is not safe.",
            hint="Set BULKZOHO_HOME to a folder on a local disk.",
            code="HOME_ON_NETWORK",
        )


def _file_name(text: str, allowed: str) -> str:
    return "".join(letter if letter.isalnum() or letter in allowed else "_" for letter in text)
