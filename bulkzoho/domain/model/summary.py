"""The summary of a run, and its line in the list of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulkzoho.domain.model.progress import CallCounts
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.errors import ExitCode

__all__ = ["RunListEntry", "Summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The result of a run; :mod:`bulkzoho.domain.summary.summary_json` writes it as JSON (the keys are a contract)."""

    run: str
    command: str
    crm_module: str
    operation: Operation | None  #: None: it only read records
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
    next: str  #: the exact next command; "" if nothing is left to do
    crm_before: int | None = None  #: records in the module before and after, if they could be counted
    crm_after: int | None = None
    error: dict[str, Any] | None = None  #: code, message, hint
    verify: Mapping[str, Any] | None = None  #: the result of a comparison with the CRM, as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class RunListEntry:
    """One line of ``bulkzoho runs``."""

    run: str
    command: str
    crm_module: str
    operation: str
    status: str  #: as in the summary; ``running`` only while a process holds the lock
    started: str  #: UTC, ISO 8601
    tally: RowCounts
    folder: str
