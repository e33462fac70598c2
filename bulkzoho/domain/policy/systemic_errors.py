"""Tell bad rows from a CRM that rejects everything.  Pure.

When the CRM rejects a call as a whole, the batch is split until the bad row is alone in its call.  If that happens to every row
of several batches in a row, with one code and nothing accepted between, the rows are not the cause: they must stay unsent and the
run must stop, instead of turning a whole file into rejected rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Batch

__all__ = ["SUSPICIOUS_BATCHES", "SuspectRow", "SystemicErrorDetector"]

SUSPICIOUS_BATCHES: Final = 3  # batches rejected row by row before the CRM counts as rejecting everything


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectRow:
    """One row whose call was rejected, held back until the CRM is known to accept other rows."""

    row: Batch  #: of one record
    rejection: Rejection
    attempts: int


class SystemicErrorDetector:
    """Holds suspect rows back until the CRM accepts something.

    Attributes:
        systemic: The code with which the CRM rejects every row, once that is established.
    """

    def __init__(self) -> None:
        self.systemic: str | None = None
        self._held: list[SuspectRow] = []
        self._code: str | None = None
        self._streak = 0
        self._trusted = False

    @property
    def undecided(self) -> bool:
        """Whether the CRM may reject everything: it accepted nothing so far, or since the last full rejection."""
        return not self._trusted

    def add_suspect(self, suspect: SuspectRow) -> None:
        """Hold back a row that was alone in a rejected call."""
        self._held.append(suspect)

    def batch_rejected(self, codes: set[str]) -> None:
        """Note that every row of a batch was rejected in calls of its own, with these codes."""
        self._trusted = False
        code = codes.pop() if len(codes) == 1 else None
        self._streak = self._streak + 1 if code is not None and code == self._code else 1
        self._code = code
        if code is not None and self._streak >= SUSPICIOUS_BATCHES:
            self.systemic = code

    def row_accepted(self) -> None:
        """Note that the CRM accepted some row: the suspect rows are bad, not the CRM."""
        self._streak, self._code, self._trusted = 0, None, True

    def take_confirmed(self) -> list[SuspectRow]:
        """Remove and return the rows known to be bad: all that are held, unless a streak of rejected batches is open."""
        if self._streak or self.systemic:
            return []
        held, self._held = self._held, []
        return held

    def take_remaining(self) -> list[SuspectRow]:
        """Remove and return all held rows at the end of the input; none if the error was systemic."""
        if self.systemic:
            return []
        held, self._held = self._held, []
        return held
