"""Which batches still have a part without its outcome: a batch's keys go free with its last part, and not before."""

from __future__ import annotations

from collections.abc import Callable

from bulkzoho.domain.model.rows import Batch

__all__ = ["BatchPartTracker"]


class BatchPartTracker:
    """Counts the parts of each batch: in a queue, in flight, or in doubt.  Parts of one batch share its claims.

    Args:
        release: Told a batch whose last part has its outcome.
    """

    def __init__(self, release: Callable[[Batch], None]) -> None:
        self._release = release
        self._counts: dict[int, int] = {}  # by identity of the claims

    def opened(self, part: Batch) -> None:
        """*part* is on its own from now on: it was cut off, or is about to be sent for the first time."""
        if part.claims:
            self._counts[id(part.claims)] = self._counts.get(id(part.claims), 0) + 1

    def closed(self, part: Batch) -> None:
        """*part* has its outcome, or stays in doubt and keeps nobody waiting."""
        left = self._counts.get(id(part.claims), 1) - 1
        if left:
            self._counts[id(part.claims)] = left
            return
        self._counts.pop(id(part.claims), None)
        self._release(part)
