"""Know what became of every row and have it written down.

Everything is staged by plain functions and written by the :class:`GroupCommitWriter`: a reply and the departure of
the sender's next call share one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.journal_events import (
    Change,
    InputInfo,
    InputProgressed,
    Ranges,
    RowsRejected,
    RunUpdated,
    ShipmentReleased,
    ShipmentSettled,
    count_rows,
)
from bulkzoho.domain.model.results import Rejection, RowCounts, WriteResults
from bulkzoho.domain.model.row_ranges import RowRanges, ranges_of
from bulkzoho.domain.model.rows import Action, Batch
from bulkzoho.engine.importer.group_commit import GroupCommitWriter
from bulkzoho.engine.importer.result_lines import OutcomeFormatter
from bulkzoho.interfaces import InputFingerprint, ShipmentJournal, TrackedFile

__all__ = ["OutcomeFiles", "OutcomeRecorder", "RejectedRows"]

_COUNTER = {Action.INSERT: "created", Action.UPDATE: "updated", Action.DELETE: "deleted", Action.NONE: "unchanged"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRows:
    """Rows that were refused before they were sent; in parallel: the rows of *batch* and *refusals*."""

    batch: Batch  #: as far as the rows could be shaped
    refusals: Sequence[Rejection]
    raws: Mapping[int, str] = field(default_factory=dict)  #: unreadable rows as they stand, by index
    final: bool = True  #: letters among them are settled: as they stand no later replay takes them


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFiles:
    """The run's files by the name the journal knows them by."""

    letters: Mapping[str, TrackedFile]
    results: Mapping[str, TrackedFile]


class OutcomeRecorder:
    """Keeps the run's books.

    Args:
        thread: Where to wait for the disk; None waits in place.

    Attributes:
        open: Shipments without outcome, by id: in flight, or in doubt.
        settled: Rows with an outcome, by source.
    """

    def __init__(
        self,
        *,
        journal: ShipmentJournal,
        files: OutcomeFiles,
        lettering: OutcomeFormatter,
        sources: Sequence[InputInfo],
        wall: Callable[[], float],
        skew: Callable[[], float | None] = lambda: None,
        thread: Executor | None = None,
    ) -> None:
        self.open: dict[int, InFlightShipment] = {}
        self.settled = [RowRanges() for _ in sources]
        both = {**files.letters, **files.results}
        self._writer = GroupCommitWriter(journal=journal, files=both, head=lettering.head, thread=thread)
        self._writer.last_words = self._last_words
        self._lettering = lettering
        self._sources = list(sources)
        self._rows_read = [one.rows_read for one in sources]
        self._wall = wall
        self._skew = skew
        self._next_id = journal.last_id() + 1
        self._counts = _counts(journal.tally())
        self._positions: dict[int, Callable[[], InputFingerprint]] = {}
        self._moved: set[int] = set()  # sources read further since the last write
        self._vitals: Callable[[], RunUpdated] | None = None

    # -- what is known ---------------------------------------------------------------------------------------------------

    def tally(self) -> RowCounts:
        """Give the rows as of what was staged: those settled, in doubt (or in flight), and unsent."""
        read = sum(self._rows_read)
        doubt = sum(count_rows(one.rows) for one in self.open.values())
        return RowCounts(**self._counts, read=read, in_doubt=doubt, unsent=read - sum(self._counts.values()) - doubt)

    def sources(self) -> list[InputInfo]:
        """Give the inputs as far as they were read."""
        return [self._facts(source) for source in range(len(self._sources))]

    # -- what is staged --------------------------------------------------------------------------------------------------

    def restore(self, *, settled: Sequence[tuple[int, Ranges]], in_doubt: Sequence[InFlightShipment]) -> None:
        """Take up where an earlier process left the run."""
        for source, ranges in settled:
            for first, last in ranges:
                self.settled[source].add_range(first, last)
        self.open.update((one.id, one) for one in in_doubt)

    def follow(self, source: int, position: Callable[[], InputFingerprint]) -> None:
        """Ask *position* how far the input was read, each time something is written."""
        self._positions[source] = position

    def unfollow(self, source: int, *, complete: bool) -> None:
        """The input was read to its end, or as far as this process will; keep its facts."""
        self._note_position(source)
        self._positions.pop(source, None)
        facts = self._facts(source)
        content = facts.digest if complete and facts.spooled else facts.content  # what could be read once is known as a whole now
        self._sources[source] = replace(facts, complete=complete or facts.complete, content=content)
        self._moved.add(source)
        self._writer.soon()

    def rows_read(self, source: int, highest: int) -> None:
        """Row numbers up to *highest* were read."""
        if highest > self._rows_read[source]:
            self._rows_read[source] = highest
            self._moved.add(source)
            self._writer.soon()

    def sent(self, batch: Batch, *, before: InFlightShipment | None = None) -> InFlightShipment:
        """A call with *batch* is about to leave; *before* is the same shipment when it left earlier."""
        shipment = InFlightShipment(
            id=before.id if before else self._take_id(),
            source=batch.source,
            rows=before.rows if before else ranges_of(sorted(batch.numbers)),
            attempt=before.attempt + 1 if before else 1,
            sent_at=self._wall(),
            skew_s=self._skew(),
            since_s=before.first_s if before and before.id in self.open else None,
        )
        self.open[shipment.id] = shipment
        self._writer.stage(shipment.change())
        return shipment

    def released(self, shipment: InFlightShipment) -> None:
        """The call did nothing; its rows are unsent."""
        del self.open[shipment.id]
        self._writer.stage(ShipmentReleased(id=shipment.id))

    def settle(self, shipment: InFlightShipment, batch: Batch, results: WriteResults) -> None:
        """Each row of *batch* has its outcome; *batch* may be part of the shipment only when a lookup said so."""
        del self.open[shipment.id]
        rows = ranges_of(sorted(batch.numbers))
        self._mark_settled(batch.source, rows)
        tally = self._write_outcomes(batch, results, attempts=shipment.attempt)
        self._writer.stage(ShipmentSettled(id=shipment.id, rows=rows, tally=tally))
        self._add(tally)

    def divide(self, shipment: InFlightShipment, rows: Ranges) -> InFlightShipment:
        """Make a shipment of its own for *rows* of *shipment*, still in doubt; the caller settles or releases the rest."""
        part = replace(shipment, id=self._take_id(), rows=rows)
        self.open[part.id] = part
        self._writer.stage(part.change())
        return part

    def refuse(self, refused: RejectedRows, *, attempts: int = 0) -> None:
        """Rows refused without a call, or by a call that was refused as a whole, become letters."""
        batch = refused.batch
        rows = ranges_of(sorted(batch.numbers))
        self._mark_settled(batch.source, rows)
        tally = RowCounts(dead_lettered=len(batch))
        letters = self._lettering.letters(
            batch, enumerate(refused.refusals), attempts=attempts, at=self._now(), raws=refused.raws
        )
        self._writer.append(self._lettering.encode_letters(letters))
        if refused.final:
            self._writer.stage(*self._lettering.settled_letters(batch, accepted=False, indexes=range(len(batch))))
        self._writer.stage(RowsRejected(id=self._take_id(), source=batch.source, rows=rows, tally=tally))
        self._add(tally)

    def skip(self, source: int, numbers: Sequence[int]) -> None:
        """Rows of a replay that an earlier replay settled."""
        rows = ranges_of(numbers)
        self._mark_settled(source, rows)
        tally = RowCounts(already_settled=len(numbers))
        self._writer.stage(RowsRejected(id=self._take_id(), source=source, rows=rows, tally=tally))
        self._add(tally)

    def expect(self, senders: int) -> None:
        """So many may wait for one write; it need not wait for more."""
        self._writer.crowd = senders

    def watch(self, vitals: Callable[[], RunUpdated]) -> None:
        """Ask *vitals* for the run's status, work and calls each time something is written."""
        self._vitals = vitals

    # -- what is written -------------------------------------------------------------------------------------------------

    async def committed(self) -> None:
        """Wait until all that is staged now is durable.

        Raises:
            RunFailedError: The disk is full, or the like.
            JournalError: The journal cannot be written.
        """
        await self._writer.committed()

    def flush(self) -> None:
        """Write all that is staged, now.

        Raises:
            RunFailedError: The disk is full, or the like; what was staged stays staged.
            JournalError: The journal cannot be written; likewise.
        """
        self._writer.flush()

    def _last_words(self) -> list[Change]:
        """Give what is true as of this write: how far the inputs were read, and the run's vitals."""
        for source in self._positions:
            self._note_position(source)
        changes: list[Change] = [InputProgressed(facts=self._facts(source)) for source in sorted(self._moved)]
        self._moved.clear()
        if self._vitals is not None:
            changes.append(self._vitals())
        return changes

    def _write_outcomes(self, batch: Batch, results: WriteResults, *, attempts: int) -> RowCounts:
        refused = results.refused
        accepted: Sequence[int] = range(len(batch)) if not refused else [i for i in range(len(batch)) if i not in refused]
        if accepted:
            self._writer.append(self._lettering.encode_results(batch, results, accepted))
            self._writer.stage(*self._lettering.settled_letters(batch, accepted=True, indexes=accepted))
        if refused:
            pairs = sorted(refused.items())
            letters = self._lettering.letters(batch, pairs, attempts=attempts, at=self._now())
            self._writer.append(self._lettering.encode_letters(letters))
            self._writer.stage(*self._lettering.settled_letters(batch, accepted=False, indexes=[index for index, _ in pairs]))
        return _tally_of(results, accepted, refused=len(refused))

    def _mark_settled(self, source: int, rows: Ranges) -> None:
        for first, last in rows:
            self.settled[source].add_range(first, last)

    def _facts(self, source: int) -> InputInfo:
        facts, rows_read = self._sources[source], self._rows_read[source]
        if facts.rows_read != rows_read:
            facts = self._sources[source] = replace(facts, rows_read=rows_read)
        return facts

    def _note_position(self, source: int) -> None:
        position = self._positions.get(source)
        if position is None:
            return
        seen = position()
        facts = self._sources[source]
        if seen.read_bytes <= facts.read_bytes:
            return
        known = facts.size >= 0 and not facts.spooled  # as it stood when the run began: a resume compares with that
        self._sources[source] = replace(
            facts,
            size=facts.size if known else seen.size,
            mtime_ns=facts.mtime_ns if known else seen.mtime_ns,
            read_bytes=seen.read_bytes,
            digest=seen.digest,
        )
        self._moved.add(source)

    def _add(self, tally: RowCounts) -> None:
        for name, count in _counts(tally).items():
            self._counts[name] += count

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _now(self) -> str:
        return datetime.fromtimestamp(self._wall(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _counts(tally: RowCounts) -> dict[str, int]:
    """Give the rows that are settled, by outcome."""
    return {
        "created": tally.created,
        "updated": tally.updated,
        "deleted": tally.deleted,
        "unchanged": tally.unchanged,
        "dead_lettered": tally.dead_lettered,
        "already_settled": tally.already_settled,
    }


def _tally_of(results: WriteResults, accepted: Sequence[int], *, refused: int) -> RowCounts:
    if isinstance(results.actions, Action):
        return RowCounts(dead_lettered=refused, **{_COUNTER[results.actions]: len(accepted)})
    counts = dict.fromkeys(_COUNTER.values(), 0)
    for index in accepted:
        counts[_COUNTER[results.actions[index]]] += 1
    return RowCounts(dead_lettered=refused, **counts)
