"""Estimate the rate and the remaining time of a run from its last half minute.  Pure: time is an argument."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from bulkzoho.domain.model.progress import ProgressSnapshot

__all__ = ["RateEstimator"]

WINDOW_S: Final = 30.0  # seconds looked back; long enough to average over the pauses of a small quota
MIN_SPAN_S: Final = 1.0  # seconds; a shorter span is too noisy


class _Point(NamedTuple):
    at: float
    finished: int
    share: float


class RateEstimator:
    """Estimates rate, share done and remaining time from the snapshots it is fed."""

    def __init__(self) -> None:
        self._points: deque[_Point] = deque()

    def feed(self, snapshot: ProgressSnapshot) -> None:
        """Add one snapshot; ``snapshot.seconds`` is its time."""
        tally = snapshot.tally
        finished = tally.accepted + tally.dead_lettered + tally.already_settled
        share = (snapshot.share_read or 0.0) * finished / tally.read if tally.read else 0.0
        self._points.append(_Point(snapshot.seconds, finished, share))
        while len(self._points) > 2 and self._points[1].at < snapshot.seconds - WINDOW_S:  # noqa: PLR2004  two ends of a span
            self._points.popleft()

    @property
    def share_done(self) -> float:
        """Share of the input that is done, 0.0 to 1.0; 0.0 when its size is unknown (standard input)."""
        return self._points[-1].share if self._points else 0.0

    @property
    def records_per_second(self) -> float:
        """Rows finished per second in the window."""
        span, finished, _ = self._span()
        return finished / span if span else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the end at the present rate; None when that cannot be estimated."""
        span, _, share = self._span()
        if span < MIN_SPAN_S or share <= 0:
            return None
        return (1.0 - self.share_done) * span / share

    def _span(self) -> tuple[float, int, float]:
        if len(self._points) < 2:  # noqa: PLR2004  two ends of a span
            return 0.0, 0, 0.0
        first, last = self._points[0], self._points[-1]
        return last.at - first.at, last.finished - first.finished, last.share - first.share
