"""One process a run: a lock of the operating system, gone with the process that held it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from bulkzoho.errors import JournalError, RefusedError

if sys.platform != "win32":
    import fcntl

__all__ = ["FileLock", "exclusive_lock", "is_locked", "lock_owner"]


LOOKERS_S: Final = 0.1  # seconds for which those who only look may keep a worker out; a look takes microseconds


class FileLock:
    """The run's lock.  Held from :meth:`take` until :meth:`release` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, *, what: str) -> Self:
        """Take the lock of *what*, as in "run 7".

        Raises:
            RefusedError: Another process holds it; says which.
            JournalError: It cannot be written: the disk is full, a folder not writable.
        """
        descriptor = _opened(path)
        if not _worker_locked(descriptor):
            holder = _named_in(descriptor)
            os.close(descriptor)
            raise RefusedError(
                f"{what} is being worked on by process {holder}.",
                hint="Wait for it, or stop it with Ctrl-C; then give this command again.",
                code="RUN_LOCKED",
            )
        try:
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except OSError as error:
            os.close(descriptor)
            raise _unwritable(path, error) from error
        return cls(descriptor)

    def release(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Be the only process of this machine in here, for a moment; the others wait.

    Raises:
        JournalError: *path* cannot be made.
    """
    descriptor = _opened(path)
    try:
        if sys.platform != "win32":
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock now; others may look at the same time."""
    return lock_owner(path) is not None


def lock_owner(path: Path) -> str | None:
    """Give the process that holds the lock now ("unknown" when it did not say yet which it is), None when none does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return None if _locked(descriptor, shared=True) else _named_in(descriptor)
    finally:
        os.close(descriptor)


def _named_in(descriptor: int) -> str:
    return os.read(descriptor, 64).decode("ascii", "replace").strip() or "unknown"


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> JournalError:
    return JournalError(
        f"{path}: the lock cannot be written ({error.strerror}).",
        hint="Make room, give write permission, or set BULKZOHO_HOME to another folder; then give this command again.",
        code="CANNOT_WRITE",
    )


def _worker_locked(descriptor: int) -> bool:
    """Lock for whoever works; one who looks is gone in a moment, and is waited for."""
    until = time.monotonic() + LOOKERS_S
    while not _locked(descriptor):
        if not _locked(descriptor, shared=True):
            return False  # somebody works
        _unlock(descriptor)
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True


def _locked(descriptor: int, *, shared: bool = False) -> bool:
    if sys.platform != "win32":  # on Windows the package imports and runs, but nothing keeps a second resume out
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def _unlock(descriptor: int) -> None:
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_UN)
