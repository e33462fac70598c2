"""File locks of the operating system: released when the process that holds them ends."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from bulkzoho.errors import JournalError, RefusedError
from bulkzoho.storage.files.fsync import OWNER_ONLY
from bulkzoho.storage.files.private_folder import make_private_folder
from bulkzoho.storage.files.write_errors import CANNOT_WRITE

if sys.platform != "win32":
    import fcntl

__all__ = ["FileLock", "exclusive_lock", "lock_owner", "open_lock_file", "try_lock"]

READERS_WITHIN_S: Final = 0.1  # seconds for which processes that only check may delay a worker; a check takes microseconds


class FileLock:
    """A lock held from :meth:`acquire` until :meth:`release` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, path: Path, *, what: str) -> Self:
        """Lock *what*, as in "run 7", without waiting for another worker.

        Raises:
            RefusedError: Another process holds the lock; the message names it.
            JournalError: The lock file cannot be written: the disk is full, a folder not writable.
        """
        descriptor = _open(path)
        if not _lock_for_work(descriptor):
            owner = _owner_in(descriptor)
            os.close(descriptor)
            raise RefusedError(
                f"{what} is in use by process {owner}.",
                hint="Wait for it, or stop it with Ctrl-C; then run this command again.",
                code="RUN_LOCKED",
            )
        try:
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except OSError as error:
            os.close(descriptor)
            raise _lock_error(path, error) from error
        return cls(descriptor)

    def release(self) -> None:
        """Unlock."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Wait for the lock at *path* and hold it while the context lasts.  For short critical sections.

    Raises:
        JournalError: The lock file cannot be made.
    """
    descriptor = _open(path)
    try:
        if sys.platform != "win32":
            with suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def lock_owner(path: Path) -> str | None:
    """Return the process that holds the lock ("unknown" until it has written its number), or None."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return None if _is_free(descriptor, shared=True) else _owner_in(descriptor)
    finally:
        os.close(descriptor)


def open_lock_file(path: Path) -> int:
    """Open the lock file at *path*, make it and its folder if missing, and return its descriptor.

    Raises:
        OSError: It cannot be made.
    """
    make_private_folder(path.parent)
    return os.open(path, os.O_RDWR | os.O_CREAT, OWNER_ONLY)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock without waiting; return False if another process holds the lock.  Always True on Windows.

    Raises:
        OSError: The file system has no locks.
    """
    if sys.platform != "win32":  # on Windows the package imports and runs, but nothing stops a second resume
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _open(path: Path) -> int:
    try:
        return open_lock_file(path)
    except OSError as error:
        raise _lock_error(path, error) from error


def _lock_error(path: Path, error: OSError) -> JournalError:
    return JournalError(
        f"{path}: the lock cannot be written ({error.strerror}).",
        hint="Make room, give write permission, or set BULKZOHO_HOME to another directory; then run this command again.",
        code=CANNOT_WRITE,
    )


def _owner_in(descriptor: int) -> str:
    return os.read(descriptor, 64).decode("ascii", "replace").strip() or "unknown"


def _lock_for_work(descriptor: int) -> bool:
    """Take the exclusive lock; wait a moment for processes that only check it (they hold it shared)."""
    until = time.monotonic() + READERS_WITHIN_S
    while not _is_free(descriptor):
        if not _is_free(descriptor, shared=True):
            return False  # another worker
        _unlock(descriptor)
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True


def _is_free(descriptor: int, *, shared: bool = False) -> bool:
    """Lock *descriptor* if possible; where the file system has no locks, nothing counts as free."""
    try:
        return try_lock(descriptor, shared=shared)
    except OSError:
        return False


def _unlock(descriptor: int) -> None:
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_UN)
