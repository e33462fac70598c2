"""The log of a run: the events of level INFO in ``run.log`` in its folder."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import pairwise
from pathlib import Path
from typing import Final

import orjson

from bulkzoho.app.log_events import LOGGER_NAME, json_line
from bulkzoho.domain.model.journal_events import RunInfo
from bulkzoho.domain.model.summary import Summary
from bulkzoho.errors import BulkZohoError

__all__ = ["log_run_finished", "log_run_started", "open_run_log"]

WRITE_EVERY_S: Final = 0.25
MAX_EVENTS: Final = 50  # of one logger between two writes; more only come when a test server answers faster than Zoho may
MAX_BYTES: Final = 10_000_000  # of one file; then it becomes run.log.1
OLD_FILES: Final = 2

_LOG = logging.getLogger(__name__)


@contextmanager
def open_run_log(path: Path) -> Iterator[None]:
    """Write the events of this task, and of the tasks that it starts, to *path* until the context ends.

    The file (0600) holds JSON Lines of level INFO and above, and is continued if it exists.  A log that cannot be written
    never ends a run.
    """
    log = _RunLog(path)
    token = _CURRENT.set(log)
    _TAP.add(log)
    try:
        yield
    except BulkZohoError as error:
        _LOG.info("run refused", extra={"code": error.code, "exit_code": int(error.exit_code)})
        raise
    finally:
        _TAP.remove(log)
        _CURRENT.reset(token)


def log_run_started(run: RunInfo) -> None:
    """Log that this process starts to work on *run*, for the first time or again."""
    facts = {"run": run.run, "command": run.command, "crm_module": run.crm_module, "operation": run.operation}
    _LOG.info("run started", extra=facts | {"resumed": run.seconds > 0, "pid": os.getpid()})


def log_run_finished(summary: Summary) -> None:
    """Log how *summary*'s run ended in this process."""
    tally = summary.tally
    facts = {"run": summary.run, "status": summary.status, "exit_code": int(summary.exit_code), "rows": tally.read}
    outcomes = {"accepted": tally.accepted, "rejected": tally.dead_lettered, "in_doubt": tally.in_doubt, "unsent": tally.unsent}
    code = (summary.error or {}).get("code")
    _LOG.info(
        "run finished",
        extra=facts | outcomes | {"calls": summary.calls.total, "seconds": round(summary.seconds, 3), "code": code},
    )


class _RunLog:
    """One ``run.log``.  Lines wait in a list, so that an event costs no write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None  # of the event loop that will write them
        self._file: int | None = None
        self._lock = threading.RLock()
        self._counts: Counter[str] = Counter()  # events of each logger since the last write
        self._muted: list[logging.Logger] = []

    def add(self, record: logging.LogRecord, *, may_mute: bool) -> None:
        """Take *record*; write at once when it is a warning, or when there is no event loop to write later.

        *may_mute* lets it silence a logger until the next write: an import at full speed must not pay for its log.
        """
        with self._lock, suppress(orjson.JSONEncodeError):
            self._lines.append(json_line(record))
            self._counts[record.name] += 1
            if record.levelno >= logging.WARNING:
                self.write()
            elif self._timer is None:
                try:
                    self._timer = asyncio.get_running_loop().call_later(WRITE_EVERY_S, self.write)
                except RuntimeError:  # a thread without a loop
                    self.write()
            elif may_mute and self._counts[record.name] >= MAX_EVENTS:
                self._mute(logging.getLogger(record.name))

    def write(self) -> None:
        """Write the waiting events; drop those that cannot be written."""
        with self._lock, suppress(OSError):
            timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            self._unmute()
            lines, self._lines = self._lines, []
            if lines:
                self._append(b"".join(lines))

    def close(self) -> None:
        """Write the waiting events and close the file."""
        with self._lock:
            self.write()
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _mute(self, logger: logging.Logger) -> None:
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
            self._muted.append(logger)

    def _unmute(self) -> None:
        self._counts.clear()
        for logger in self._muted:
            logger.setLevel(logging.NOTSET)
            facts = {"limit": MAX_EVENTS}
            self._lines.append(
                json_line(logger.makeRecord(logger.name, logging.INFO, "", 0, "events left out", (), None, extra=facts))
            )
        self._muted.clear()

    def _append(self, data: bytes) -> None:
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        size = os.fstat(self._file).st_size
        if size and size + len(data) > MAX_BYTES:
            self._rotate()
            size = 0
        if os.write(self._file, data) < len(data):  # the disk is full: no line may be left in two halves
            os.ftruncate(self._file, size)

    def _rotate(self) -> None:
        assert self._file is not None
        os.close(self._file)
        self._file = None
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{number}") for number in range(1, OLD_FILES + 1))]
        for newer, older in reversed([*pairwise(names)]):
            with suppress(FileNotFoundError):
                newer.replace(older)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


class _Tap(logging.Handler):
    """Takes every event of the tree while a run log is open.

    The handlers that a program has set up itself receive what they would receive without it: they are not shown INFO
    events because a run log needs them.
    """

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._logs: list[_RunLog] = []
        self._outer_level = logging.WARNING
        self._level_set = logging.NOTSET
        self._outer_handlers: list[logging.Handler] = []
        self._propagated = True

    def add(self, log: _RunLog) -> None:
        """Let *log* receive events."""
        logger = logging.getLogger(LOGGER_NAME)
        with self._locked():
            if not self._logs:
                self._outer_level, self._level_set = logger.getEffectiveLevel(), logger.level
                self._outer_handlers, self._propagated = logger.handlers[:], logger.propagate
                logger.handlers[:] = [self]
                logger.propagate = False
                logger.setLevel(min(self._outer_level, logging.INFO))
            self._logs.append(log)

    def remove(self, log: _RunLog) -> None:
        """Let *log* receive no more events, and close it; the last one puts the logger back."""
        logger = logging.getLogger(LOGGER_NAME)
        with self._locked():
            self._logs.remove(log)
            log.close()
            if not self._logs:
                logger.handlers[:] = self._outer_handlers
                logger.propagate = self._propagated
                logger.setLevel(self._level_set)

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record* to the log of the run it belongs to; to all of them when that is not known."""
        if record.levelno >= logging.INFO:
            current = _CURRENT.get()
            for log in self._logs:
                if current is None or log is current:
                    log.add(record, may_mute=self._outer_level > logging.INFO)
        if record.levelno >= self._outer_level:
            self._hand_on(record)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def _hand_on(self, record: logging.LogRecord) -> None:
        for handler in self._outer_handlers:
            if record.levelno >= handler.level:
                handler.handle(record)
        if self._propagated and logging.root.handlers:
            logging.root.callHandlers(record)


_CURRENT: ContextVar[_RunLog | None] = ContextVar("run_log", default=None)
_TAP: Final = _Tap()
