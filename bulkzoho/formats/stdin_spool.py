"""Standard input and other streams, copied into the run's folder as they are read, so that the run can be resumed.

The copy (the spool) has an end mark in a file beside it (``SPOOL.end``): created before the first byte, completed when the
stream ends.  A spool whose end mark is not complete, or does not match, gives its rows and then fails: the rest of the input
is lost.
"""

from __future__ import annotations

import errno
import json
import os
import select
import sys
import threading
from pathlib import Path
from typing import Any, Final, Protocol

from bulkzoho.domain.model.journal_events import STDIN_NAME
from bulkzoho.errors import RefusedError, RunFailedError
from bulkzoho.formats.raw_input import CHUNK_BYTES, Chunks, FileByteSource, RunningDigest, SourceClosedError
from bulkzoho.interfaces import InputFingerprint
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.files.atomic_write import write_atomic
from bulkzoho.storage.files.write_errors import CANNOT_WRITE

__all__ = ["STDIN_NAME", "InputStream", "SpoolByteSource", "StandardInput", "StreamByteSource", "is_spool"]

_MARK_SUFFIX: Final = ".end"
_MARK_KEY: Final = "bulkzoho_spool"
_CLOSE_WAIT_S: Final = 5.0  # for a read to leave its system call after it was woken


class InputStream(Protocol):
    """Bytes that can be read only once, by one thread."""

    def read(self) -> bytes:
        """Wait for the next bytes and return them, ``b""`` at the end.

        Raises:
            RunFailedError: The stream cannot be read further.
            SourceClosedError: :meth:`wake` was called.
        """

    def wake(self) -> None:
        """Make a waiting :meth:`read` raise.  May be called from another thread, once."""

    def close(self) -> None:
        """Release the stream, which is not read any more."""


class StandardInput:
    """Standard input, or another descriptor, as a stream.

    Raises:
        RefusedError: The descriptor is closed.
    """

    def __init__(self, descriptor: int = 0) -> None:
        try:
            os.fstat(descriptor)
        except OSError as error:
            raise RefusedError(
                "standard input is closed.", hint="Pipe rows into the command, or name a file.", code="NO_STANDARD_INPUT"
            ) from error
        self._descriptor = descriptor
        self._woken, self._wake = os.pipe()

    def read(self) -> bytes:
        """Return what :func:`os.read` returns, or raise if :meth:`wake` was called before."""
        if sys.platform != "win32":  # only sockets can be selected there
            ready, _, _ = select.select([self._descriptor, self._woken], [], [])
            if self._woken in ready:
                raise SourceClosedError
        try:
            return os.read(self._descriptor, CHUNK_BYTES)
        except OSError as error:
            raise RunFailedError(
                f"{STDIN_NAME}: read error ({error.strerror}).", hint="Pipe the input in again.", code="INPUT_UNREADABLE"
            ) from error

    def wake(self) -> None:
        """Write to the pipe that :meth:`read` waits for too."""
        os.write(self._wake, b"x")

    def close(self) -> None:
        """Close the pipe; the descriptor belongs to the caller."""
        os.close(self._woken)
        os.close(self._wake)


class StreamByteSource:
    """A stream and its copy at *spool*.  Reads may wait: they belong in a thread.

    Raises:
        RunFailedError: The copy cannot be created.
    """

    def __init__(self, stream: InputStream, spool: Path) -> None:
        self._stream = stream
        self._mark = spool.with_name(spool.name + _MARK_SUFFIX)
        self._copy = _new_copy(spool, self._mark)
        self._digest = RunningDigest()
        self._is_unsynced = False
        self._busy = threading.Lock()  # held by a read, so that nothing is closed during it
        self._closed = False

    @property
    def blocking(self) -> bool:
        """A stream may wait for its writer."""
        return True

    def chunks(self) -> Chunks:
        """Return the bytes of the stream, each piece after it was copied."""
        while data := self._read():
            yield data

    def sync(self) -> None:
        """Make the copy of all that was read survive a power cut.

        Raises:
            RunFailedError: The disk reports an error.
        """
        with self._busy:
            if self._is_unsynced and not self._closed:
                try:
                    self._copy.sync()
                except OSError as error:
                    raise _cannot_copy(error) from error
                self._is_unsynced = False

    def fingerprint(self) -> InputFingerprint:
        """Return the size and digest of the copy."""
        count, digest = self._digest.state()
        return InputFingerprint(size=count, mtime_ns=0, read_bytes=count, digest=digest)

    def close(self) -> None:
        """Wake a read that waits in another thread, and close the copy."""
        if self._closed:
            return
        self._closed = True
        self._stream.wake()
        # A read that cannot be woken (Windows) keeps what it uses: better than closing it during the read
        if self._busy.acquire(timeout=_CLOSE_WAIT_S):
            self._copy.close()
            self._stream.close()
            self._busy.release()

    def _read(self) -> bytes:
        with self._busy:
            if self._closed:
                raise SourceClosedError
            data = self._stream.read()
            self._append(data)
            return data

    def _append(self, data: bytes) -> None:
        try:
            if data:
                self._copy.append(data)
                self._digest.feed(data)
                self._is_unsynced = True
            else:
                self._copy.sync()
                count, digest = self._digest.state()
                write_atomic(self._mark, _mark(bytes=count, digest=digest))
        except OSError as error:
            raise _cannot_copy(error) from error


class SpoolByteSource(FileByteSource):
    """The copy of a stream, read again."""

    def __init__(self, path: str, *, name: str) -> None:
        super().__init__(path, name=name)
        self._label = name
        self._mark = _read_mark(Path(path)) or {}

    def chunks(self) -> Chunks:
        """Return the bytes of the copy.

        Raises:
            RunFailedError: At its end, if it may not be the whole input.
        """
        yield from super().chunks()
        seen = self.fingerprint()
        if (self._mark.get("bytes"), self._mark.get("digest")) != (seen.read_bytes, seen.digest):
            raise RunFailedError(
                f"{self._label}: the run stopped before its input ended; the rows that were copied by then were read.",
                hint="Import the missing rows in a run of their own.",
                code="INPUT_INCOMPLETE",
            )


def is_spool(path: Path) -> bool:
    """Return whether *path* is the copy of a stream, complete or not."""
    return _read_mark(path) is not None


def _new_copy(spool: Path, mark: Path) -> AppendFile:
    try:
        if spool.exists():  # another run may need it
            raise FileExistsError(errno.EEXIST, "a copy of another input exists", str(spool))
        write_atomic(mark, _mark())
        return AppendFile(spool)
    except OSError as error:
        raise _cannot_copy(error) from error


def _mark(**facts: Any) -> bytes:
    return json.dumps({_MARK_KEY: 1, **facts}).encode() + b"\n"


def _read_mark(path: Path) -> dict[str, Any] | None:
    try:
        mark = json.loads(path.with_name(path.name + _MARK_SUFFIX).read_bytes())
    except (OSError, ValueError):
        return None
    return mark if isinstance(mark, dict) and mark.get(_MARK_KEY) == 1 else None


def _cannot_copy(error: OSError) -> RunFailedError:
    return RunFailedError(
        f"{error.filename or 'standard input'}: the input cannot be copied ({error.strerror}).",
        hint="Free disk space, then import again.",
        code=CANNOT_WRITE,
    )
