"""The two streams of a command: data to standard output, everything else to standard error; neither may break a run."""

from __future__ import annotations

import errno
import json
import os
import sys
from typing import IO, Any

from bulkzoho.errors import RunFailedError

__all__ = ["StandardOutput", "print_data", "print_json", "print_note"]


def print_data(text: str) -> None:
    """Write *text* and a line's end to standard output.  A reader that went away is no failure.

    Raises:
        RunFailedError: Standard output cannot be written for another reason (a full disk).
    """
    if sys.stdout is None:  # started with standard output closed
        return
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError as error:
        _silence(sys.stdout)
        if error.errno != errno.EPIPE:
            raise RunFailedError(f"standard output cannot be written: {error.strerror}.", hint="Send it elsewhere.") from error


class StandardOutput:
    """Standard output for bytes.  A reader that went away is no failure: what is written after that goes nowhere."""

    def __init__(self) -> None:
        self._open = sys.stdout is not None

    def write(self, data: bytes) -> None:
        """Write *data*.

        Raises:
            OSError: Standard output cannot be written for another reason than that nobody reads it.
        """
        if not self._open:
            return
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            self._open = False
            _silence(sys.stdout)
            if error.errno != errno.EPIPE:
                raise


def print_json(value: Any) -> None:
    """Write *value* as one line of JSON to standard output.

    Raises:
        RunFailedError: As :func:`print_data`.
    """
    print_data(json.dumps(value, ensure_ascii=False))


def print_note(text: str) -> None:
    """Write *text* and a line's end to standard error; what cannot be written there is dropped."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:
        _silence(sys.stderr)


def _silence(stream: IO[str]) -> None:
    """Point *stream* at nothing, so that the interpreter's last flush does not complain in its turn."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
