"""Turn whatever ended a command into one line for a person, an object for a program, and an exit code."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from bulkzoho.cli.streams import print_json, print_note
from bulkzoho.errors import BulkZohoError, ExitCode, RunFailedError, UsageError

__all__ = ["InterruptedEarlyError", "crash_error", "error_line", "report_failure", "state_error", "usage_error"]

CRASH_LOG: Final = "crash.log"
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class InterruptedEarlyError(BulkZohoError):
    """Ctrl-C came before a run had begun, or beside one."""

    exit_code = ExitCode.INTERRUPTED
    default_code = "INTERRUPTED"


def report_failure(error: BulkZohoError, *, as_json: bool, command: str, crm_module: str = "", operation: str = "") -> int:
    """Say *error* on standard error; *as_json* prints the object that every exit but 2 owes; give the exit code."""
    print_note(error_line(error))
    if as_json and error.exit_code is not ExitCode.USAGE:
        from bulkzoho.domain.summary.summary_json import failed_summary_json  # noqa: PLC0415  half the time of `--help`, which has no use for it

        try:
            print_json(failed_summary_json(error, command=command, crm_module=crm_module, operation=operation))
        except RunFailedError as second:
            print_note(error_line(second))
    return int(error.exit_code)


def error_line(error: BulkZohoError) -> str:
    """Give *error* as ``bulkzoho: <message>``, and its remedy, if there is one, on a second line."""
    return f"bulkzoho: {_one_line(error.message)}" + (f"\n  {_one_line(error.hint)}" if error.hint else "")


def usage_error(error: click.ClickException) -> UsageError:
    """Give click's complaint about the command line as ours."""
    message = error.format_message()
    context = getattr(error, "ctx", None)
    path = context.command_path if isinstance(context, click.Context) else "bulkzoho"
    return UsageError(message if message.endswith((".", "?", ")")) else f"{message}.", hint=f"See '{path} --help'.")


def state_error(error: BaseException) -> BulkZohoError | None:
    """Give what the system refuses of the state folder as ours; None when *error* is another, and so a defect."""
    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        return state_error(error.exceptions[0])
    if not isinstance(error, OSError) or isinstance(error, FileNotFoundError):  # what is not there, we should have made
        return None
    home = _home()
    if error.filename is None and error.errno in _NO_ROOM:  # a write names no file
        message = f"a file cannot be written ({error.strerror}); the state folder is {home}."
    elif isinstance(error.filename, str) and _on_one_way(Path(error.filename), home):
        message = f"{error.filename}: the state folder cannot be used ({error.strerror})."
    else:
        return None
    hint = "Give this user permission to read and write there, make room, or set BULKZOHO_HOME to another folder."
    return RunFailedError(message, hint=hint, code="HOME_UNUSABLE")


def _on_one_way(path: Path, home: Path) -> bool:
    return path.is_relative_to(home) or home.is_relative_to(path)


def crash_error(error: BaseException) -> BulkZohoError:
    """Write what a developer needs to know of a defect into a file that only the user may read, and give the line about it."""
    where = _home() / CRASH_LOG
    name = type(error).__name__
    try:
        where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n{''.join(_trace(error, set()))}\n")
        return RunFailedError(
            f"ended by a defect of its own ({name}); the details are in {where}.",
            hint="Please report it with that file; a run that had begun can be resumed: bulkzoho resume",
            code="DEFECT",
        )
    except OSError as second:
        return RunFailedError(
            f"ended by a defect of its own ({name}), and {where} cannot be written: {second.strerror}.",
            hint="Make room or give another folder in BULKZOHO_HOME, and try again.",
            code="DEFECT",
        )


def _home() -> Path:
    """Give the state folder, also when the part that decides it is what is broken."""
    try:
        from bulkzoho.storage.store.home import current_home  # noqa: PLC0415  heavy, and may itself be the defect

        return current_home().path
    except Exception:  # noqa: BLE001  whatever is wrong there, the crash that led here is to be told
        import tempfile  # noqa: PLC0415  with hashing and chance, and hardly ever needed

        return Path(os.environ.get("BULKZOHO_HOME") or tempfile.gettempdir())


def _trace(error: BaseException, told: set[int]) -> Iterator[str]:
    """Give frames and types of what was not *told* yet: an error may hold the group that holds the error.

    Messages are left out, except the system's own: they may quote a record.
    """
    if id(error) in told:
        return
    told.add(id(error))
    reason = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    yield f"{type(error).__module__}.{type(error).__qualname__}{reason}\n"
    yield from traceback.format_tb(error.__traceback__)
    for inner in getattr(error, "exceptions", ()):
        yield "holding\n"
        yield from _trace(inner, told)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield "after\n"
        yield from _trace(cause, told)


def _one_line(text: str) -> str:
    return " ".join(text.split())
