"""The export pipeline: pages of each partition are encoded, appended to the partition's file and settled in the journal.

A partition's file is durable up to the length in the journal; bytes beyond it are cut off when reading resumes.  A killed export
loses at most the pages of the last moment, which are read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from bulkzoho.domain.model.export import ExportPage, ExportSettings, Partition
from bulkzoho.domain.model.journal_events import RunUpdated
from bulkzoho.domain.model.progress import CallCounts, ProgressSnapshot
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import StopReason
from bulkzoho.engine.concurrency.gather import first_error
from bulkzoho.engine.concurrency.run_monitor import RunContext, RunMonitor, RunState
from bulkzoho.engine.concurrency.stop import StopRequestedError, stop_reason
from bulkzoho.engine.exporter.overlap import OverlapWindow
from bulkzoho.engine.exporter.record_api import RecordPager
from bulkzoho.errors import BulkZohoError, RunFailedError
from bulkzoho.interfaces import ExportJournal, RecordWriter, TrackedFile
from bulkzoho.storage.files.write_errors import write_error

__all__ = ["ExportPipeline", "ExportPipelineParts", "PageFilter", "PartitionSink"]

SETTLE_EVERY_S: Final = 0.25  # between two writes of a partition's state: a page read again costs a call, a sync costs time
SAVE_PROGRESS_EVERY_S: Final = 2.0
_LOG = logging.getLogger(__name__)

PageFilter = Callable[[ExportPage], ExportPage]  #: removes records that do not belong to the export


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionSink:
    """Where the records of partitions go."""

    writer: RecordWriter
    open_file: Callable[[Partition], TrackedFile]
    journal: ExportJournal
    overlap: OverlapWindow  #: what the filter remembers is settled together with the partition


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPipelineParts(RunContext):
    """The parts of an export pipeline."""

    settings: ExportSettings
    partitions: Sequence[Partition]
    pager: RecordPager
    filter: PageFilter
    sink: PartitionSink
    workers: int
    expected: int = 0  #: how many records there are; 0: they were not counted
    save_progress: Callable[[RunUpdated], None]  #: saves calls and seconds, in case the process is killed


class ExportPipeline:
    """One running export.

    Attributes:
        partitions: How far each one was read, by number.
    """

    def __init__(self, parts: ExportPipelineParts) -> None:
        self._parts = parts
        self.partitions = {partition.number: partition for partition in parts.partitions}
        self._waiting = [partition.number for partition in reversed(parts.partitions) if not partition.done]
        window, longest_s = parts.settings.window, parts.settings.max_duration_s
        self._monitor = RunMonitor(parts, window=window, longest_s=longest_s)

    @property
    def records(self) -> int:
        """Records read so far, including those of earlier processes."""
        return sum(partition.records for partition in self.partitions.values())

    @property
    def done(self) -> bool:
        """Whether every partition was read to its end."""
        return all(partition.done for partition in self.partitions.values())

    async def run(self) -> None:
        """Read until every partition is done or the run is stopped; an error stops the run, which can be resumed.

        Raises:
            BulkZohoError: An error that no task could turn into a decision to stop.
        """
        try:
            await self._read_all()
        except BaseExceptionGroup as group:
            raise first_error(group) from group

    async def _read_all(self) -> None:
        async with self._monitor.watching(self._snapshot), asyncio.TaskGroup() as group:
            saving = group.create_task(self._save_progress())
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(self._parts.workers, len(self._waiting))):
                    workers.create_task(self._work())
            saving.cancel()

    def seconds(self) -> float:
        """Return the seconds spent on the run, in this process and before."""
        return self._monitor.seconds()

    def calls(self) -> CallCounts:
        """Return the calls of the run, in this process and before."""
        return self._monitor.calls()

    async def _work(self) -> None:
        while self._waiting and not self._parts.stop.requested:
            partition = self.partitions[self._waiting.pop()]
            try:
                await self._read(partition)
            except StopRequestedError:
                return
            except OSError as error:
                self._parts.stop.request(StopReason.FAILED, _cannot_write(error))
            except BulkZohoError as error:
                self._parts.stop.request(stop_reason(error), error)

    async def _read(self, partition: Partition) -> None:
        """Read one partition to its end; on any exit the complete pages are settled."""
        clock = asyncio.get_running_loop().time
        file = self._parts.sink.open_file(partition)
        settled_at, resumable = clock(), partition
        try:
            file.cut(partition.length)
            async for page in self._parts.pager.pages(partition):
                partition = self._append(file, partition, page)
                if page.resumable:
                    resumable = partition
                    if page.done or not page.rows or clock() - settled_at >= SETTLE_EVERY_S:
                        self._settle(file, resumable)
                        settled_at = clock()
                if self._parts.stop.requested:
                    break
        finally:
            with suppress(OSError, BulkZohoError):  # the first error says more; pages that are not settled are read again
                self._settle(file, resumable)
            self.partitions[partition.number] = resumable
            file.close()

    def _append(self, file: TrackedFile, partition: Partition, page: ExportPage) -> Partition:
        kept = self._parts.filter(page)
        file.append(self._parts.sink.writer.encode(kept))
        _LOG.info("page read", extra={"partition": partition.number, "records": len(page), "skipped": len(page) - len(kept)})
        partition = replace(
            partition,
            position=page.position,
            records=partition.records + len(kept),
            length=file.length,
            done=page.done,
        )
        self.partitions[partition.number] = partition
        return partition

    def _settle(self, file: TrackedFile, partition: Partition) -> None:
        file.sync()
        overlap = self._parts.sink.overlap
        self._parts.sink.journal.settle(partition, overlap.unsettled)
        overlap.unsettled.clear()

    def _snapshot(self) -> ProgressSnapshot:
        records = self.records
        tally = RowCounts(read=records, unchanged=records)
        crm_module, expected = self._parts.settings.crm_module, self._parts.expected
        return self._monitor.snapshot(RunState(phase="reading", crm_module=crm_module, tally=tally, expected=expected))

    async def _save_progress(self) -> None:
        while True:
            await asyncio.sleep(SAVE_PROGRESS_EVERY_S)
            with suppress(BulkZohoError):  # the next write of a partition reports a full disk
                self._parts.save_progress(self._monitor.run_update())


def _cannot_write(error: OSError) -> RunFailedError:
    return write_error(RunFailedError, error.filename or "a file of the run", error)
