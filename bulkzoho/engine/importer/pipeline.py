"""The import pipe: reader, channel, senders, doubts, and what watches them, in one task group.

```
inputs -> reader: shape, cut -> [channel] -> senders: sent -> permit -> call -> verdict -> recorder
                                                 ^ lost answers -> doubts --+
```
Only a bug cancels the group.  Whatever else ends a run early closes admission: calls in flight end and are settled, the rest is
unsent and can be resumed.  Only the second Ctrl-C leaves calls unanswered; they are in doubt then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bulkzoho.domain.model.journal_events import RunUpdated
from bulkzoho.domain.model.progress import CallCounts, ProgressSnapshot
from bulkzoho.domain.model.rows import Batch, Operation
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.model.settings import REPLY_TIMEOUT_S, SETTLE_MARGIN_S, ImportSettings
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.engine.concurrency.channel import Channel
from bulkzoho.engine.concurrency.gather import first_error
from bulkzoho.engine.concurrency.run_monitor import RunContext, RunMonitor
from bulkzoho.engine.importer.batch_parts import BatchPartTracker
from bulkzoho.engine.importer.batcher import BatchLimits
from bulkzoho.engine.importer.error_limit import ErrorLimit
from bulkzoho.engine.importer.reader import InputReader, ReplayFilter, RunInput
from bulkzoho.engine.importer.recorder import OutcomeRecorder
from bulkzoho.engine.importer.sender import BatchSender, InDoubtBatch, ResendInterpreter
from bulkzoho.engine.importer.superseded import SupersededCheck
from bulkzoho.engine.importer.user_loading import ReadUsers
from bulkzoho.engine.lost_replies.in_doubt import ConflictCheck, InDoubtQueue, InsertLookup
from bulkzoho.interfaces import ImportRoute

__all__ = ["ImportPipeline", "ImportPipelineParts"]

_PACKED = (Operation.INSERT, Operation.UPSERT)  # the others need the ids of all their records once more


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPipelineParts(RunContext):
    """What the pipe is built from; ``assembly`` alone makes these."""

    settings: ImportSettings
    inputs: Sequence[RunInput]
    shaper: RowTransformer
    route: ImportRoute
    recorder: OutcomeRecorder
    lookup: InsertLookup | None
    conflicts: ConflictCheck | None = None
    resends: ResendInterpreter | None = None
    letters: ReplayFilter | None
    superseded: SupersededCheck | None = None
    read_users: ReadUsers | None = None  #: asked when a row names a user otherwise than by id
    senders: int
    bytes_total: int | None


class ImportPipeline:
    """One import at work.

    Attributes:
        reader: Tells whether the input was read to its end, and why not.
    """

    def __init__(self, parts: ImportPipelineParts) -> None:
        settings = parts.settings
        self._parts = parts
        self._channel: Channel[Batch] = Channel(max(2, parts.senders))
        self._watch = RunMonitor(parts, window=settings.window, longest_s=settings.max_duration_s, phase="sending")
        errors = ErrorLimit(settings.max_errors, parts.recorder, parts.stop)
        self.reader = InputReader(
            inputs=parts.inputs,
            shaper=parts.shaper,
            limits=BatchLimits(max_records=settings.batch_records),
            channel=self._channel,
            recorder=parts.recorder,
            stop=parts.stop,
            limit=settings.limit,
            letters=parts.letters,
            superseded=parts.superseded,
            read_users=parts.read_users,
            errors=errors,
            packs=settings.operation in _PACKED and parts.letters is None,
        )
        open_parts = BatchPartTracker(self.reader.released)
        wait_s = REPLY_TIMEOUT_S + SETTLE_MARGIN_S if settings.settle_wait_s is None else settings.settle_wait_s
        self._doubts = InDoubtQueue(
            operation=settings.operation,
            match_on=settings.match_on,
            lookup=parts.lookup,
            conflicts=parts.conflicts,
            settle_wait_s=wait_s,
            recorder=parts.recorder,
            stop=parts.stop,
            wall=parts.wall,
            parts=open_parts,
        )
        self._sender = self._doubts.sender = BatchSender(
            route=parts.route,
            crm_module=settings.crm_module,
            courier=parts.courier,
            recorder=parts.recorder,
            stop=parts.stop,
            errors=errors,
            parts=open_parts,
            doubted=self._doubts.add,
            room=self._doubts.room,
            resends=parts.resends,
        )

    async def run(self, *, in_doubt: Sequence[InDoubtBatch] = ()) -> None:
        """Settle *in_doubt* (what an earlier process left), then read and send until the end or until the run is stopped.

        Raises:
            BulkZohoError: Something that no task could turn into a decision to stop.
        """
        self._parts.recorder.watch(self._vitals)
        self._parts.recorder.expect(self._parts.senders)
        try:
            await self._watch_and_work(in_doubt)
        except BaseExceptionGroup as group:
            raise first_error(group) from group

    async def _watch_and_work(self, in_doubt: Sequence[InDoubtBatch]) -> None:
        async with self._watch.watching(self.snapshot):
            if in_doubt:
                await self._settle_first(in_doubt)
            if not self._parts.stop.requested:
                await self._read_and_send()

    def seconds(self) -> float:
        """Seconds worked on the run, in this process and before."""
        return self._watch.seconds()

    def calls(self) -> CallCounts:
        """Calls of the run, in this process and before."""
        return self._watch.calls()

    def snapshot(self) -> ProgressSnapshot:
        """Give the run as it stands."""
        parts = self._parts
        return self._watch.snapshot(
            parts.settings.crm_module,
            parts.recorder.tally(),
            bytes_read=self.reader.bytes_read,
            bytes_total=parts.bytes_total,
            note=self._note(),
        )

    async def _settle_first(self, in_doubt: Sequence[InDoubtBatch]) -> None:
        self._watch.phase = "settling"
        for doubtful in in_doubt:
            self._doubts.add(doubtful)
        async with asyncio.TaskGroup() as group:
            self._doubts.close()
            group.create_task(self._doubts.run())
        self._doubts.reopen()
        self._watch.phase = "sending"

    async def _read_and_send(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._doubts.run())
            async with asyncio.TaskGroup() as work:
                work.create_task(self.reader.run())
                for _ in range(self._parts.senders):
                    work.create_task(self._sender.run(self._channel))
            self._watch.phase = "settling"
            self._doubts.close()
        if not self._parts.stop.requested:
            self._sender.settle_accused()

    def _vitals(self) -> RunUpdated:
        return RunUpdated(status=RunStatus.RUNNING, seconds=self.seconds(), calls=self.calls())

    def _note(self) -> str:
        if self._doubts.waits_until is not None:
            at = datetime.fromtimestamp(self._doubts.waits_until).astimezone()
            calls = "1 call" if len(self._doubts) == 1 else f"{len(self._doubts)} calls"
            return f"{calls} without an answer, to be settled at {at:%H:%M:%S}"
        return ""
