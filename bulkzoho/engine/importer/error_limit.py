"""``--max-errors``: stop when too many rows were refused."""

from __future__ import annotations

from bulkzoho.domain.model.run import StopReason
from bulkzoho.domain.model.settings import ErrorThreshold
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.importer.recorder import OutcomeRecorder

__all__ = ["ErrorLimit"]

ERRORS_SETTLED_FIRST = 1_000  # rows settled before a share of errors is judged


class ErrorLimit:
    """Counts from where this process began: whoever resumes has seen the earlier errors."""

    def __init__(self, limit: ErrorThreshold | None, recorder: OutcomeRecorder, stop: StopSignal) -> None:
        self._limit = limit
        self._recorder = recorder
        self._stop = stop
        self._before = recorder.tally()

    def check(self) -> None:
        """Stop the run if too many rows were refused, wherever they were."""
        if self._limit is not None and self._too_many(self._limit):
            self._stop.request(StopReason.MAX_ERRORS)

    def _too_many(self, limit: ErrorThreshold) -> bool:
        tally = self._recorder.tally()
        refused = tally.dead_lettered - self._before.dead_lettered
        if limit.rows is not None:
            return refused >= max(1, limit.rows)  # with 0 the first one ends it, not a run without any
        settled = tally.accepted - self._before.accepted + refused
        return limit.share is not None and settled >= ERRORS_SETTLED_FIRST and refused > limit.share * settled
