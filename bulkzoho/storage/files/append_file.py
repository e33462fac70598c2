"""An append-only file whose valid length is stored elsewhere: dead-letter file, results and spool of a run."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from bulkzoho.errors import RunFailedError
from bulkzoho.storage.files.fsync import OWNER_ONLY, sync_data, sync_folder

__all__ = ["AppendFile"]

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class AppendFile:
    """A :class:`~bulkzoho.interfaces.TrackedFile` on disk, readable by its owner only.

    The constructor creates a missing file; the length is that of the existing content.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        is_new = not path.exists()
        self._descriptor = os.open(path, _FLAGS, OWNER_ONLY)
        if is_new:
            sync_folder(path.parent)
        self._length = os.fstat(self._descriptor).st_size
        self._is_ragged = False  # a failed write left bytes beyond the length

    @property
    def length(self) -> int:
        """Bytes that were appended and passed to the operating system."""
        return self._length

    def append(self, data: bytes) -> None:
        """Write *data* at the end, all of it or none.

        Raises:
            OSError: The disk is full or the like; the written part of *data* is removed again.
        """
        if self._is_ragged:
            self._trim()
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            self._is_ragged = True
            with contextlib.suppress(OSError):  # tried again before the next write
                self._trim()
            error.filename = error.filename or str(self.path)  # a failed write does not name the file
            raise
        self._length += len(data)

    def sync(self) -> None:
        """Make what was appended survive a power cut.

        Raises:
            OSError: The disk reports an error.
        """
        try:
            sync_data(self._descriptor)
        except OSError as error:
            error.filename = error.filename or str(self.path)
            raise

    def cut(self, length: int) -> None:
        """Remove everything after the first *length* bytes.

        Raises:
            RunFailedError: The file is shorter: valid lines are missing.
            OSError: It cannot be cut.
        """
        if length > self._length:
            raise RunFailedError(
                f"{self.path}: has {self._length} bytes, but {length} were written.",
                hint="Restore the file; without it the results of rows are lost.",
                code="FILE_CUT",
            )
        if length < self._length or self._is_ragged:
            self._length = length
            self._is_ragged = True
            self._trim()

    def close(self) -> None:
        """Close it; closing twice is harmless."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _trim(self) -> None:
        os.ftruncate(self._descriptor, self._length)
        self._is_ragged = False
