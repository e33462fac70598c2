"""Rejected rows with their reason, as they are written to a dead-letter file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Cell, Operation

__all__ = ["DEAD_LETTER_VERSION", "DeadLetter"]

DEAD_LETTER_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One rejected row, identified by (run, source, row), which always name the original file."""

    run: str
    source: str
    row: int
    crm_module: str
    operation: Operation
    rejection: Rejection
    attempts: int
    at: str  #: UTC, ISO 8601 with Z, to the second
    record: Mapping[str, Any] | None  #: what a replay sends; None for an unreadable row
    raw: str | None = None  #: the text of an unreadable row
    match_on: tuple[str, ...] = ()
    trigger: str = "none"
    org: str = ""
    header: Sequence[str] = field(default=())  #: the columns of the input, for CSV
    cells: Sequence[Cell] = field(default=())
