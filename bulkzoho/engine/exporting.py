"""The export pipe: pages of each strand, encoded, appended to the strand's file, settled in the journal.

A strand's file is durable up to the length that the journal knows, and what stands beyond it is cut off when it is read on: a
killed export loses at most the pages of the last moment, which are read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bulkzoho.core.hours import closes_at, opens_at
from bulkzoho.engine.courier import Courier
from bulkzoho.engine.pages import Pages
from bulkzoho.engine.stopping import AdmissionClosedError, Stop, reason_of
from bulkzoho.errors import BulkZohoError, RunFailedError
from bulkzoho.model.export import ExportSettings, Page, Strand
from bulkzoho.model.journal import RunMoved
from bulkzoho.model.outcomes import Tally
from bulkzoho.model.rows import Operation
from bulkzoho.model.run import CallCounts, RunStatus, Snapshot, StopReason
from bulkzoho.ports import ExportJournal, Progress, Quota, RecordWriter, TrackedFile

__all__ = ["ExportParts", "ExportPipe", "total_calls"]

SETTLE_EVERY_S: Final = 0.25  # seconds between two writes of a strand's state: a page read again costs a call, a sync costs time
SHOW_EVERY_S: Final = 0.25
KEEP_VITALS_EVERY_S: Final = 2.0
LONG_WAIT_S: Final = 2.0

Keep = Callable[[Page], Page]  #: drops what does not belong to the export


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportParts:
    """What the pipe is put together from."""

    run: str
    settings: ExportSettings
    strands: Sequence[Strand]
    pages: Pages
    keep: Keep
    writer: RecordWriter
    open_file: Callable[[Strand], TrackedFile]
    journal: ExportJournal
    courier: Courier
    quota: Quota
    progress: Progress
    stop: Stop
    wall: Callable[[], float]
    workers: int
    vitals: Callable[[RunMoved], None]  #: keeps calls and seconds, in case the process is killed
    worked_s: float
    counted: CallCounts


class ExportPipe:
    """One export at work.

    Attributes:
        strands: How far each was read.
    """

    def __init__(self, parts: ExportParts) -> None:
        self._parts = parts
        self.strands = {one.number: one for one in parts.strands}
        self._waiting = [one.number for one in reversed(parts.strands) if not one.done]
        self._started = asyncio.get_running_loop().time()
        self._phase = "reading"

    @property
    def records(self) -> int:
        """Records read so far, those of earlier processes too."""
        return sum(one.records for one in self.strands.values())

    @property
    def done(self) -> bool:
        """Whether every strand was read to its end."""
        return all(one.done for one in self.strands.values())

    async def run(self) -> None:
        """Read until every strand is done or the run is stopped; an error ends the run, resumable."""
        async with asyncio.TaskGroup() as watchers:
            watching = [watchers.create_task(self._show()), watchers.create_task(self._keep_hours())]
            await self._open_hours()
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(self._parts.workers, len(self._waiting))):
                    workers.create_task(self._work())
            for task in watching:
                task.cancel()

    def seconds(self) -> float:
        """Seconds worked on the run, in this process and before."""
        return self._parts.worked_s + asyncio.get_running_loop().time() - self._started

    def calls(self) -> CallCounts:
        """Calls of the run, in this process and before."""
        return total_calls(self._parts.courier.counts, self._parts.counted)

    async def _work(self) -> None:
        while self._waiting and not self._parts.stop.requested:
            strand = self.strands[self._waiting.pop()]
            try:
                await self._read(strand)
            except AdmissionClosedError:
                return
            except OSError as error:
                self._parts.stop.request(StopReason.FAILED, _cannot_write(error))
            except BulkZohoError as error:
                self._parts.stop.request(reason_of(error), error)

    async def _read(self, strand: Strand) -> None:
        """Read one strand on; whatever ends it, what was read is settled."""
        clock = asyncio.get_running_loop().time
        file = self._parts.open_file(strand)
        settled_at, safe = clock(), strand
        try:
            file.cut(strand.length)
            async for page in self._parts.pages.pages(strand):
                kept = self._parts.keep(page)
                file.append(self._parts.writer.encode(kept.records))
                strand = replace(
                    strand,
                    position=page.position,
                    records=strand.records + len(kept.records),
                    length=file.length,
                    done=page.done,
                )
                self.strands[strand.number] = strand
                safe = strand if page.whole else safe
                if page.done or not page.records or clock() - settled_at >= SETTLE_EVERY_S:
                    self._settle(file, safe)
                    settled_at = clock()
                if self._parts.stop.requested:
                    break
        finally:
            with suppress(OSError, BulkZohoError):  # what was met first says more; what is not settled is read again
                self._settle(file, safe)
            self.strands[strand.number] = safe
            file.close()

    def _settle(self, file: TrackedFile, strand: Strand) -> None:
        file.sync()
        self._parts.journal.settle(strand)

    def snapshot(self) -> Snapshot:
        """Give the run as it stands."""
        parts = self._parts
        quota = parts.quota.status()
        waits = quota.waiting_until is not None and quota.waiting_until - parts.wall() >= LONG_WAIT_S
        phase = "waiting" if waits else self._phase
        return Snapshot(
            run=parts.run,
            crm_module=parts.settings.crm_module,
            operation=Operation.INSERT,  # shown nowhere; an export has none
            tally=Tally(read=self.records, unchanged=self.records),
            calls=self.calls(),
            quota=quota,
            seconds=self.seconds(),
            bytes_read=0,
            bytes_total=None,
            phase="draining" if parts.stop.requested else phase,
        )

    async def _show(self) -> None:
        kept_at = self.seconds()
        while True:
            self._parts.progress.show(self.snapshot())
            await asyncio.sleep(SHOW_EVERY_S)
            if self.seconds() - kept_at >= KEEP_VITALS_EVERY_S:
                kept_at = self.seconds()
                with suppress(BulkZohoError):  # a strand's own write tells of a full disk
                    self._parts.vitals(RunMoved(status=RunStatus.RUNNING, seconds=kept_at, calls=self.calls()))

    async def _open_hours(self) -> None:
        window = self._parts.settings.window
        if window is None:
            return
        opens = opens_at(window, self._local_now())
        if opens > self._local_now():
            self._phase = "waiting"
            self._parts.progress.tell(f"Waiting for the window: it opens at {opens:%Y-%m-%d %H:%M}.")
        while (left := (opens - self._local_now()).total_seconds()) > 0 and not self._parts.stop.requested:
            await self._parts.stop.sleep(min(left, 30.0))
        self._phase = "reading"

    async def _keep_hours(self) -> None:
        """Close admission when the window closes or the time is up."""
        window, longest = self._parts.settings.window, self._parts.settings.max_duration_s
        if window is None and longest is None:
            return
        ends_wall = None if longest is None else self._parts.wall() + longest
        while not self._parts.stop.requested:
            left = 30.0
            if ends_wall is not None:
                left = min(left, ends_wall - self._parts.wall())
            if window is not None and self._phase != "waiting":
                closes = closes_at(window, self._local_now())
                left = min(left, 0.0 if closes is None else (closes - self._local_now()).total_seconds())
            if left <= 0:
                self._parts.stop.request(StopReason.TIME_IS_UP)
                return
            await self._parts.stop.sleep(max(left, 0.05))

    def _local_now(self) -> datetime:
        return datetime.fromtimestamp(self._parts.wall()).astimezone()


def total_calls(now: CallCounts, before: CallCounts) -> CallCounts:
    """Give the calls of this process and of those before."""
    return CallCounts(
        total=now.total + before.total,
        retried=now.retried + before.retried,
        throttled=now.throttled + before.throttled,
        credits=now.credits + before.credits,
    )


def _cannot_write(error: OSError) -> RunFailedError:
    return RunFailedError(
        f"{error.filename or 'a file of the run'}: {error.strerror}.",
        hint="Make room on the disk, then resume.",
        code="CANNOT_WRITE",
    )
