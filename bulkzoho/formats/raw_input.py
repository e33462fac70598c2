"""Read a file's raw bytes from its beginning, counting and digesting them on the way."""

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

CHUNK_BYTES: Final = 64 * 1024  # bytes a read; 16 to 256 KB were measured to be alike

Chunks = Iterator[bytes]  #: non-empty pieces of an input, in order


class SourceClosedError(Exception):
    """The input was closed while it was read; the source then simply ends."""


class ByteSource(Protocol):
    """Raw bytes of one input.  Owned by its source."""

    @property
    def bytes_total(self) -> int | None:
        """Bytes there are, None when nobody knows."""

    @property
    def blocking(self) -> bool:
        """Whether a read may wait for somebody."""

    def chunks(self) -> Chunks:
        """Give the bytes, piece by piece.

        Raises:
            RunFailedError: They cannot be read on, or the input is known to be incomplete.
            SourceClosedError: :meth:`close` was called.
        """

    def settle(self) -> None:
        """Make durable whatever must be before the rows read so far are used."""

    def fingerprint(self) -> InputFingerprint:
        """Give facts and digest as of what was read so far; also after closing."""

    def close(self) -> None:
        """Release it; closing twice is harmless."""


class RunningDigest:
    """Counts and digests bytes.  May be asked from another thread than the one that feeds it."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()  # processors of today have instructions for it
        self._count = 0
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> None:
        """Take *data* in."""
        with self._lock:
            self._hash.update(data)
            self._count += len(data)

    def state(self) -> tuple[int, str]:
        """Give how many bytes there were, and their hex digest."""
        with self._lock:
            return self._count, self._hash.hexdigest()


class FileByteSource:
    """An ordinary file.

    Args:
        path: The file.
        name: What messages call it.
        digests: Whether what is read is digested; needless for a file whose whole content was.

    Raises:
        RefusedError: There is none, it is a folder or a pipe, or may not be read.
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
    def bytes_total(self) -> int | None:
        """The size when it was opened."""
        return self._size

    @property
    def blocking(self) -> bool:
        """A file never waits for anybody."""
        return False

    def chunks(self) -> Chunks:
        """Give the bytes to the end of the file."""
        while data := self._read():
            if self._digest is not None:
                self._digest.feed(data)
            self._count += len(data)
            yield data

    def settle(self) -> None:
        """Do nothing: the file is its own copy."""

    def fingerprint(self) -> InputFingerprint:
        """Give size and time as of the opening, so that a change made meanwhile shows on a resume."""
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
                f"{self._name}: cannot be read on ({error.strerror}).",
                hint="Check the disk or the network share, then resume.",
                code="INPUT_UNREADABLE",
            ) from error


def _opened(path: str) -> BinaryIO:
    try:
        kind = Path(path).stat().st_mode  # before opening: to open a pipe may wait for ever
        if not stat.S_ISREG(kind):
            _refuse_kind(path, kind)
        return open(path, "rb", buffering=0)  # noqa: PTH123  closed by its owner
    except (OSError, ValueError) as error:
        _refuse(path, error)


def _refuse_kind(path: str, kind: int) -> NoReturn:
    if stat.S_ISDIR(kind):
        raise RefusedError(f"{path}: is a folder.", hint="Name the files in it.", code="NOT_A_FILE")
    raise RefusedError(
        f"{path}: is not an ordinary file.",
        hint="Pipe the rows in and give - as the file: they are then kept, so that the run can be resumed.",
        code="NOT_A_FILE",
    )


def _refuse(path: str, error: OSError | ValueError) -> NoReturn:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            message, hint, code = "no such file.", "Check the path.", "NO_SUCH_FILE"
        case PermissionError():
            message, hint, code = "may not be read.", "Give your user permission to read it.", "UNREADABLE_FILE"
        case OSError():
            message, hint, code = f"cannot be opened ({error.strerror}).", "Check the path.", "UNREADABLE_FILE"
        case _:  # a NUL in the path
            message, hint, code = "is no path.", "Check the path.", "NO_SUCH_FILE"
    raise RefusedError(f"{path!r}: {message}" if "\0" in path else f"{path}: {message}", hint=hint, code=code) from error
