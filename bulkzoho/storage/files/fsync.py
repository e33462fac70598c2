"""Make bytes and names survive a power cut."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

__all__ = ["OWNER_ONLY", "sync_data", "sync_folder"]

OWNER_ONLY = 0o600  # records are personal data: no file of a run is readable by others


def sync_data(descriptor: int) -> None:
    """Return when what was written to *descriptor* is on the disk.

    Raises:
        OSError: It could not be made so.
    """
    if sys.platform == "linux":
        os.fdatasync(descriptor)
    else:  # macOS and Windows have no fdatasync
        os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """Return when the names in the folder *path* are on the disk; does nothing where folders cannot be synced."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems refuse it; the data are synced all the same
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
