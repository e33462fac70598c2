"""Write log events to standard error and to a file, as the logging options ask."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from bulkzoho.app.log_events import LOGGER_NAME, json_line, text_line
from bulkzoho.cli.streams import print_note
from bulkzoho.errors import RefusedError

__all__ = ["LogOutput"]


class LogOutput:
    """The log output of one command: warnings go to standard error, more with ``-v``, and all of it to the file."""

    def __init__(self) -> None:
        self.path: str | None = None
        self._verbosity = 0
        self._json = False
        self._logger = logging.getLogger(LOGGER_NAME)
        self._stderr = _LineHandler(self._on_stderr)
        self._file = _LineHandler(self._in_file)
        self._descriptor: int | None = None
        self._logger.addHandler(self._stderr)
        self._set_levels()

    def add_verbosity(self, count: int) -> None:
        """Show INFO events with one ``-v``, DEBUG events with two."""
        self._verbosity += count
        self._set_levels()

    def use_format(self, name: str) -> None:
        """Write *name*, text or json."""
        self._json = name == "json"

    def open_file(self, path: str) -> None:
        """Append events to *path* (0600) too.

        Raises:
            RefusedError: The file cannot be opened.
        """
        self.close_file()
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise RefusedError(
                f"{path}: the log file cannot be opened ({error.strerror}).", hint="Choose another path.", code="CANNOT_WRITE"
            ) from error
        self.path = os.path.abspath(path)  # noqa: PTH100  as the paths of inputs: symbolic links stay links
        self._logger.addHandler(self._file)
        self._set_levels()

    def close_file(self) -> None:
        """Close the file, if there is one."""
        self._logger.removeHandler(self._file)
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def close(self) -> None:
        """Log nothing more, and leave the logger as it was."""
        self.close_file()
        self._logger.removeHandler(self._stderr)
        self._logger.setLevel("NOTSET")

    def _set_levels(self) -> None:
        wanted = ("WARNING", "INFO", "DEBUG")[min(self._verbosity, 2)]
        self._stderr.setLevel(wanted)
        in_file = "DEBUG" if wanted == "DEBUG" else "INFO"
        self._file.setLevel(in_file)
        self._logger.setLevel(wanted if self._descriptor is None else in_file)

    def _on_stderr(self, record: logging.LogRecord) -> None:
        print_note(self._line(record))

    def _in_file(self, record: logging.LogRecord) -> None:
        if self._descriptor is not None:
            os.write(self._descriptor, f"{self._line(record)}\n".encode())

    def _line(self, record: logging.LogRecord) -> str:
        return json_line(record).decode().rstrip() if self._json else text_line(record)


class _LineHandler(logging.Handler):
    """Hands each event to a function.  An event that cannot be written never ends a run."""

    def __init__(self, write: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(record)
        except (OSError, TypeError):
            return
