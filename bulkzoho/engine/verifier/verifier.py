"""Compare the records that a run sent with the records in the CRM.

```
inputs -> records -> + ids of accepted rows -> [channel] -> workers: fetch by ids, compare -> differences
```
Memory: see :mod:`~bulkzoho.engine.verifier.expected_records`, the channel, and eight bytes for each accepted row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.compare.conflicts import comparable_fields
from bulkzoho.domain.compare.differences import (
    ChangedAfterRun,
    Difference,
    DifferenceCounts,
    DifferenceKind,
    ExpectedRecord,
    compare_record,
)
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.engine.concurrency.channel import Channel
from bulkzoho.engine.concurrency.coql_reader import QueryRejectedError
from bulkzoho.engine.concurrency.gather import first_error
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal, stop_reason
from bulkzoho.engine.lost_replies.record_fetcher import RecordFetcher
from bulkzoho.engine.verifier.duplicates import UnexpectedRecords
from bulkzoho.engine.verifier.expected_records import AcceptedRows, ExpectedRecords, RunInputs
from bulkzoho.errors import BulkZohoError, RunFailedError

__all__ = ["CrmRecords", "Verifier", "VerifierParts"]

CHUNK: Final = 100  # records a call
REPORT_EVERY_S: Final = 30.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmRecords:
    """The CRM's side of the comparison."""

    crm_module: CrmModule
    fetcher: RecordFetcher
    unexpected: UnexpectedRecords | None  #: None: duplicates are not looked for
    changed_after: ChangedAfterRun


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierParts:
    """The parts of a verifier."""

    inputs: RunInputs
    accepted: AcceptedRows
    crm: CrmRecords
    sample: int | None  #: rows to compare, evenly spread; None: all
    workers: int
    save: Callable[[Sequence[Difference]], None]
    tell: Callable[[str], None]  #: takes one line for the user
    stop: StopSignal


class Verifier:
    """One comparison.

    Attributes:
        counts: The differences so far.
        expected: The records that the run should have left.
    """

    def __init__(self, parts: VerifierParts) -> None:
        self.counts = DifferenceCounts()
        self.expected = ExpectedRecords(
            parts.inputs,
            parts.accepted,
            sample=parts.sample,
            stop=parts.stop,
            tell=parts.tell,
            on_row=self._find_duplicates,
        )
        self._parts = parts

    @property
    def unreadable_fields(self) -> Sequence[str]:
        """Fields that a query cannot select."""
        return list(self._parts.crm.fetcher.unreadable)

    async def run(self) -> None:
        """Compare everything, or the sample, until the end or until stopped; the stop signal then has the reason.

        Raises:
            BulkZohoError: The inputs cannot be read again, or the differences cannot be written.
        """
        try:
            await self._read_and_compare()
        except BaseExceptionGroup as group:
            raise first_error(group) from group
        _LOG.info("records compared", extra={"rows": self.counts.compared, "matched": self.counts.same})

    async def _read_and_compare(self) -> None:
        channel: Channel[Sequence[ExpectedRecord]] = Channel(2 * self._parts.workers)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._parts.workers):
                group.create_task(self._work(channel))
            reporting = group.create_task(self._report())
            try:
                async for chunk in self._chunks():
                    await channel.send(chunk)
            finally:
                channel.close()
                reporting.cancel()

    async def _chunks(self) -> AsyncIterator[Sequence[ExpectedRecord]]:
        chunk: list[ExpectedRecord] = []
        async for expected in self.expected.read():
            chunk.append(expected)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _find_duplicates(self, expected: ExpectedRecord) -> None:
        if self._parts.crm.unexpected is None or expected.is_deleted:
            return
        for record_id in self._parts.crm.unexpected.take_duplicates_of(expected.record):
            self.counts.add_duplicate()
            self._parts.save([Difference(kind=DifferenceKind.DUPLICATE, place=expected.place, id=record_id)])

    async def _work(self, channel: Channel[Sequence[ExpectedRecord]]) -> None:
        async for chunk in channel:
            if self._parts.stop.requested:
                continue
            try:
                await self._compare(chunk)
            except StopRequestedError:
                continue
            except QueryRejectedError as error:
                failure = RunFailedError(
                    f"the CRM rejects reading {self._parts.crm.crm_module.api_name} by id ({error.reason}).",
                    hint="Check that COQL is allowed for this module, then verify again.",
                    code="UNREADABLE",
                )
                self._parts.stop.request(stop_reason(failure), failure)
            except BulkZohoError as error:
                self._parts.stop.request(stop_reason(error), error)

    async def _compare(self, chunk: Sequence[ExpectedRecord]) -> None:
        crm = self._parts.crm
        sent = [expected.record for expected in chunk if not expected.is_deleted]
        names = dict.fromkeys(name for record in sent for name in comparable_fields(record, crm.crm_module))
        held = await crm.fetcher.read([expected.id for expected in chunk], list(names))
        for expected in chunk:
            differences = compare_record(expected, held.get(expected.id), crm.crm_module, crm.changed_after)
            self.counts.add(expected, differences)
            if differences:
                self._parts.save(differences)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            self._parts.tell(f"Compared {self.counts.compared:,} of {len(self._parts.accepted.ids):,} accepted rows.")
