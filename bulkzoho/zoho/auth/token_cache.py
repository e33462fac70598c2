"""Access token on disk, shared by the processes of one machine.

Zoho issues ten access tokens in ten minutes and keeps ten valid (docs "Token limits"): with a token per run, runs would soon be
locked out.  The file holds the access token, its times and its API host, never a refresh token or a client secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from bulkzoho.domain.model.settings import ConnectionSettings
from bulkzoho.storage.files.file_lock import open_lock_file, try_lock

__all__ = ["LockTimeoutError", "StoredToken", "TokenCache"]

LOCK_WAIT_S: Final = 45.0  # seconds; longer than a token request can take
LOCK_POLL_S: Final = 0.05
FORMAT: Final = 1

_LOG = logging.getLogger(__name__)


class LockTimeoutError(Exception):
    """Another process held the lock for longer than a renewal takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """Access token as stored in the file."""

    access_token: str = field(repr=False)
    obtained_at: float  #: seconds since the epoch
    expires_at: float  #: seconds since the epoch
    api_domain: str | None  #: API host named by the accounts server
    scopes: tuple[str, ...] = ()  #: as far as the accounts server named them


class TokenCache:
    """One file with a lock file.  Disk errors do not stop a run; it then has no cache."""

    def __init__(self, folder: Path, settings: ConnectionSettings, *, organization: str = "") -> None:
        """Use *folder* (created if necessary, 0700) for the account of *settings*.

        *organization* distinguishes the organizations of one client with client credentials.
        """
        secrets = f"{settings.client_secret}\n{settings.refresh_token}"  # so that a wrong secret fails at once, not in an hour
        identity = f"{settings.accounts_url}\n{settings.client_id}\n{secrets}{organization}"
        name = hashlib.sha256(identity.encode()).hexdigest()[:32]
        self._file = folder / f"{name}.json"
        self._lock = folder / f"{name}.lock"

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[Self]:
        """Hold the lock between processes; safe to cancel while waiting.

        Raises:
            LockTimeoutError: The lock was not free for ``LOCK_WAIT_S`` seconds.
        """
        descriptor = self._open_lock()
        try:
            if descriptor is not None:
                await _acquire(descriptor)
            yield self
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def read(self) -> StoredToken | None:
        """Return the token in the file, or None if there is no readable one."""
        try:
            value = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return None
        return _parse(value)

    def write(self, token: StoredToken) -> None:
        """Write *token* to the file (0600) atomically."""
        value = {
            "v": FORMAT,
            "access_token": token.access_token,
            "obtained_at": token.obtained_at,
            "expires_at": token.expires_at,
            "api_domain": token.api_domain,
            "scopes": list(token.scopes),
        }
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}.tmp")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123  the descriptor sets the permissions
                json.dump(value, file)
            draft.replace(self._file)
        except OSError as error:
            _LOG.warning("token cache not written", extra={"path": self._file.name, "reason": error.strerror})
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def delete(self) -> None:
        """Delete the token after it was revoked."""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._lock.unlink(missing_ok=True)

    def _open_lock(self) -> int | None:
        try:
            return open_lock_file(self._lock)
        except OSError as error:
            _LOG.warning("token lock not created", extra={"path": self._lock.name, "reason": error.strerror})
            return None


async def _acquire(descriptor: int) -> None:
    """Poll for the lock, because a thread blocked in flock cannot be cancelled."""
    waited_s = 0.0
    with contextlib.suppress(OSError):  # a file system without locks: two processes may both request a token, which is harmless
        while not try_lock(descriptor):
            if waited_s >= LOCK_WAIT_S:
                raise LockTimeoutError
            await asyncio.sleep(LOCK_POLL_S)
            waited_s += LOCK_POLL_S


def _parse(value: Any) -> StoredToken | None:
    match value:
        case {
            "v": int(version),
            "access_token": str(text),
            "obtained_at": int() | float() as obtained_at,
            "expires_at": int() | float() as expires_at,
            "api_domain": None | str() as api_domain,
        } if version == FORMAT and text.isascii() and text.isprintable():
            scopes = value.get("scopes")
            return StoredToken(
                access_token=text,
                obtained_at=float(obtained_at),
                expires_at=float(expires_at),
                api_domain=api_domain,
                scopes=tuple(map(str, scopes)) if isinstance(scopes, list) else (),
            )
    return None
