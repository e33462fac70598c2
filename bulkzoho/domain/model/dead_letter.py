"""Dead letters: refused rows with their reason, in the shape that goes into the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Cell, Operation

__all__ = ["LETTER_VERSION", "DeadLetter"]

LETTER_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One refused row.  (run, source, row) is its identity and always names the original file."""

    run: str
    source: str
    row: int
    crm_module: str
    operation: Operation
    rejection: Rejection
    attempts: int
    at: str  #: UTC, ISO 8601 with Z, to the second
    record: Mapping[str, Any] | None  #: what would be sent again; None for an unreadable row
    raw: str | None = None  #: an unreadable row as it stands
    match_on: tuple[str, ...] = ()
    trigger: str = "none"
    org: str = ""
    header: Sequence[str] = field(default=())  #: the input's own columns, for letters as CSV
    cells: Sequence[Cell] = field(default=())
