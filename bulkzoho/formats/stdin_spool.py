"""Standard input, copied beside the run as it is read, so that the run can be resumed.

The copy has a mark beside it (``SPOOL.end``), made before the first byte and made complete when the input ended.  A copy
whose mark is not complete, or does not fit it, gives its rows and then fails: the rest of the input is gone.
"""

from __future__ import annotations

import errno
import json
import os
import select
import sys
import threading
from pathlib import Path
from typing import Any, Final

from bulkzoho.domain.model.journal_events import STDIN_NAME
from bulkzoho.errors import RefusedError, RunFailedError
from bulkzoho.formats.raw_input import CHUNK_BYTES, Chunks, FileByteSource, RunningDigest, SourceClosedError
from bulkzoho.interfaces import InputFingerprint
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.files.atomic_write import write_atomic

__all__ = ["STDIN_NAME", "SpoolByteSource", "StdinByteSource", "is_spool"]

_MARK_SUFFIX: Final = ".end"
_MARK_KEY: Final = "bulkzoho_spool"
_CLOSE_WAIT_S: Final = 5.0  # for a read to leave its system call after it was woken


class StdinByteSource:
    """Standard input and its copy at *spool*.  Reads may wait: they belong in a thread.

    Raises:
        RefusedError: Standard input is closed.
        RunFailedError: The copy cannot be made.
    """

    def __init__(self, spool: Path, *, descriptor: int = 0) -> None:
        try:
            os.fstat(descriptor)
        except OSError as error:
            raise RefusedError(
                "standard input is closed.", hint="Pipe rows into the command, or name a file.", code="NO_STANDARD_INPUT"
            ) from error
        self._descriptor = descriptor
        self._mark = spool.with_name(spool.name + _MARK_SUFFIX)
        self._copy = _new_copy(spool, self._mark)
        self._digest = RunningDigest()
        self._is_unsynced = False
        self._busy = threading.Lock()  # held by a read, so that nothing is closed under it
        self._closed = False
        self._woken, self._wake = os.pipe()

    @property
    def bytes_total(self) -> int | None:
        """Nobody knows how much will come."""
        return None

    @property
    def blocking(self) -> bool:
        """Whoever writes may take his time."""
        return True

    def chunks(self) -> Chunks:
        """Give what comes, each piece after it was copied."""
        while data := self._read():
            yield data

    def settle(self) -> None:
        """Make the copy of all that was read survive a power cut.

        Raises:
            RunFailedError: It could not be made so.
        """
        with self._busy:
            if self._is_unsynced and not self._closed:
                try:
                    self._copy.sync()
                except OSError as error:
                    raise _cannot_copy(error) from error
                self._is_unsynced = False

    def fingerprint(self) -> InputFingerprint:
        """Give the copy's size and digest."""
        count, digest = self._digest.state()
        return InputFingerprint(size=count, mtime_ns=0, read_bytes=count, digest=digest)

    def close(self) -> None:
        """Wake a read that waits in another thread, and close the copy."""
        if self._closed:
            return
        self._closed = True
        os.write(self._wake, b"x")
        # Where a read cannot be woken (Windows) it keeps what it uses: better than closing it under the read.
        if self._busy.acquire(timeout=_CLOSE_WAIT_S):
            self._copy.close()
            os.close(self._woken)
            os.close(self._wake)
            self._busy.release()

    def _read(self) -> bytes:
        with self._busy:
            if not self._closed and sys.platform != "win32":  # there only sockets can be selected
                select.select([self._descriptor, self._woken], [], [])
            if self._closed:
                raise SourceClosedError
            try:
                data = os.read(self._descriptor, CHUNK_BYTES)
            except OSError as error:
                raise RunFailedError(
                    f"{STDIN_NAME}: cannot be read on ({error.strerror}).", hint="Give the input again.", code="INPUT_UNREADABLE"
                ) from error
            self._keep(data)
            return data

    def _keep(self, data: bytes) -> None:
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
    """The copy of a standard input, read again."""

    def __init__(self, path: str, *, name: str) -> None:
        super().__init__(path, name=name)
        self._label = name
        self._mark = _read_mark(Path(path)) or {}

    def chunks(self) -> Chunks:
        """Give the copy.

        Raises:
            RunFailedError: At its end, when it is not known to be all of the input.
        """
        yield from super().chunks()
        seen = self.fingerprint()
        if (self._mark.get("bytes"), self._mark.get("digest")) != (seen.read_bytes, seen.digest):
            raise RunFailedError(
                f"{self._label}: the run ended before its standard input did; the rows that were kept were read.",
                hint="Import the rows that are missing in a run of their own.",
                code="INPUT_INCOMPLETE",
            )


def is_spool(path: Path) -> bool:
    """Whether *path* is the copy of a standard input, complete or not."""
    return _read_mark(path) is not None


def _new_copy(spool: Path, mark: Path) -> AppendFile:
    try:
        if spool.exists():  # never over what another run may need
            raise FileExistsError(errno.EEXIST, "there is a copy of a standard input already", str(spool))
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
        f"{error.filename or 'standard input'}: the input cannot be kept ({error.strerror}).",
        hint="Make room on the disk, then give the input again.",
        code="CANNOT_WRITE",
    )
