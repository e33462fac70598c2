"""The progress bar on a terminal."""

from __future__ import annotations

import sys
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar as RichBar
from rich.table import Table
from rich.text import Text

from bulkzoho.cli.formatting import state_words, waiting_words
from bulkzoho.cli.rate_estimator import RateEstimator
from bulkzoho.cli.streams import notes_through
from bulkzoho.domain.model.progress import ProgressSnapshot

__all__ = ["ProgressBar"]

BAR_COLUMNS = 40  # columns of the bar at most


class SafeConsole(Console):
    """Standard error.  When nobody reads it any more, rich would end the program and send standard output nowhere too."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class ProgressBar:
    """A bar, the state in words below it, and what is waited for.  It vanishes when the run ends; the summary stays.

    A terminal that goes away is no reason to end a run: what cannot be drawn is not drawn.
    """

    def __init__(self) -> None:
        self._meter = RateEstimator()
        self._gone = False
        self._notes = ExitStack()
        console = SafeConsole(file=sys.stderr, force_terminal=True, highlight=False)
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)

    def __enter__(self) -> Self:
        with suppress(OSError):  # a screen that cannot be drawn on costs no run
            self._live.start()
        self._notes.enter_context(notes_through(self.tell))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.clear()
        self._notes.close()

    def clear(self) -> None:
        """Take the bar away: it must not run into records, nor take back lines that are theirs."""
        self._gone = True
        with suppress(OSError):
            self._live.stop()

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Draw the state."""
        if self._gone:
            return
        self._meter.feed(snapshot)
        try:
            self._live.update(self._picture(snapshot), refresh=True)
        except OSError:
            return

    def tell(self, line: str) -> None:
        """Say *line* above the bar."""
        try:
            self._live.console.print(line, markup=False, soft_wrap=True)
        except OSError:
            return

    def _picture(self, snapshot: ProgressSnapshot) -> Group:
        share = self._meter.share_done
        row = Table.grid(padding=(0, 1))
        known = snapshot.share_read is not None
        row.add_row(
            Text(snapshot.phase, style="bold"),
            RichBar(total=1.0, completed=share, width=BAR_COLUMNS, pulse=not known),
            Text(f"{share:4.0%}" if known else ""),
        )
        left_s = None if snapshot.phase == "waiting" else self._meter.left_s
        words = state_words(snapshot, records_per_second=self._meter.records_per_second, left_s=left_s)
        lines: list[RenderableType] = [row, Text(words, overflow="fold")]
        waits = " - ".join(part for part in (snapshot.note, waiting_words(snapshot.quota)) if part)
        if waits:
            lines.append(Text(waits, style="yellow"))
        return Group(*lines)
