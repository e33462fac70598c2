"""The error for a file that cannot be written: one code, one form."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

from bulkzoho.errors import BulkZohoError

__all__ = ["CANNOT_WRITE", "NAME_ANOTHER_FILE", "RESUME_AFTER_MAKING_ROOM", "write_error"]

CANNOT_WRITE: Final = "CANNOT_WRITE"
RESUME_AFTER_MAKING_ROOM: Final = "Make room on the disk, then resume."
NAME_ANOTHER_FILE: Final = "Name a file in a folder that you may write to."

Error = TypeVar("Error", bound=BulkZohoError)


def write_error(kind: type[Error], path: Path | str, error: OSError | str, *, hint: str = RESUME_AFTER_MAKING_ROOM) -> Error:
    """Return the *kind* of error for a write to *path* that failed with *error*."""
    reason = error if isinstance(error, str) else error.strerror
    return kind(f"{path}: cannot be written ({reason}).", hint=hint, code=CANNOT_WRITE)
