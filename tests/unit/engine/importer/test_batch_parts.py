"""The parts of a batch: its keys are unlocked with the last one."""

from __future__ import annotations

import asyncio

from bulkzoho.domain.model.rows import Batch
from bulkzoho.domain.model.run import StopReason
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.importer.batch_parts import BatchPartTracker


def batch(*claims: tuple[str, str]) -> Batch:
    return Batch(source=0, header=(), numbers=[1, 2], records=[{}, {}], cells=[(), ()], claims=list(claims))


async def test_a_batch_is_finished_with_its_last_part() -> None:
    tracker, whole = BatchPartTracker(StopSignal()), batch(("Email", "a"))
    tracker.opened(whole)
    tracker.opened(whole)  # split in two

    tracker.closed(whole.pick([0]))
    before = tracker.take_finished()
    tracker.closed(whole.pick([1]))

    assert before == []
    assert tracker.take_finished() == [whole.claims]
    assert tracker.take_finished() == []


async def test_a_batch_without_keys_is_not_tracked() -> None:
    tracker = BatchPartTracker(StopSignal())

    tracker.opened(batch())
    tracker.closed(batch())

    assert tracker.take_finished() == []


async def test_the_reader_waits_for_a_finished_batch_or_a_stop() -> None:
    stop = StopSignal()
    tracker, whole = BatchPartTracker(stop), batch(("Email", "a"))
    tracker.opened(whole)
    waiting = asyncio.create_task(tracker.wait_for_finished())
    await asyncio.sleep(0)

    assert not waiting.done()
    tracker.closed(whole)
    await asyncio.wait_for(waiting, 1)
    tracker.take_finished()
    stop.request(StopReason.SIGNAL)
    await asyncio.wait_for(tracker.wait_for_finished(), 1)
