"""What records were before their last changes: a search index that lags still shows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

__all__ = ["RecordHistory"]


class RecordHistory:
    """Versions of records as they were stored, kept for ``lag_s`` after each was changed or deleted."""

    def __init__(self) -> None:
        self.lag_s = 0.0  #: nothing is kept where it is 0
        self._versions: dict[int, deque[tuple[int, bytes]]] = {}  # record to when it changed and what it was, oldest first
        self._order: deque[tuple[int, int]] = deque()  # when, and which record

    def note(self, record_id: int, at_s: int, before: bytes) -> None:
        """Keep what a record was until *at_s*; what is older than the lag goes."""
        while self._order and self._order[0][0] < at_s - self.lag_s:
            _, oldest = self._order.popleft()
            versions = self._versions[oldest]
            versions.popleft()
            if not versions:
                del self._versions[oldest]
        if self.lag_s:
            self._versions.setdefault(record_id, deque()).append((at_s, before))
            self._order.append((at_s, record_id))

    def version(self, record_id: int, seen_s: float) -> bytes | None:
        """Give what a record was at *seen_s*, if it was changed or deleted after that."""
        return next((before for at_s, before in self._versions.get(record_id, ()) if at_s > seen_s), None)

    def changed_since(self, seen_s: float) -> Iterator[int]:
        """Give the records of which a version is kept that was true at *seen_s*."""
        return (each for each in self._versions if self.version(each, seen_s) is not None)
