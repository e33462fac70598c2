"""The import pipeline: reader, channel, senders, resolver of batches in doubt, and the monitor, in one task group.

```
inputs -> reader: convert, cut -> [channel] -> senders: record sent -> permit -> call -> judge -> recorder
              ^ finished batches                  | no response   ^ send again
              +---- batch part tracker <---+      v               |
                                           +-- in-doubt queue -> resolver
```
The batch part tracker and the in-doubt queue are built first; the tasks put into them and take from them, and know nothing of
each other.  Only a bug cancels the group.  Everything else that ends a run early stops new calls: calls in flight finish and are
settled, the rest is unsent and can be resumed.  Only the second Ctrl-C cancels calls in flight; they are in doubt then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bulkzoho.domain.model.batch import InDoubtBatch
from bulkzoho.domain.model.progress import CallCounts, ProgressSnapshot
from bulkzoho.domain.model.rows import Batch, Operation
from bulkzoho.domain.model.settings import ImportSettings
from bulkzoho.engine.concurrency.channel import Channel
from bulkzoho.engine.concurrency.gather import first_error
from bulkzoho.engine.concurrency.run_monitor import RunMonitor, RunState
from bulkzoho.engine.importer.batch_parts import BatchPartTracker
from bulkzoho.engine.importer.error_limit import ErrorLimit
from bulkzoho.engine.importer.reader import InputParts, InputReader, ReaderParts
from bulkzoho.engine.importer.recorder import OutcomeRecorder
from bulkzoho.engine.importer.sender import BatchSender, SenderParts
from bulkzoho.engine.lost_replies.in_doubt import InDoubtParts, InDoubtQueue, InDoubtResolver, ResendPolicy
from bulkzoho.engine.lost_replies.protocols import LostReplyChecks
from bulkzoho.interfaces import ImportRoute

__all__ = ["ImportPipeline", "ImportPipelineParts"]

_ENCODED = (Operation.INSERT, Operation.UPSERT)  # the others need the ids of all their records once more


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPipelineParts:
    """Parts of an :class:`ImportPipeline`."""

    monitor: RunMonitor
    settings: ImportSettings
    input: InputParts
    route: ImportRoute
    recorder: OutcomeRecorder
    checks: LostReplyChecks
    senders: int


class ImportPipeline:
    """One running import.

    Attributes:
        reader: Knows whether the input was read to its end, and why not.
    """

    def __init__(self, parts: ImportPipelineParts) -> None:
        settings, context, recorder = parts.settings, parts.monitor.context, parts.recorder
        stop = context.stop
        self._parts = parts
        self._monitor = parts.monitor
        self._phase = "sending"
        self._channel: Channel[Batch] = Channel(max(2, parts.senders))
        errors = ErrorLimit(settings.max_errors, recorder, stop)
        batch_parts = BatchPartTracker(stop)
        policy = ResendPolicy(
            operation=settings.operation, match_on=settings.match_on, can_look_up=parts.checks.lookup is not None
        )
        self._in_doubt = InDoubtQueue(policy=policy, parts=batch_parts, stop=stop)
        self.reader = InputReader(
            ReaderParts(
                input=parts.input,
                channel=self._channel,
                recorder=recorder,
                stop=stop,
                errors=errors,
                batch_parts=batch_parts,
                encodes=settings.operation in _ENCODED and parts.input.replay is None,
            )
        )
        self._sender = BatchSender(
            SenderParts(
                route=parts.route,
                crm_module=settings.crm_module,
                caller=context.caller,
                recorder=recorder,
                stop=stop,
                errors=errors,
                batch_parts=batch_parts,
                in_doubt=self._in_doubt,
                resends=parts.checks.resends,
            )
        )
        self._resolver = InDoubtResolver(
            InDoubtParts(
                queue=self._in_doubt,
                policy=policy,
                checks=parts.checks,
                sender=self._sender,
                recorder=recorder,
                batch_parts=batch_parts,
                stop=stop,
                wall=context.wall,
                settle_wait_s=settings.call_ends_after_s,
            )
        )

    async def run(self, *, in_doubt: Sequence[InDoubtBatch] = ()) -> None:
        """Resolve *in_doubt* (left by an earlier process), then read and send until the end or until the run is stopped.

        Raises:
            BulkZohoError: An error that no task could turn into a decision to stop.
        """
        try:
            async with self._monitor.watching(self.snapshot):
                if in_doubt:
                    await self._resolve_earlier(in_doubt)
                if not self._monitor.context.stop.requested:
                    await self._read_and_send()
        except BaseExceptionGroup as group:
            raise first_error(group) from group

    def seconds(self) -> float:
        """Return the seconds worked on the run, in this process and before."""
        return self._monitor.seconds()

    def calls(self) -> CallCounts:
        """Return the calls of the run, in this process and before."""
        return self._monitor.calls()

    def snapshot(self) -> ProgressSnapshot:
        """Return the current state of the run."""
        return self._monitor.snapshot(
            RunState(
                phase=self._phase,
                crm_module=self._parts.settings.crm_module,
                tally=self._parts.recorder.tally(),
                bytes_read=self.reader.bytes_read,
                bytes_total=self._parts.input.bytes_total,
                note=self._note(),
            )
        )

    async def _resolve_earlier(self, in_doubt: Sequence[InDoubtBatch]) -> None:
        self._phase = "settling"
        for batch in in_doubt:
            self._in_doubt.add(batch)
        await self._resolver.resolve_all()
        self._phase = "sending"

    async def _read_and_send(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._resolver.run())
            async with asyncio.TaskGroup() as work:
                work.create_task(self.reader.run())
                for _ in range(self._parts.senders):
                    work.create_task(self._sender.run(self._channel))
            self._phase = "settling"
            self._in_doubt.close()
        if not self._monitor.context.stop.requested:
            self._sender.reject_remaining_suspects()

    def _note(self) -> str:
        if self._resolver.waits_until is None:
            return ""
        at = datetime.fromtimestamp(self._resolver.waits_until).astimezone()
        requests = "1 request" if len(self._in_doubt) == 1 else f"{len(self._in_doubt)} requests"
        return f"{requests} without a response, resolved at {at:%H:%M:%S}"
