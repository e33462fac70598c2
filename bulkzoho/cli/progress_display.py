"""Who watches a run: nobody, plain lines, or a bar; all on standard error."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Final, Protocol, Self

from bulkzoho.cli.formatting import state_words, waiting_words
from bulkzoho.cli.rate_estimator import RateEstimator
from bulkzoho.cli.streams import print_note
from bulkzoho.domain.model.progress import ProgressSnapshot

__all__ = ["NoProgress", "PlainProgress", "ProgressDisplay", "make_progress_display"]

LINE_EVERY_S: Final = 5.0  # seconds between two plain lines, unless something changes
WAITING_LINE_EVERY_S: Final = 300.0  # the same while the run waits, for a day perhaps


class ProgressDisplay(Protocol):
    """A :class:`bulkzoho.interfaces.Progress` that is opened and closed around a run."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the screen as a summary wants to find it."""

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Take the state as it is now."""

    def tell(self, line: str) -> None:
        """Take one line for a person."""

    def clear(self) -> None:
        """Leave the screen for good: records are about to be written there."""


class NoProgress:
    """Shows no progress; what a person must know is still said, a long wait too."""

    def __init__(self) -> None:
        self._wait = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing to leave."""

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Look away, unless a long wait begins."""
        wait = waiting_words(snapshot.quota) if snapshot.phase == "waiting" else ""
        if wait and wait != self._wait:
            print_note(f"{time.strftime('%H:%M:%S')} {wait}")
        self._wait = wait

    def tell(self, line: str) -> None:
        """Say *line*."""
        print_note(line)

    def clear(self) -> None:
        """Nothing stands there."""


class PlainProgress(NoProgress):
    """One line every few seconds, and at once when the run begins to do, or to wait for, something else."""

    def __init__(self) -> None:
        super().__init__()
        self._meter = RateEstimator()
        self._next_at = 0.0
        self._said = ""

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Say how the run stands, if it is time to."""
        self._meter.feed(snapshot)
        waits, wait = snapshot.phase == "waiting", waiting_words(snapshot.quota)
        phase = "" if waits and (wait or snapshot.note) else snapshot.phase  # the words below say it
        doing = " - ".join(part for part in (phase, snapshot.note, wait if waits else "") if part)
        now = time.monotonic()
        if not self._said and not snapshot.tally.read:
            return  # nothing to tell yet
        if now < self._next_at and doing == self._said:
            return
        self._next_at, self._said = now + (WAITING_LINE_EVERY_S if waits else LINE_EVERY_S), doing
        left_s = None if waits else self._meter.left_s  # the pace of before says nothing of the end
        state = state_words(snapshot, records_per_second=self._meter.records_per_second, left_s=left_s)
        shown = doing if waits or not wait else f"{doing} - {wait}"  # a short wait is no news, but the line may say it
        print_note(f"{time.strftime('%H:%M:%S')} {shown}: {state}")


def make_progress_display(kind: str) -> ProgressDisplay:
    """Give the display for ``--progress`` *kind*; ``auto`` is a bar on a terminal, else plain lines."""
    if kind == "auto":
        kind = "bar" if _on_a_terminal() else "plain"
    if kind == "bar" and sys.stderr is not None:
        from bulkzoho.cli.progress_bar import ProgressBar  # noqa: PLC0415  rich is loaded only where it is shown

        return ProgressBar()
    return NoProgress() if kind == "none" else PlainProgress()


def _on_a_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
