"""The access token on disk, so that the processes of one machine share one and ask for it once.

Zoho gives ten access tokens in ten minutes and lets ten live (docs "Token limits"): runs that each asked for their own would
soon be shut out.  The file holds the access token, its times and its API host; never a refresh token or a client secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from bulkzoho.domain.model.settings import ConnectionSettings

if sys.platform != "win32":
    import fcntl

__all__ = ["LockTimeoutError", "StoredToken", "TokenCache"]

LOCK_WAIT_S: Final = 45.0  # seconds; longer than one request for a token may take
LOCK_POLL_S: Final = 0.05
FORMAT: Final = 1

_log = logging.getLogger(__name__)


class LockTimeoutError(Exception):
    """Another process has held the lock for longer than a renewal takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """One access token as it stands in the file."""

    access_token: str = field(repr=False)
    obtained_at: float  #: seconds since the epoch
    expires_at: float  #: seconds since the epoch
    api_domain: str | None  #: where the accounts server said the API is
    scopes: tuple[str, ...] = ()  #: what it may do, where the accounts server said so


class TokenCache:
    """One file, and a lock beside it.  Trouble with the disk is never trouble for a run: it then has no cache."""

    def __init__(self, folder: Path, settings: ConnectionSettings, *, organization: str = "") -> None:
        """Use *folder* (made when needed, 0700) for the account of *settings*.

        *organization* tells client credentials apart, which serve several.
        """
        secrets = f"{settings.client_secret}\n{settings.refresh_token}"  # a wrong secret is to fail at once, not in an hour
        identity = f"{settings.accounts_url}\n{settings.client_id}\n{secrets}{organization}"
        name = hashlib.sha256(identity.encode()).hexdigest()[:32]
        self._file = folder / f"{name}.json"
        self._lock = folder / f"{name}.lock"

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[Self]:
        """Hold the lock among processes; safe to cancel while waiting.

        Raises:
            LockTimeoutError: It was not free for ``LOCK_WAIT_S`` seconds.
        """
        descriptor = self._open_lock()
        try:
            if descriptor is not None:
                await _take(descriptor)
            yield self
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def read(self) -> StoredToken | None:
        """Give the token in the file; None when there is none that can be read."""
        try:
            value = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return None
        return _stored(value)

    def write(self, token: StoredToken) -> None:
        """Put *token* into the file (0600), whole or not at all."""
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
            _log.warning("the access token cannot be kept", extra={"path": str(self._file), "reason": error.strerror})
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove the token, after it was revoked."""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._lock.unlink(missing_ok=True)

    def _open_lock(self) -> int | None:
        try:
            self._lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            _log.warning("the token lock cannot be made", extra={"path": str(self._lock), "reason": error.strerror})
            return None


async def _take(descriptor: int) -> None:
    """Poll for the lock: a thread that blocks in flock could not be cancelled."""
    if sys.platform == "win32":
        return  # no lock there: two processes may each ask for a token, which is harmless
    waited_s = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waited_s >= LOCK_WAIT_S:
                raise LockTimeoutError from None
            await asyncio.sleep(LOCK_POLL_S)
            waited_s += LOCK_POLL_S
        except OSError:
            return  # a file system without locks
        else:
            return


def _stored(value: Any) -> StoredToken | None:
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
