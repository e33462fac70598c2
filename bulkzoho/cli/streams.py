"""Write data to standard output and everything else to standard error."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from bulkzoho.errors import RunFailedError

__all__ = ["StandardOutput", "notes_through", "print_data", "print_json", "print_note"]

_writers: list[Callable[[str], None]] = []  # the display that owns standard error, if one does; the last counts


def print_data(text: str) -> None:
    """Write *text* and a line end to standard output.  A closed pipe is not an error.

    Raises:
        RunFailedError: Standard output cannot be written for another reason, such as a full disk.
    """
    if sys.stdout is None:  # started with standard output closed
        return
    try:
        _write_all((text + "\n").encode(sys.stdout.encoding, "backslashreplace"))
    except OSError as error:
        _silence(sys.stdout)
        if error.errno != errno.EPIPE:
            raise RunFailedError(
                f"standard output cannot be written: {error.strerror}.", hint="Redirect it to another file."
            ) from error


class StandardOutput:
    """Standard output for the records of an export.

    Args:
        before: Called before the first byte, to remove a display from the screen.
    """

    def __init__(self, before: Callable[[], None] | None = None) -> None:
        self._before = before

    def write(self, data: bytes) -> None:
        """Write *data*.

        Raises:
            OSError: It cannot be written.  A closed pipe is an error too: the export has not been delivered.
        """
        before, self._before = self._before, None
        if before is not None:
            before()
        if sys.stdout is None:  # started with standard output closed
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        try:
            _write_all(data)
        except OSError:
            _silence(sys.stdout)
            raise


def _write_all(data: bytes) -> None:
    """Write all of *data* to standard output.

    Under ``PYTHONUNBUFFERED`` a write may be partial, on a full disk or after a signal.

    Raises:
        OSError: Not all of it can be written.
    """
    out, left = sys.stdout.buffer, memoryview(data)
    while left:
        taken: int | None = out.write(left)
        if not taken:  # a full non-blocking pipe
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        left = left[taken:]
    out.flush()


def print_json(value: Any) -> None:
    """Write *value* as one line of JSON to standard output.

    Raises:
        RunFailedError: As :func:`print_data`.
    """
    print_data(json.dumps(value, ensure_ascii=False))


@contextmanager
def notes_through(write: Callable[[str], None]) -> Iterator[None]:
    """Print every note with *write* until the context ends: a progress bar owns the screen."""
    _writers.append(write)
    try:
        yield
    finally:
        _writers.remove(write)


def print_note(text: str) -> None:
    """Write *text* and a line end to standard error.  Text that cannot be written is dropped."""
    if _writers:
        _writers[-1](text)
        return
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:
        _silence(sys.stderr)


def _silence(stream: IO[str]) -> None:
    """Redirect *stream* to the null device, so that the interpreter's last flush does not fail."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
