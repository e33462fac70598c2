"""Write a file whole or not at all: temporary name, sync, rename, sync the folder."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from bulkzoho.storage.files.fsync import OWNER_ONLY, sync_folder

__all__ = ["write_atomic"]


def write_atomic(path: Path, data: bytes) -> None:
    """Put *data* at *path*, for the owner alone; a reader sees the old content or the new, never a part.

    Raises:
        OSError: Disk full and the like; what stood at *path* stands there still.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _write_synced(draft, data)
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _write_synced(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, OWNER_ONLY), "wb") as file:  # noqa: PTH123  the descriptor sets the permissions
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
