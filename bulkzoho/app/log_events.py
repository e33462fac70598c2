"""Log events: which facts they may hold, and how they are written.

An event is a record of the logger tree ``bulkzoho`` whose message is a constant name and whose facts are extra fields.
Only the fields of :data:`FIELDS` are written, and only numbers, truth values and short texts: no value of a record, no
secret and no control character can reach a log.  docs/logs.md lists the events.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import orjson

__all__ = ["FIELDS", "LOGGER_NAME", "event_fields", "json_line", "text_line"]

LOGGER_NAME: Final = "bulkzoho"
MAX_TEXT: Final = 200  # characters of one value

_ROWS = {"accepted", "changed", "deleted", "in_doubt", "matched", "rejected", "records", "rows", "skipped", "unknown", "unsent"}
_LIMITS = {"calls_in_flight", "calls_per_day", "calls_per_minute", "credits_per_day"}
_NUMBERS = {
    "batches",
    "calls",
    "credits",
    "difference",
    "jobs",
    "limit",
    "pages",
    "partitions",
    "queries",
    "retried",
    "senders",
    "size",
}
_IDS = {"attempt", "batch", "first_row", "input", "last_row", "page", "partition", "pid"}
_TIMES = {"expires_in_s", "ms", "retry_in_s", "seconds", "until", "wait_s"}
_STATES = {"code", "exit_code", "kind", "outcome", "reason", "resumed", "state", "status"}
_NAMES = {
    "command",
    "crm_module",
    "data_center",
    "field",
    "host",
    "job",
    "method",
    "operation",
    "org",
    "path",
    "plan",
    "route",
    "run",
}
#: The facts that a log may hold.  Describe a new one in docs/logs.md.
FIELDS: Final = frozenset(_ROWS | _LIMITS | _NUMBERS | _IDS | _TIMES | _STATES | _NAMES)
_ONLY_NUMBERS: Final = frozenset(_ROWS | _LIMITS | _NUMBERS | _IDS | _TIMES)

_OWN_ATTRIBUTES: Final = len(logging.makeLogRecord({}).__dict__)  # of a record; the facts come behind them

_LEVELS: Final = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}


def event_fields(record: logging.LogRecord) -> dict[str, bool | int | float | str]:
    """Return the facts of *record* that may be written; leave out unknown fields and values of other types."""
    facts: dict[str, bool | int | float | str] = {}
    for name, value in islice(record.__dict__.items(), _OWN_ATTRIBUTES, None):
        if name not in FIELDS:
            continue
        if isinstance(value, (int, float)):
            facts[name] = value
        elif isinstance(value, str) and name not in _ONLY_NUMBERS:
            facts[name] = _harmless(value)
    return facts


def json_line(record: logging.LogRecord) -> bytes:
    """Return *record* as one line of JSON, with its time in UTC."""
    line = {
        "at": datetime.fromtimestamp(record.created, UTC),
        "level": _LEVELS.get(record.levelno, "critical"),
        "logger": record.name,
        "event": _harmless(str(record.msg)),
        **event_fields(record),
    }
    return orjson.dumps(line, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def text_line(record: logging.LogRecord) -> str:
    """Return *record* as one line for a person, with its time in the local time zone."""
    at = datetime.fromtimestamp(record.created).astimezone()
    level = _LEVELS.get(record.levelno, "critical")
    facts = " ".join(f"{name}={_shown(value)}" for name, value in event_fields(record).items())
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} {level:<7} {_harmless(str(record.msg))} {facts}".rstrip()


def _harmless(text: str) -> str:
    """Return *text* without control characters, and cut when it is long."""
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + "..."
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def _shown(value: float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and (not value or " " in value or '"' in value):
        return '"' + value.replace('"', '\\"') + '"'
    return f"{value:g}" if isinstance(value, float) else str(value)
