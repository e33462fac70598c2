"""Progress of a run on standard error: a bar, plain lines, or nothing."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Final, Protocol, Self

from bulkzoho.cli.formatting import format_progress, format_wait
from bulkzoho.cli.rate_estimator import RateEstimator
from bulkzoho.cli.streams import print_note
from bulkzoho.domain.model.progress import ProgressSnapshot

__all__ = ["NoProgress", "PlainProgress", "ProgressDisplay", "make_progress_display"]

LINE_EVERY_S: Final = 5.0  # seconds between two plain lines, unless something changes
WAITING_LINE_EVERY_S: Final = 300.0  # the same while the run waits, perhaps for a day


class ProgressDisplay(Protocol):
    """A :class:`bulkzoho.interfaces.Progress` that is opened and closed around a run."""

    def __enter__(self) -> Self:
        """Start the display."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the display; the summary follows."""

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Show the present state."""

    def tell(self, line: str) -> None:
        """Print one line for a person."""

    def clear(self) -> None:
        """Remove the display for the rest of the run: records are about to be written to the terminal."""


class NoProgress:
    """Shows no progress, but still prints messages and long waits."""

    def __init__(self) -> None:
        self._wait = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Do nothing."""

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Print a line when a long wait begins; ignore everything else."""
        wait = format_wait(snapshot.quota) if snapshot.phase == "waiting" else ""
        if wait and wait != self._wait:
            print_note(f"{time.strftime('%H:%M:%S')} {wait}")
        self._wait = wait

    def tell(self, line: str) -> None:
        """Print *line*."""
        print_note(line)

    def clear(self) -> None:
        """Do nothing."""


class PlainProgress(NoProgress):
    """Prints a line every few seconds, and at once when the phase or the reason for a wait changes."""

    def __init__(self) -> None:
        super().__init__()
        self._rate = RateEstimator()
        self._next_at = 0.0
        self._last_activity = ""

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Print the state if a line is due."""
        self._rate.feed(snapshot)
        waits, wait = snapshot.phase == "waiting", format_wait(snapshot.quota)
        phase = "" if waits and (wait or snapshot.note) else snapshot.phase  # the wait says it
        activity = " - ".join(part for part in (phase, snapshot.note, wait if waits else "") if part)
        now = time.monotonic()
        if not self._last_activity and not snapshot.tally.read:
            return  # nothing has been read yet
        if now < self._next_at and activity == self._last_activity:
            return
        self._next_at, self._last_activity = now + (WAITING_LINE_EVERY_S if waits else LINE_EVERY_S), activity
        left_s = None if waits else self._rate.left_s  # during a wait the rate of before says nothing about the end
        state = format_progress(snapshot, records_per_second=self._rate.records_per_second, left_s=left_s)
        shown = (
            activity if waits or not wait else f"{activity} - {wait}"
        )  # a short wait causes no line, but a line may mention it
        print_note(f"{time.strftime('%H:%M:%S')} {shown}: {state}")


def make_progress_display(kind: str) -> ProgressDisplay:
    """Return the display for ``--progress`` *kind*; ``auto`` is a bar on a terminal, else plain lines."""
    if kind == "auto":
        kind = "bar" if _on_a_terminal() else "plain"
    if kind == "bar" and sys.stderr is not None:
        from bulkzoho.cli.progress_bar import ProgressBar

        return ProgressBar()
    return NoProgress() if kind == "none" else PlainProgress()


def _on_a_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
