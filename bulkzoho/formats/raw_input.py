"""Raw bytes of an input, counted and digested as they are read."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NoReturn, Protocol

from bulkzoho.errors import RefusedError, RunFailedError
from bulkzoho.interfaces import InputFingerprint

__all__ = ["CHUNK_BYTES", "ByteSource", "Chunks", "FileByteSource", "RunningDigest", "SourceClosedError"]

CHUNK_BYTES: Final = 64 * 1024  # bytes per read; 16 to 256 KB were measured to be equally fast

Chunks = Iterator[bytes]  #: non-empty pieces of an input, in order


class SourceClosedError(Exception):
    """The input was closed while it was read; the source then ends."""


class ByteSource(Protocol):
    """Raw bytes of one input.  Owned by its source."""

    @property
    def blocking(self) -> bool:
        """Whether a read may wait for a writer."""

    def chunks(self) -> Chunks:
        """Return the bytes, piece by piece.

        Raises:
            RunFailedError: They cannot be read further, or the input is known to be incomplete.
            SourceClosedError: :meth:`close` was called.
        """

    def sync(self) -> None:
        """Make durable what must be durable before the rows read so far are used."""

    def fingerprint(self) -> InputFingerprint:
        """Return size, time and digest as of the bytes read so far; also after closing."""

    def close(self) -> None:
        """Release the input; closing twice is harmless."""


class RunningDigest:
    """Counts and digests bytes.  Another thread than the one that feeds it may read its state."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()  # current processors have instructions for it
        self._count = 0
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> None:
        """Add *data*."""
        with self._lock:
            self._hash.update(data)
            self._count += len(data)

    def state(self) -> tuple[int, str]:
        """Return the number of bytes and their hex digest."""
        with self._lock:
            return self._count, self._hash.hexdigest()


class FileByteSource:
    """An ordinary file.

    Args:
        path: The file.
        name: Name in messages.
        digests: Whether to digest the bytes; needless for a file whose whole content was digested.

    Raises:
        RefusedError: It does not exist, is a folder or a pipe, or cannot be read.
    """

    def __init__(self, path: str, *, name: str | None = None, digests: bool = True) -> None:
        self._path = path
        self._name = name or path
        self._file = _opened(path)
        facts = os.fstat(self._file.fileno())
        self._size = facts.st_size
        self._mtime_ns = facts.st_mtime_ns
        self._digest = RunningDigest() if digests else None
        self._count = 0

    @property
    def blocking(self) -> bool:
        """A file never waits."""
        return False

    def chunks(self) -> Chunks:
        """Return the bytes to the end of the file."""
        while data := self._read():
            if self._digest is not None:
                self._digest.feed(data)
            self._count += len(data)
            yield data

    def sync(self) -> None:
        """Do nothing: the file is its own copy."""

    def fingerprint(self) -> InputFingerprint:
        """Return size and time as of the opening, so that a resume notices a change made since."""
        digest = "" if self._digest is None else self._digest.state()[1]
        return InputFingerprint(size=self._size, mtime_ns=self._mtime_ns, read_bytes=self._count, digest=digest)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self) -> bytes:
        if self._file.closed:
            raise SourceClosedError
        try:
            return self._file.read(CHUNK_BYTES)
        except OSError as error:
            raise RunFailedError(
                f"{self._name}: read error ({error.strerror}).",
                hint="Check the disk or the network share, then resume.",
                code="INPUT_UNREADABLE",
            ) from error


def _opened(path: str) -> BinaryIO:
    try:
        kind = Path(path).stat().st_mode  # before opening: opening a pipe may wait forever
        if not stat.S_ISREG(kind):
            _refuse_kind(path, kind)
        return open(path, "rb", buffering=0)  # noqa: PTH123  closed by its owner
    except (OSError, ValueError) as error:
        _refuse(path, error)


def _refuse_kind(path: str, kind: int) -> NoReturn:
    if stat.S_ISDIR(kind):
        raise RefusedError(f"{path}: is a folder.", hint="Name the files in it.", code="NOT_A_FILE")
    raise RefusedError(
        f"{path}: is not a regular file.",
        hint="Pipe the rows in and use - as the file: they are copied then, so that the run can be resumed.",
        code="NOT_A_FILE",
    )


def _refuse(path: str, error: OSError | ValueError) -> NoReturn:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            message, hint, code = "no such file.", "Check the path.", "NO_SUCH_FILE"
        case PermissionError():
            message, hint, code = "permission denied.", "Grant your user permission to read it.", "UNREADABLE_FILE"
        case OSError():
            message, hint, code = f"cannot be opened ({error.strerror}).", "Check the path.", "UNREADABLE_FILE"
        case _:  # a NUL in the path
            message, hint, code = "is not a path.", "Check the path.", "NO_SUCH_FILE"
    raise RefusedError(f"{path!r}: {message}" if "\0" in path else f"{path}: {message}", hint=hint, code=code) from error
