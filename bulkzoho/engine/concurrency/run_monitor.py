"""Watch a run while it works: show it, open and close its hours, count what it did in this process and before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bulkzoho.domain.model.progress import CallCounts, ProgressSnapshot
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import StopReason
from bulkzoho.domain.model.settings import RunWindow
from bulkzoho.domain.policy.run_window import closes_at, opens_at
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.interfaces import Progress, RateLimiter

__all__ = ["RunContext", "RunMonitor"]

SHOW_EVERY_S: Final = 0.25  # seconds between two looks at the run
SHOW_WAITING_S: Final = 1.0  # the same while it waits: for hours, perhaps, at no cost
LONG_WAIT_S: Final = 60.0  # seconds from which a run waits rather than works
SLICE_S: Final = 30.0  # seconds after which the wall clock is looked at again: it may have been set, or the machine asleep


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What every run is built from, whatever it moves."""

    run: str
    courier: RetryingCaller
    quota: RateLimiter
    progress: Progress
    stop: StopSignal
    wall: Callable[[], float]
    worked_s: float  #: seconds that earlier processes worked on this run
    counted: CallCounts  #: calls that earlier processes made


class RunMonitor:
    """One run as its watchers see it.

    Attributes:
        phase: What the run does now; see :class:`Snapshot`.
        opens: What the run waits for before it begins, if it does.
    """

    def __init__(self, parts: RunContext, *, window: RunWindow | None, longest_s: float | None, phase: str) -> None:
        """Watch a run that works within *window* and for at most *longest_s* seconds; *phase* is what it does first."""
        self._parts = parts
        self._window = window
        self._longest_s = longest_s
        self.phase = phase
        self.opens: datetime | None = None
        self._started = asyncio.get_running_loop().time()

    @asynccontextmanager
    async def watching(self, snapshot: Callable[[], ProgressSnapshot]) -> AsyncIterator[None]:
        """Show what *snapshot* gives and keep the hours while the body runs, which begins when the window is open.

        Raises:
            BaseExceptionGroup: What the body or a watcher raised.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._show(snapshot)), group.create_task(self._keep_hours())]
            await self._open_hours()
            yield
            for task in tasks:
                task.cancel()

    def seconds(self) -> float:
        """Seconds worked on the run, in this process and before."""
        return self._parts.worked_s + asyncio.get_running_loop().time() - self._started

    def calls(self) -> CallCounts:
        """Calls of the run, in this process and before."""
        now, before = self._parts.courier.counts, self._parts.counted
        return CallCounts(
            total=now.total + before.total,
            retried=now.retried + before.retried,
            throttled=now.throttled + before.throttled,
            credits=now.credits + before.credits,
        )

    def snapshot(
        self,
        crm_module: str,
        tally: RowCounts,
        *,
        bytes_read: int = 0,
        bytes_total: int | None = None,
        expected: int | None = None,
        note: str = "",
    ) -> ProgressSnapshot:
        """Give the run as it stands; while it waits for its window, that is what is noted."""
        parts = self._parts
        quota = parts.quota.status()
        waits_long = quota.waiting_until is not None and quota.waiting_until - parts.wall() >= LONG_WAIT_S
        phase = "waiting" if waits_long else self.phase
        return ProgressSnapshot(
            run=parts.run,
            crm_module=crm_module,
            tally=tally,
            calls=self.calls(),
            quota=quota,
            seconds=self.seconds(),
            bytes_read=bytes_read,
            bytes_total=bytes_total,
            expected=expected,
            phase="draining" if parts.stop.requested else phase,
            note=self._silence() or note if self.opens is None else f"waiting for the window until {self.opens:%H:%M on %A}",
        )

    def _silence(self) -> str:
        """Say that the CRM does not answer, in words that stay the same while it lasts."""
        silent = self._parts.courier.silence()
        if silent is None:
            return ""
        silence, ends = silent
        since, until = (datetime.fromtimestamp(one).astimezone() for one in (silence.since_wall, ends))
        return f"no answer since {since:%H:%M:%S} ({silence.reason}); gives up at {until:%H:%M:%S}"

    async def _show(self, snapshot: Callable[[], ProgressSnapshot]) -> None:
        while True:
            shown = snapshot()
            self._parts.progress.show(shown)
            await asyncio.sleep(SHOW_WAITING_S if shown.phase == "waiting" else SHOW_EVERY_S)

    async def _open_hours(self) -> None:
        """Wait for the window, if there is one; it is checked against the wall clock in slices."""
        if self._window is None:
            return
        opens, stop, phase = opens_at(self._window, self._local_now()), self._parts.stop, self.phase
        if opens > self._local_now():
            self.phase, self.opens = "waiting", opens
            self._parts.progress.tell(f"Waiting for the window: it opens at {opens:%Y-%m-%d %H:%M}.")
        while (left := (opens - self._local_now()).total_seconds()) > 0 and not stop.requested:
            await stop.sleep(min(left, SLICE_S))
        self.phase, self.opens = phase, None

    async def _keep_hours(self) -> None:
        """Close admission when the window closes or the time is up."""
        if self._window is None and self._longest_s is None:
            return
        stop = self._parts.stop
        ends_wall = None if self._longest_s is None else self._parts.wall() + self._longest_s
        while not stop.requested:
            left = SLICE_S
            if ends_wall is not None:
                left = min(left, ends_wall - self._parts.wall())
            if self._window is not None and self.opens is None:
                closes = closes_at(self._window, self._local_now())
                left = min(left, 0.0 if closes is None else (closes - self._local_now()).total_seconds())
            if left <= 0:
                stop.request(StopReason.TIME_IS_UP)
                return
            await stop.sleep(max(left, 0.05))

    def _local_now(self) -> datetime:
        return datetime.fromtimestamp(self._parts.wall()).astimezone()
