"""A file that is written piece by piece and stands in its place only when it is whole."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from bulkzoho.storage.files.fsync import OWNER_ONLY, sync_folder

__all__ = ["AtomicFile"]


class AtomicFile:
    """For its owner alone; what stood at *path* stands there until :meth:`keep`.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        self._file = open(os.open(self._draft, flags, OWNER_ONLY), "wb")  # noqa: PTH123, SIM115  the descriptor sets the permissions

    def write(self, data: bytes) -> None:
        """Write *data* at the end.

        Raises:
            OSError: Disk full and the like.
        """
        self._file.write(data)

    def keep(self) -> None:
        """Put it in its place.

        Raises:
            OSError: Disk full and the like.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._draft.replace(self.path)
        sync_folder(self.path.parent)

    def drop(self) -> None:
        """Forget it; after :meth:`keep` nothing happens."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._draft.unlink(missing_ok=True)
