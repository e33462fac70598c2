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

from bulkzoho.cli.formatting import format_progress, format_wait
from bulkzoho.cli.rate_estimator import RateEstimator
from bulkzoho.cli.streams import notes_through
from bulkzoho.domain.model.progress import ProgressSnapshot

__all__ = ["ProgressBar"]

BAR_COLUMNS = 40  # columns of the bar at most


class SafeConsole(Console):
    """Standard error.  On a broken pipe rich would exit the program and silence standard output too; this one only raises."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class ProgressBar:
    """A bar, the state in words below it, and the current wait.  It is removed when the run ends.

    A terminal that goes away does not end a run: errors of the screen are ignored.
    """

    def __init__(self) -> None:
        self._rate = RateEstimator()
        self._closed = False
        self._notes = ExitStack()
        console = SafeConsole(file=sys.stderr, force_terminal=True, highlight=False)
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)

    def __enter__(self) -> Self:
        with suppress(OSError):
            self._live.start()
        self._notes.enter_context(notes_through(self.tell))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.clear()
        self._notes.close()

    def clear(self) -> None:
        """Remove the bar for the rest of the run: it must not mix with records on the same terminal."""
        self._closed = True
        with suppress(OSError):
            self._live.stop()

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Draw the state."""
        if self._closed:
            return
        self._rate.feed(snapshot)
        with suppress(OSError):
            self._live.update(self._render(snapshot), refresh=True)

    def tell(self, line: str) -> None:
        """Print *line* above the bar."""
        with suppress(OSError):
            self._live.console.print(line, markup=False, soft_wrap=True)

    def _render(self, snapshot: ProgressSnapshot) -> Group:
        share = self._rate.share_done
        row = Table.grid(padding=(0, 1))
        known = snapshot.share_read is not None
        row.add_row(
            Text(snapshot.phase, style="bold"),
            RichBar(total=1.0, completed=share, width=BAR_COLUMNS, pulse=not known),
            Text(f"{share:4.0%}" if known else ""),
        )
        left_s = None if snapshot.phase == "waiting" else self._rate.left_s
        state = format_progress(snapshot, records_per_second=self._rate.records_per_second, left_s=left_s)
        lines: list[RenderableType] = [row, Text(state, overflow="fold")]
        waits = " - ".join(part for part in (snapshot.note, format_wait(snapshot.quota)) if part)
        if waits:
            lines.append(Text(waits, style="yellow"))
        return Group(*lines)
