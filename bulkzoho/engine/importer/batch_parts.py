"""Track the parts of each batch that have no outcome yet: the keys of a batch are unlocked with its last part, not before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bulkzoho.domain.model.rows import Batch, KeyClaim
from bulkzoho.engine.concurrency.stop import StopSignal

__all__ = ["BatchPartTracker"]


class BatchPartTracker:
    """Counts the open parts of each batch: waiting, in flight, or in doubt.  The parts of one batch share its claims.

    Senders and the resolver of batches in doubt report parts; the reader takes the claims of finished batches and unlocks them.
    Batches without claims need no tracking.
    """

    def __init__(self, stop: StopSignal) -> None:
        self._open: dict[int, int] = {}  # parts by identity of the claims
        self._finished: list[Sequence[KeyClaim]] = []
        self._stop = stop
        self._changed = asyncio.Event()
        stop.listen(self._changed.set)

    def opened(self, part: Batch) -> None:
        """Count *part*: it was split off, or is about to be sent for the first time."""
        if part.claims:
            self._open[id(part.claims)] = self._open.get(id(part.claims), 0) + 1

    def closed(self, part: Batch) -> None:
        """Count *part* no longer: it has its outcome, or stays in doubt and must not block other rows."""
        if not part.claims:
            return
        left = self._open.get(id(part.claims), 1) - 1
        if left:
            self._open[id(part.claims)] = left
            return
        self._open.pop(id(part.claims), None)
        self._finished.append(part.claims)
        self._changed.set()

    def take_finished(self) -> list[Sequence[KeyClaim]]:
        """Remove and return the claims of batches whose last part was closed."""
        finished, self._finished = self._finished, []
        return finished

    async def wait_for_finished(self) -> None:
        """Wait until a batch is finished, or the run is stopped."""
        while not (self._finished or self._stop.requested):
            self._changed.clear()
            await self._changed.wait()
