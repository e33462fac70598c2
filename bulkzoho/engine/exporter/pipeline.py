"""The export pipe: pages of each strand, encoded, appended to the strand's file, settled in the journal.

A strand's file is durable up to the length that the journal knows, and what stands beyond it is cut off when it is read on: a
killed export loses at most the pages of the last moment, which are read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from bulkzoho.domain.model.export import ExportPage, ExportSettings, Partition
from bulkzoho.domain.model.journal_events import RunUpdated
from bulkzoho.domain.model.progress import CallCounts, ProgressSnapshot
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import StopReason
from bulkzoho.engine.concurrency.run_monitor import RunContext, RunMonitor, RunState
from bulkzoho.engine.concurrency.stop import StopRequestedError, stop_reason
from bulkzoho.engine.exporter.record_api import RecordPager
from bulkzoho.errors import BulkZohoError, RunFailedError
from bulkzoho.interfaces import PartitionJournal, RecordWriter, TrackedFile

__all__ = ["ExportPipeline", "ExportPipelineParts", "Keep"]

SETTLE_EVERY_S: Final = 0.25  # seconds between two writes of a strand's state: a page read again costs a call, a sync costs time
KEEP_VITALS_EVERY_S: Final = 2.0

Keep = Callable[[ExportPage], ExportPage]  #: drops what does not belong to the export


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPipelineParts(RunContext):
    """What the pipe is put together from."""

    settings: ExportSettings
    strands: Sequence[Partition]
    pages: RecordPager
    keep: Keep
    writer: RecordWriter
    open_file: Callable[[Partition], TrackedFile]
    journal: PartitionJournal
    workers: int
    expected: int = 0  #: records that were counted before; 0: they could not be
    vitals: Callable[[RunUpdated], None]  #: keeps calls and seconds, in case the process is killed


class ExportPipeline:
    """One export at work.

    Attributes:
        strands: How far each was read.
    """

    def __init__(self, parts: ExportPipelineParts) -> None:
        self._parts = parts
        self.strands = {one.number: one for one in parts.strands}
        self._waiting = [one.number for one in reversed(parts.strands) if not one.done]
        window, longest_s = parts.settings.window, parts.settings.max_duration_s
        self._watch = RunMonitor(parts, window=window, longest_s=longest_s)

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
        async with self._watch.watching(self._snapshot), asyncio.TaskGroup() as group:
            keeping = group.create_task(self._keep_vitals())
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(self._parts.workers, len(self._waiting))):
                    workers.create_task(self._work())
            keeping.cancel()

    def seconds(self) -> float:
        """Seconds worked on the run, in this process and before."""
        return self._watch.seconds()

    def calls(self) -> CallCounts:
        """Calls of the run, in this process and before."""
        return self._watch.calls()

    async def _work(self) -> None:
        while self._waiting and not self._parts.stop.requested:
            strand = self.strands[self._waiting.pop()]
            try:
                await self._read(strand)
            except StopRequestedError:
                return
            except OSError as error:
                self._parts.stop.request(StopReason.FAILED, _cannot_write(error))
            except BulkZohoError as error:
                self._parts.stop.request(stop_reason(error), error)

    async def _read(self, strand: Partition) -> None:
        """Read one strand on; whatever ends it, what was read is settled."""
        clock = asyncio.get_running_loop().time
        file = self._parts.open_file(strand)
        settled_at, safe = clock(), strand
        try:
            file.cut(strand.length)
            async for page in self._parts.pages.pages(strand):
                kept = self._parts.keep(page)
                file.append(self._parts.writer.encode(kept))
                strand = replace(
                    strand,
                    position=page.position,
                    records=strand.records + len(kept),
                    length=file.length,
                    done=page.done,
                )
                self.strands[strand.number] = strand
                if page.whole:
                    safe = strand
                    if page.done or not page.rows or clock() - settled_at >= SETTLE_EVERY_S:
                        self._settle(file, safe)
                        settled_at = clock()
                if self._parts.stop.requested:
                    break
        finally:
            with suppress(OSError, BulkZohoError):  # what was met first says more; what is not settled is read again
                self._settle(file, safe)
            self.strands[strand.number] = safe
            file.close()

    def _settle(self, file: TrackedFile, strand: Partition) -> None:
        file.sync()
        self._parts.journal.settle(strand)

    def _snapshot(self) -> ProgressSnapshot:
        records = self.records
        tally = RowCounts(read=records, unchanged=records)
        module, expected = self._parts.settings.crm_module, self._parts.expected
        return self._watch.snapshot(RunState(phase="reading", crm_module=module, tally=tally, expected=expected))

    async def _keep_vitals(self) -> None:
        while True:
            await asyncio.sleep(KEEP_VITALS_EVERY_S)
            with suppress(BulkZohoError):  # a strand's own write tells of a full disk
                self._parts.vitals(self._watch.run_update())


def _cannot_write(error: OSError) -> RunFailedError:
    return RunFailedError(
        f"{error.filename or 'a file of the run'}: {error.strerror}.",
        hint="Make room on the disk, then resume.",
        code="CANNOT_WRITE",
    )
