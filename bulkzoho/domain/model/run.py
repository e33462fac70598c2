"""The status of a run, and the reasons for which it stops."""

from __future__ import annotations

from enum import StrEnum

from bulkzoho.errors import ExitCode

__all__ = ["RunStatus", "StopReason"]


class RunStatus(StrEnum):
    """The status of a run, as the summary names it."""

    RUNNING = "running"
    COMPLETED = "completed"  #: every row has its outcome
    INTERRUPTED = "interrupted"  #: by a signal, a crash or an unreachable CRM; resumable
    STOPPED = "stopped"  #: by a rule: quota, errors, window, permission; resumable
    FAILED = "failed"  #: a reason outside the data


class StopReason(StrEnum):
    """Why a run stopped before its input ended."""

    SIGNAL = "signal"
    UNREACHABLE = "unreachable"
    ACCESS = "access"
    QUOTA = "quota"
    MAX_ERRORS = "max_errors"
    TIME_IS_UP = "time_is_up"
    FAILED = "failed"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a run that stopped for this reason."""
        return _EXIT_CODES[self]

    @property
    def status(self) -> RunStatus:
        """The status of a run that stopped for this reason."""
        if self in (StopReason.SIGNAL, StopReason.UNREACHABLE):
            return RunStatus.INTERRUPTED
        return RunStatus.FAILED if self is StopReason.FAILED else RunStatus.STOPPED


_EXIT_CODES = {
    StopReason.SIGNAL: ExitCode.INTERRUPTED,
    StopReason.UNREACHABLE: ExitCode.INTERRUPTED,
    StopReason.ACCESS: ExitCode.ACCESS,
    StopReason.QUOTA: ExitCode.QUOTA,
    StopReason.MAX_ERRORS: ExitCode.MAX_ERRORS,
    StopReason.TIME_IS_UP: ExitCode.TIME_IS_UP,
    StopReason.FAILED: ExitCode.FAILED,
}
