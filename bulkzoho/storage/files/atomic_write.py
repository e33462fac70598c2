"""Write a file completely or not at all: temporary name, sync, rename, sync the folder."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO, Self

from bulkzoho.storage.files.fsync import OWNER_ONLY, sync_folder

__all__ = ["AtomicFile", "create_private", "write_atomic"]

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)


def create_private(path: Path) -> BinaryIO:
    """Create or empty the file at *path*, readable by its owner only.

    Raises:
        OSError: It cannot be created.
    """
    return open(os.open(path, _FLAGS, OWNER_ONLY), "wb")  # noqa: PTH123  the descriptor sets the permissions


class AtomicFile:
    """A file that is written in pieces and gets its name in :meth:`commit`; until then the old file stays.

    Use it as a context manager, or call :meth:`discard` at the end.

    Raises:
        OSError: The temporary file cannot be created.
    """

    def __init__(self, path: Path, *, temporary_name: str | None = None) -> None:
        """Create the temporary file beside *path*, as *temporary_name* where a longer name may be too long."""
        self.path = path
        self._temporary = path.with_name(temporary_name or f".{path.name}.{os.getpid()}.tmp")
        self._file = create_private(self._temporary)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def write(self, data: bytes) -> None:
        """Write *data* at the end.

        Raises:
            OSError: The disk is full, for example.
        """
        self._file.write(data)

    def commit(self) -> None:
        """Make the content durable and rename the file to its path.

        Raises:
            OSError: The disk is full, for example; the old file is unchanged.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self.path)
        sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove the temporary file; does nothing after :meth:`commit`."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace the file at *path* by *data*, readable by its owner only; readers see the old content or the new.

    Raises:
        OSError: The disk is full, for example; the old file is unchanged.
    """
    with AtomicFile(path) as file:
        file.write(data)
        file.commit()
