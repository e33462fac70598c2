"""Tell rows that are to blame from a CRM that refuses everything.  Pure.

When a call is refused as a whole it is sent in halves until the row to blame stands alone.  If that happens to every row of
several batches in a row, with one code and nothing accepted between, the rows are not to blame: they must stay unsent and the
run must stop, rather than turn a whole file into letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Batch

__all__ = ["SUSPICIOUS_BATCHES", "SuspectRow", "SystemicErrorDetector"]

SUSPICIOUS_BATCHES: Final = 3  # whole batches refused row by row before the CRM counts as refusing everything


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectRow:
    """One row whose call was refused, held back until it is known that other rows are accepted."""

    row: Batch  #: of one record
    refusal: Rejection
    attempts: int


class SystemicErrorDetector:
    """Holds accused rows back until something is accepted.

    Attributes:
        systemic: The code that met every row, once it has met enough of them.
    """

    def __init__(self) -> None:
        self.systemic: str | None = None
        self._held: list[SuspectRow] = []
        self._code: str | None = None
        self._streak = 0
        self._trusted = False

    @property
    def unsure(self) -> bool:
        """Whether it may yet turn out that the CRM refuses everything: nothing was accepted so far, or since it last did."""
        return not self._trusted

    def accuse(self, accused: SuspectRow) -> None:
        """A row stood alone in a call that was refused."""
        self._held.append(accused)

    def batch_refused(self, codes: set[str]) -> None:
        """Every row of a batch was refused in calls of its own, with these codes."""
        self._trusted = False
        code = codes.pop() if len(codes) == 1 else None
        self._streak = self._streak + 1 if code is not None and code == self._code else 1
        self._code = code
        if code is not None and self._streak >= SUSPICIOUS_BATCHES:
            self.systemic = code

    def row_accepted(self) -> None:
        """Some row was accepted: the CRM works, so whoever was accused is to blame."""
        self._streak, self._code, self._trusted = 0, None, True

    def take_guilty(self) -> list[SuspectRow]:
        """Take out the rows that are known to be to blame (all that are held, unless a streak is under way)."""
        if self._streak or self.systemic:
            return []
        held, self._held = self._held, []
        return held

    def take_all(self) -> list[SuspectRow]:
        """Take out whoever is held, at the end of the input; nobody when the refusal was systemic."""
        if self.systemic:
            return []
        held, self._held = self._held, []
        return held
