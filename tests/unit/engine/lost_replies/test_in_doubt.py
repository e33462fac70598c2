"""Batches in doubt: which of them are resolved, in which order, and when senders wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bulkzoho.domain.model.batch import InDoubtBatch, InFlightShipment
from bulkzoho.domain.model.journal_events import Ranges
from bulkzoho.domain.model.results import WriteResults
from bulkzoho.domain.model.rows import Batch, Operation
from bulkzoho.domain.model.run import StopReason
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.lost_replies.in_doubt import InDoubtParts, InDoubtQueue, InDoubtResolver, ResendPolicy
from bulkzoho.engine.lost_replies.protocols import LookupResult, LostReplyChecks


def in_doubt(shipment: int, *, sent_at: float = 0.0, **values: str) -> InDoubtBatch:
    batch = Batch(source=0, header=(), numbers=[shipment], records=[values], cells=[()])
    sent = InFlightShipment(id=shipment, source=0, rows=[(shipment, shipment)], attempt=1, sent_at=sent_at)
    return InDoubtBatch(shipment=sent, batch=batch, reason="connection reset")


class Importer:
    """The importer as the resolver sees it; notes what happens to each shipment."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int]] = []

    def opened(self, part: Batch) -> None:
        """Count nothing."""

    def closed(self, part: Batch) -> None:
        self.events.append(("closed", part.numbers[0]))

    async def deliver(self, batch: Batch, *, shipment: InFlightShipment | None = None) -> None:
        del shipment
        self.events.append(("sent", batch.numbers[0]))

    def settle(self, shipment: InFlightShipment, batch: Batch, results: WriteResults) -> None:
        del batch, results
        self.events.append(("settled", shipment.id))

    def released(self, shipment: InFlightShipment) -> None:
        self.events.append(("released", shipment.id))

    def split_shipment(self, shipment: InFlightShipment, rows: Ranges) -> InFlightShipment:
        del rows
        self.events.append(("stays in doubt", shipment.id))
        return shipment

    async def committed(self) -> None:
        """Write nothing."""


class Bench:
    """A queue and its resolver."""

    def __init__(self, operation: Operation, lookup: Any = None, *, limit: int = 2) -> None:
        self.importer, self.stop = Importer(), StopSignal()
        policy = ResendPolicy(operation=operation, match_on=("Email",), can_look_up=lookup is not None)
        self.queue = InDoubtQueue(policy=policy, parts=self.importer, stop=self.stop, limit=limit)
        self.resolver = InDoubtResolver(
            InDoubtParts(
                queue=self.queue,
                policy=policy,
                checks=LostReplyChecks(lookup=lookup),
                sender=self.importer,
                recorder=self.importer,
                batch_parts=self.importer,
                stop=self.stop,
                wall=lambda: 1_000.0,
                settle_wait_s=60.0,
            )
        )


class ScriptedLookup:
    """Returns one result after the other."""

    def __init__(self, *results: LookupResult) -> None:
        self.results = list(results)

    async def find(self, *_: object, **__: object) -> LookupResult:
        return self.results.pop(0)


async def test_an_insert_that_cannot_be_looked_up_stays_in_doubt_and_unlocks_its_keys() -> None:
    bench = Bench(Operation.INSERT)

    bench.queue.add(in_doubt(1))

    assert (len(bench.queue), bench.importer.events) == (0, [("closed", 1)])


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE, Operation.UPSERT])
async def test_a_harmless_batch_is_sent_again_the_oldest_first(operation: Operation) -> None:
    bench = Bench(operation)
    bench.queue.add(in_doubt(1, sent_at=2.0, Email="a"))
    bench.queue.add(in_doubt(2, sent_at=1.0, Email="b"))

    await bench.resolver.resolve_all()

    assert bench.importer.events == [("sent", 2), ("sent", 1)]


async def test_an_upsert_row_with_a_blank_key_is_never_sent_again_without_a_lookup() -> None:
    bench = Bench(Operation.UPSERT)

    bench.queue.add(in_doubt(1, Email=""))
    await bench.resolver.resolve_all()

    assert bench.importer.events == [("closed", 1)]


async def test_rows_that_stay_in_doubt_are_looked_up_again_once_others_were_resolved() -> None:
    unknown, absent = LookupResult(), LookupResult(absent=[0])
    bench = Bench(Operation.INSERT, ScriptedLookup(unknown, absent, absent))
    bench.queue.add(in_doubt(1, sent_at=1.0))
    bench.queue.add(in_doubt(2, sent_at=2.0))

    await bench.resolver.resolve_all()

    assert [number for event, number in bench.importer.events if event == "sent"] == [2, 1]


async def test_senders_wait_while_too_many_batches_are_in_doubt() -> None:
    bench = Bench(Operation.UPDATE, limit=1)
    bench.queue.add(in_doubt(1))
    waiting = asyncio.create_task(bench.queue.wait_for_capacity())
    await asyncio.sleep(0)

    assert not waiting.done()
    await bench.resolver.resolve_all()
    await asyncio.wait_for(waiting, 1)


async def test_the_resolver_ends_when_the_queue_is_closed_or_the_run_stopped() -> None:
    closed, stopped = Bench(Operation.UPDATE), Bench(Operation.UPDATE)
    tasks = [asyncio.create_task(bench.resolver.run()) for bench in (closed, stopped)]
    await asyncio.sleep(0)

    closed.queue.add(in_doubt(1))
    closed.queue.close()
    stopped.queue.add(in_doubt(1))
    stopped.stop.request(StopReason.SIGNAL)
    await asyncio.wait_for(asyncio.gather(*tasks), 1)

    assert closed.importer.events == [("sent", 1)]
    assert stopped.importer.events == []
