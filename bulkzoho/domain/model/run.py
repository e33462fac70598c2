"""A run as others see it: its status, what stops it, the snapshot that every display reads, the summary it ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.rows import Operation
from bulkzoho.errors import ExitCode

__all__ = ["CallCounts", "ProgressSnapshot", "QuotaStatus", "RunListEntry", "RunStatus", "StopReason", "Summary"]


class RunStatus(StrEnum):
    """How a run stands; the words of the summary, and ``running`` while it does."""

    RUNNING = "running"
    COMPLETED = "completed"  #: every row has its outcome
    INTERRUPTED = "interrupted"  #: by a signal, a crash or an unreachable CRM; resumable
    STOPPED = "stopped"  #: by a decision: quota, errors, window, permission; resumable
    FAILED = "failed"  #: a reason outside the data


class StopReason(StrEnum):
    """Why a run closed admission before its input ended."""

    SIGNAL = "signal"
    UNREACHABLE = "unreachable"
    ACCESS = "access"
    QUOTA = "quota"
    MAX_ERRORS = "max_errors"
    TIME_IS_UP = "time_is_up"
    FAILED = "failed"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code this reason ends a run with."""
        return _EXIT_CODES[self]

    @property
    def status(self) -> RunStatus:
        """The status this reason leaves a run in."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCounts:
    """HTTP calls of a run."""

    total: int = 0
    retried: int = 0  #: sent again after a call that did nothing
    throttled: int = 0  #: 429 answers
    credits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaStatus:
    """The quota as it stands: what a display and a summary need."""

    plan: str
    calls_per_minute: int
    calls_last_minute: int
    calls_per_day: int
    calls_last_day: int
    calls_in_flight: int  #: now
    calls_in_flight_limit: int
    credits_per_day: int | None  #: None: not bound
    credits_last_day: int
    used_share: float  #: of the tightest bound while there was work, 0.0 to 1.0
    bound: str  #: which bound that was: calls a minute, calls in flight, heavy calls, credits, ...
    waiting_for: str | None = None  #: what a permit waits for, when it waits long
    waiting_until: float | None = None  #: seconds since the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressSnapshot:
    """The run at one moment; bar, plain lines, JSON, report and page all read this."""

    run: str
    crm_module: str
    tally: RowCounts
    calls: CallCounts
    quota: QuotaStatus | None
    seconds: float  #: worked so far, in this process
    bytes_read: int
    bytes_total: int | None  #: None: standard input
    phase: str  #: connecting, sending, draining, settling, waiting, done
    note: str = ""  #: e.g. what is waited for
    expected: int | None = None  #: records that an export counted first, 0 if it could not; None: an import

    @property
    def share_read(self) -> float | None:
        """The share of the input, or of the records counted, that was read, 0.0 to 1.0; None where nobody knows the whole."""
        done, whole = (self.bytes_read, self.bytes_total) if self.expected is None else (self.tally.read, self.expected)
        return min(done / whole, 1.0) if whole else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run ended with; :func:`bulkzoho.cli.render` and ``report.json`` write it (design of the summary: a contract)."""

    run: str
    command: str
    crm_module: str
    operation: Operation | None  #: None: it wrote nothing into the CRM
    route: str
    status: RunStatus
    exit_code: ExitCode
    tally: RowCounts
    calls: CallCounts
    seconds: float
    plan: str
    calls_per_minute: int
    used_share: float
    bound: str
    org: str
    input_complete: bool
    dead_letter: str
    results: str
    in_doubt_file: str | None
    next: str  #: the exact next command; "" when there is nothing to do
    crm_before: int | None = None  #: records in the module before and after, when they could be counted
    crm_after: int | None = None
    error: dict[str, Any] | None = None  #: code, message, hint
    verify: Mapping[str, Any] | None = None  #: what a comparison with the CRM found, as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class RunListEntry:
    """One line of ``bulkzoho runs``."""

    run: str
    command: str
    crm_module: str
    operation: str
    status: str  #: as in the summary; ``running`` only while a process holds its lock
    started: str  #: UTC, ISO 8601
    tally: RowCounts
    folder: str
