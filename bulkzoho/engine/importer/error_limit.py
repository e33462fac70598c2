"""``--max-errors``: stop when too many rows are rejected."""

from __future__ import annotations

from bulkzoho.domain.model.run import StopReason
from bulkzoho.domain.model.settings import ErrorThreshold
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.importer.recorder import OutcomeRecorder

__all__ = ["ErrorLimit"]

SHARE_COUNTS_FROM = 1_000  # settled rows before a share of errors counts


class ErrorLimit:
    """Counts rejected rows from the start of this process: a resume does not count the errors of earlier processes."""

    def __init__(self, limit: ErrorThreshold | None, recorder: OutcomeRecorder, stop: StopSignal) -> None:
        self._limit = limit
        self._recorder = recorder
        self._stop = stop
        self._before = recorder.tally()

    def check(self) -> None:
        """Stop the run if too many rows were rejected, locally or by the CRM."""
        if self._limit is not None and self._is_exceeded(self._limit):
            self._stop.request(StopReason.MAX_ERRORS)

    def _is_exceeded(self, limit: ErrorThreshold) -> bool:
        tally = self._recorder.tally()
        rejected = tally.dead_lettered - self._before.dead_lettered
        if limit.rows is not None:
            return rejected >= max(1, limit.rows)  # with 0 the first rejected row stops the run
        settled = tally.accepted - self._before.accepted + rejected
        return limit.share is not None and settled >= SHARE_COUNTS_FROM and rejected > limit.share * settled
