"""Earlier versions of records, which the lagging search index still shows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

__all__ = ["RecordHistory"]


class RecordHistory:
    """Stored versions of records, kept for ``lag_s`` after each change or deletion."""

    def __init__(self) -> None:
        self.lag_s = 0.0  #: 0 keeps nothing
        self._versions: dict[int, deque[tuple[int, bytes]]] = {}  # record id -> (time of change, version before it), oldest first
        self._order: deque[tuple[int, int]] = deque()  # (time of change, record id)

    def note(self, record_id: int, at_s: int, before: bytes) -> None:
        """Keep the version that a record had until *at_s*; drop versions older than the lag."""
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
        """Return the version of a record at *seen_s*, if it was changed or deleted since."""
        return next((before for at_s, before in self._versions.get(record_id, ()) if at_s > seen_s), None)

    def changed_since(self, seen_s: float) -> Iterator[int]:
        """Iterate over the records that have changed since *seen_s*."""
        return (each for each in self._versions if self.version(each, seen_s) is not None)
