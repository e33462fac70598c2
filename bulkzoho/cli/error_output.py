"""Report an error: one line for a person, a JSON object for a program, and an exit code."""

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
from bulkzoho.storage.files.private_folder import make_private_folder

__all__ = ["InterruptedEarlyError", "crash_error", "error_line", "report_failure", "state_error", "usage_error"]

CRASH_LOG: Final = "crash.log"
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class InterruptedEarlyError(BulkZohoError):
    """Ctrl-C outside a run."""

    exit_code = ExitCode.INTERRUPTED
    default_code = "INTERRUPTED"


def report_failure(error: BulkZohoError, *, as_json: bool, command: str, crm_module: str = "", operation: str = "") -> int:
    """Print *error* and return its exit code; with *as_json* also print the JSON object, except for usage errors."""
    print_note(error_line(error))
    if as_json and error.exit_code is not ExitCode.USAGE:
        from bulkzoho.domain.summary.summary_json import failed_summary_json  # slow, and not needed for help

        try:
            print_json(failed_summary_json(error, command=command, crm_module=crm_module, operation=operation))
        except RunFailedError as second:
            print_note(error_line(second))
    return int(error.exit_code)


def error_line(error: BulkZohoError) -> str:
    """Return ``bulkzoho: <message>``, and the hint, if there is one, on a second line."""
    return f"bulkzoho: {_one_line(error.message)}" + (f"\n  {_one_line(error.hint)}" if error.hint else "")


def usage_error(error: click.ClickException) -> UsageError:
    """Return click's error about the command line as one of ours."""
    message = error.format_message()
    context = getattr(error, "ctx", None)
    path = context.command_path if isinstance(context, click.Context) else "bulkzoho"
    return UsageError(message if message.endswith((".", "?", ")")) else f"{message}.", hint=f"See '{path} --help'.")


def state_error(error: BaseException) -> BulkZohoError | None:
    """Return an error of the operating system about the state directory as one of ours; None for any other error."""
    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        return state_error(error.exceptions[0])
    if not isinstance(error, OSError) or isinstance(error, FileNotFoundError):  # a missing file there is a bug
        return None
    home = _home()
    if error.filename is None and error.errno in _NO_SPACE:  # a failed write names no file
        message = f"a file cannot be written ({error.strerror}); the state directory is {home}."
    elif isinstance(error.filename, str) and _is_related(Path(error.filename), home):
        message = f"{error.filename}: the state directory cannot be used ({error.strerror})."
    else:
        return None
    hint = "Grant this user read and write access, free disk space, or set BULKZOHO_HOME to another directory."
    return RunFailedError(message, hint=hint, code="HOME_UNUSABLE")


def _is_related(path: Path, home: Path) -> bool:
    return path.is_relative_to(home) or home.is_relative_to(path)


def crash_error(error: BaseException) -> BulkZohoError:
    """Write the traceback of a bug to a file that only the user can read, and return the error that names the file."""
    where = _home() / CRASH_LOG
    name = type(error).__name__
    try:
        make_private_folder(where.parent)
        descriptor = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n{''.join(_trace(error, set()))}\n")
        return RunFailedError(
            f"internal error ({name}); the details are in {where}.",
            hint="Please report it with that file. A run that had started can be resumed: bulkzoho resume",
            code="DEFECT",
        )
    except OSError as second:
        return RunFailedError(
            f"internal error ({name}), and {where} cannot be written: {second.strerror}.",
            hint="Free disk space or set BULKZOHO_HOME to another directory, then try again.",
            code="DEFECT",
        )


def _home() -> Path:
    """Return the state directory, even when the code that finds it is what failed."""
    try:
        from bulkzoho.storage.store.home import current_home  # slow, and may itself be what failed

        return current_home().path
    except Exception:  # noqa: BLE001  the original error must be reported in any case
        import tempfile  # slow, and hardly ever needed

        return Path(os.environ.get("BULKZOHO_HOME") or tempfile.gettempdir())


def _trace(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Yield frames and types of *error* and the errors behind it, each once: an error may refer to itself.

    Messages are left out, except those of the operating system: they may quote a record.
    """
    if id(error) in seen:
        return
    seen.add(id(error))
    reason = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    yield f"{type(error).__module__}.{type(error).__qualname__}{reason}\n"
    yield from traceback.format_tb(error.__traceback__)
    for inner in getattr(error, "exceptions", ()):
        yield "contains\n"
        yield from _trace(inner, seen)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield "caused by\n"
        yield from _trace(cause, seen)


def _one_line(text: str) -> str:
    return " ".join(text.split())
