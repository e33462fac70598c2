"""Monitor a run: show its progress, keep to its time window, count its calls and seconds over all processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bulkzoho.domain.model.journal_events import RunUpdated
from bulkzoho.domain.model.progress import CallCounts, ProgressSnapshot
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus, StopReason
from bulkzoho.domain.model.settings import RunWindow
from bulkzoho.domain.policy.run_window import closes_at, opens_at
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.interfaces import Progress, RateLimiter

__all__ = ["RunContext", "RunMonitor", "RunState"]

SHOW_EVERY_S: Final = 0.25  # seconds between two progress updates
SHOW_WAITING_S: Final = 1.0  # the same while the run waits: for hours, perhaps, at no cost
LONG_WAIT_S: Final = 60.0  # seconds from which a wait is shown as waiting
SLICE_S: Final = 30.0  # seconds after which the wall clock is read again: it may have been set, or the machine asleep


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """Parts that every run has, whatever it moves."""

    run: str
    caller: RetryingCaller
    limiter: RateLimiter
    progress: Progress
    stop: StopSignal
    wall: Callable[[], float]
    worked_s: float  #: seconds that earlier processes worked on this run
    counted: CallCounts  #: calls that earlier processes made


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """The state of a run that its pipeline knows."""

    phase: str  #: see :class:`bulkzoho.domain.model.progress.ProgressSnapshot`
    crm_module: str
    tally: RowCounts
    bytes_read: int = 0
    bytes_total: int | None = None
    expected: int | None = None
    note: str = ""


class RunMonitor:
    """Monitors one run.

    Args:
        window: Hours within which the run works; None: at any time.
        longest_s: Seconds after which the run stops; None: no limit.

    Attributes:
        context: The run's parts.
        opens: When the window opens for which the run waits before it begins; None while it does not wait.
    """

    def __init__(self, context: RunContext, *, window: RunWindow | None, longest_s: float | None) -> None:
        self.context = context
        self._window = window
        self._longest_s = longest_s
        self.opens: datetime | None = None
        self._started = asyncio.get_running_loop().time()

    @asynccontextmanager
    async def watching(self, snapshot: Callable[[], ProgressSnapshot]) -> AsyncIterator[None]:
        """Show what *snapshot* returns and keep to the window while the body runs; the body begins when the window is open.

        Raises:
            BaseExceptionGroup: Raised by the body or by a task of the monitor.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._show(snapshot)), group.create_task(self._stop_in_time())]
            await self._wait_for_window()
            yield
            for task in tasks:
                task.cancel()

    def seconds(self) -> float:
        """Return the seconds worked on the run, in this process and before."""
        return self.context.worked_s + asyncio.get_running_loop().time() - self._started

    def calls(self) -> CallCounts:
        """Return the calls of the run, in this process and before."""
        now, before = self.context.caller.counts, self.context.counted
        return CallCounts(
            total=now.total + before.total,
            retried=now.retried + before.retried,
            throttled=now.throttled + before.throttled,
            credits=now.credits + before.credits,
        )

    def run_update(self) -> RunUpdated:
        """Return the journal's event for a run in progress."""
        return RunUpdated(status=RunStatus.RUNNING, seconds=self.seconds(), calls=self.calls())

    def snapshot(self, state: RunState) -> ProgressSnapshot:
        """Return the run's progress; a wait for the window or an outage replaces the note."""
        context = self.context
        quota = context.limiter.status()
        waits = quota.waiting_until is not None and quota.waiting_until - context.wall() >= LONG_WAIT_S
        phase = "waiting" if waits or self.opens is not None else state.phase
        return ProgressSnapshot(
            run=context.run,
            crm_module=state.crm_module,
            tally=state.tally,
            calls=self.calls(),
            quota=quota,
            seconds=self.seconds(),
            bytes_read=state.bytes_read,
            bytes_total=state.bytes_total,
            expected=state.expected,
            phase="draining" if context.stop.requested else phase,
            note=self._outage() or state.note if self.opens is None else f"waiting for the window until {self.opens:%H:%M on %A}",
        )

    def _outage(self) -> str:
        """Describe the current outage, in words that stay the same while it lasts."""
        current = self.context.caller.current_outage()
        if current is None:
            return ""
        outage, gives_up_at = current
        since, until = (datetime.fromtimestamp(moment).astimezone() for moment in (outage.since_wall, gives_up_at))
        return f"no response since {since:%H:%M:%S} ({outage.reason}); gives up at {until:%H:%M:%S}"

    async def _show(self, snapshot: Callable[[], ProgressSnapshot]) -> None:
        while True:
            shown = snapshot()
            self.context.progress.show(shown)
            await asyncio.sleep(SHOW_WAITING_S if shown.phase == "waiting" else SHOW_EVERY_S)

    async def _wait_for_window(self) -> None:
        """Wait until the window opens, if there is one; check it against the wall clock in slices."""
        if self._window is None:
            return
        opens, stop = opens_at(self._window, self._local_now()), self.context.stop
        if opens > self._local_now():
            self.opens = opens
            self.context.progress.tell(f"Waiting for the window: it opens at {opens:%Y-%m-%d %H:%M}.")
        while (left := (opens - self._local_now()).total_seconds()) > 0 and not stop.requested:
            await stop.sleep(min(left, SLICE_S))
        self.opens = None

    async def _stop_in_time(self) -> None:
        """Stop the run when the window closes or its time is up."""
        if self._window is None and self._longest_s is None:
            return
        stop, wall = self.context.stop, self.context.wall
        ends_wall = None if self._longest_s is None else wall() + self._longest_s
        while not stop.requested:
            left = SLICE_S
            if ends_wall is not None:
                left = min(left, ends_wall - wall())
            if self._window is not None and self.opens is None:
                closes = closes_at(self._window, self._local_now())
                left = min(left, 0.0 if closes is None else (closes - self._local_now()).total_seconds())
            if left <= 0:
                stop.request(StopReason.TIME_IS_UP)
                return
            await stop.sleep(max(left, 0.05))

    def _local_now(self) -> datetime:
        return datetime.fromtimestamp(self.context.wall()).astimezone()
