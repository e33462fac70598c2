"""How fast a run goes and how long it will take, from its last half minute.  Pure: time is handed in."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from bulkzoho.domain.model.progress import ProgressSnapshot

__all__ = ["RateEstimator"]

WINDOW_S: Final = 30.0  # seconds looked back; long enough to see through the pauses of a small quota
LEAST_SPAN_S: Final = 1.0  # seconds; a shorter look tells nothing


class _Point(NamedTuple):
    at: float
    settled: int
    share: float


class RateEstimator:
    """Take snapshots as they come; tell rate, share done and time left."""

    def __init__(self) -> None:
        self._points: deque[_Point] = deque()

    def feed(self, snapshot: ProgressSnapshot) -> None:
        """Take one look at the run; ``snapshot.seconds`` is the time."""
        tally = snapshot.tally
        settled = tally.accepted + tally.dead_lettered + tally.already_settled
        share = (snapshot.share_read or 0.0) * settled / tally.read if tally.read else 0.0
        self._points.append(_Point(snapshot.seconds, settled, share))
        while len(self._points) > 2 and self._points[1].at < snapshot.seconds - WINDOW_S:  # noqa: PLR2004  two ends of a span
            self._points.popleft()

    @property
    def share_done(self) -> float:
        """The share of the whole that is settled, 0.0 to 1.0; 0.0 where nobody knows how much there is (standard input)."""
        return self._points[-1].share if self._points else 0.0

    @property
    def records_per_second(self) -> float:
        """Rows settled a second, lately."""
        span, settled, _ = self._span()
        return settled / span if span else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the end at the present pace, or None when that cannot be told."""
        span, _, share = self._span()
        if span < LEAST_SPAN_S or share <= 0:
            return None
        return (1.0 - self.share_done) * span / share

    def _span(self) -> tuple[float, int, float]:
        if len(self._points) < 2:  # noqa: PLR2004  two ends of a span
            return 0.0, 0, 0.0
        first, last = self._points[0], self._points[-1]
        return last.at - first.at, last.settled - first.settled, last.share - first.share
