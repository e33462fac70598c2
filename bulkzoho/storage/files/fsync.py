"""Make bytes and names survive a power cut."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

__all__ = ["OWNER_ONLY", "sync_data", "sync_folder"]

OWNER_ONLY = 0o600  # records are personal data: other users cannot read the files of a run


def sync_data(descriptor: int) -> None:
    """Wait until the data written to *descriptor* are on disk.

    Raises:
        OSError: The disk reports an error.
    """
    if sys.platform == "linux":
        os.fdatasync(descriptor)
    else:  # macOS and Windows have no fdatasync
        os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """Wait until the names in the folder *path* are on disk; do nothing on systems that cannot sync folders."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems refuse it; the data are synced anyway
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
