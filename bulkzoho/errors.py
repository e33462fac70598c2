"""All errors of bulkzoho.  Each has a message (what happened, and where), a hint (what to do), a code and an exit code.

```
BulkZohoError
├── UsageError            2  wrong usage of the command line
├── RefusedError          4  refused before anything was sent: file, header, module, field, lock
├── RunFailedError        1  a reason outside the data: full disk, an error that affects every row, damaged input
├── UnreachableError      5  no response from the CRM for too long; resumable
├── AccessError           6  authentication, permission or data center
├── QuotaUsedUpError      7  the quota is used up, with --on-quota stop; resumable
└── JournalError          1  the journal cannot be read or written, or is inconsistent
```
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

__all__ = [
    "AccessError",
    "BulkZohoError",
    "ExitCode",
    "JournalError",
    "QuotaUsedUpError",
    "RefusedError",
    "RunFailedError",
    "UnreachableError",
    "UsageError",
]


class ExitCode(IntEnum):
    """Exit codes of the program.  The numbers are a contract."""

    ACCEPTED = 0  #: everything accepted
    FAILED = 1  #: the run failed for a reason outside the data
    USAGE = 2  #: wrong usage of the command line
    DEAD_LETTERS = 3  #: finished; some rows were rejected
    REFUSED = 4  #: refused before sending anything
    INTERRUPTED = 5  #: interrupted or CRM unreachable; resumable
    ACCESS = 6  #: authentication, permission or data center
    QUOTA = 7  #: quota used up with ``--on-quota stop``; resumable
    IN_DOUBT = 8  #: finished; some rows are in doubt
    MAX_ERRORS = 9  #: ``--max-errors`` reached; resumable
    TIME_IS_UP = 10  #: ``--window`` or ``--max-duration`` ended; resumable


class BulkZohoError(Exception):
    """An error that ends a command.

    Attributes:
        message: What happened, and where; one line.
        hint: What to do, in the imperative; may be empty.
        code: Stable error code for programs (``error.code`` of the summary).
        exit_code: Exit code of the process.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    default_code: ClassVar[str] = "FAILED"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class UsageError(BulkZohoError):
    """Wrong usage of the command line: an option is missing, invalid, or contradicts another."""

    exit_code = ExitCode.USAGE
    default_code = "USAGE"


class RefusedError(BulkZohoError):
    """Refused before anything was sent: file, header, module, field, lock."""

    exit_code = ExitCode.REFUSED
    default_code = "REFUSED"


class RunFailedError(BulkZohoError):
    """The run failed for a reason outside the data: full disk, damaged input, an error that affects every row."""

    exit_code = ExitCode.FAILED
    default_code = "RUN_FAILED"


class UnreachableError(BulkZohoError):
    """The CRM sent no response within ``--give-up-after``; the run can be resumed."""

    exit_code = ExitCode.INTERRUPTED
    default_code = "UNREACHABLE"


class AccessError(BulkZohoError):
    """Authentication, scope, permission or data center is wrong."""

    exit_code = ExitCode.ACCESS
    default_code = "ACCESS"


class QuotaUsedUpError(BulkZohoError):
    """The quota is used up, with ``--on-quota stop``; the run can be resumed."""

    exit_code = ExitCode.QUOTA
    default_code = "QUOTA_USED_UP"


class JournalError(BulkZohoError):
    """The journal cannot be read or written, or is inconsistent."""

    exit_code = ExitCode.FAILED
    default_code = "JOURNAL"
