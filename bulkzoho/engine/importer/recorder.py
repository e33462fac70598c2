"""Record what became of every row, and have it written.

Plain functions stage the changes, and :class:`GroupCommitWriter` writes them: the outcome of one call and the start of the
sender's next call share one commit.
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

__all__ = ["OutcomeFiles", "OutcomeRecorder", "RecorderParts", "RejectedRows"]

LEAST_ALLOWANCE_S = 1.0  # seconds from the staging of *sent* until the request leaves
ALLOWANCE_FACTOR = 4.0  # times what the last commit took

_COUNTER = {Action.INSERT: "created", Action.UPDATE: "updated", Action.DELETE: "deleted", Action.NONE: "unchanged"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRows:
    """Rows rejected before they were sent; the rows of *batch* and *rejections* run in parallel."""

    batch: Batch  #: as far as the rows could be converted
    rejections: Sequence[Rejection]
    raw_lines: Mapping[int, str] = field(default_factory=dict)  #: unreadable rows, by index
    final: bool = True  #: rejected rows of a replay are settled: an unchanged row is not replayed again


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFiles:
    """The run's files, by their names in the journal."""

    letters: Mapping[str, TrackedFile]
    results: Mapping[str, TrackedFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderParts:
    """Parts of an :class:`OutcomeRecorder`."""

    journal: ShipmentJournal
    files: OutcomeFiles
    formatter: OutcomeFormatter
    sources: Sequence[InputInfo]
    wall: Callable[[], float]
    clock_skew: Callable[[], float | None] = lambda: None  #: returns the service's clock minus ours, in seconds, if known
    run_update: Callable[[], RunUpdated] | None = None  #: returns the run's seconds and calls; asked with each commit
    senders: int = 1  #: tasks that may wait for one commit
    thread: Executor | None = None  #: where to wait for the disk; None waits in place


class OutcomeRecorder:
    """Records the state of every row of a run.

    Attributes:
        open: Shipments without outcome, by id: in flight, or in doubt.
        settled: Rows with an outcome, by source.
    """

    def __init__(self, parts: RecorderParts) -> None:
        self.open: dict[int, InFlightShipment] = {}
        self.settled = [RowRanges() for _ in parts.sources]
        self._writer = GroupCommitWriter(
            journal=parts.journal,
            files={**parts.files.letters, **parts.files.results},
            head=parts.formatter.head,
            extra_events=self._extra_events,
            waiter_limit=parts.senders,
            thread=parts.thread,
        )
        self._formatter = parts.formatter
        self._sources = list(parts.sources)
        self._rows_read = [source.rows_read for source in parts.sources]
        self._wall = parts.wall
        self._clock_skew = parts.clock_skew
        self._run_update = parts.run_update
        self._allowance_s = LEAST_ALLOWANCE_S  # seconds that the next commit of *sent* is expected to take at most
        self._next_id = parts.journal.last_id() + 1
        self._counts = _counts(parts.journal.tally())
        self._positions: dict[int, Callable[[], InputFingerprint]] = {}
        self._moved: set[int] = set()  # sources read further since the last write

    # -- queries ---------------------------------------------------------------------------------------------------------

    def tally(self) -> RowCounts:
        """Return the rows by outcome, including what is staged: settled, in doubt (or in flight), unsent."""
        read = sum(self._rows_read)
        doubt = sum(count_rows(shipment.rows) for shipment in self.open.values())
        return RowCounts(**self._counts, read=read, in_doubt=doubt, unsent=read - sum(self._counts.values()) - doubt)

    def sources(self) -> list[InputInfo]:
        """Return the inputs and how far each was read."""
        return [self._facts(source) for source in range(len(self._sources))]

    # -- staging ---------------------------------------------------------------------------------------------------------

    def restore(self, *, settled: Sequence[tuple[int, Ranges]], in_doubt: Sequence[InFlightShipment]) -> None:
        """Restore the state in which an earlier process left the run."""
        for source, ranges in settled:
            for first, last in ranges:
                self.settled[source].add_range(first, last)
        self.open.update((shipment.id, shipment) for shipment in in_doubt)

    def track_input(self, source: int, position: Callable[[], InputFingerprint]) -> None:
        """Ask *position* with each commit how far the input was read."""
        self._positions[source] = position

    def untrack_input(self, source: int, *, complete: bool) -> None:
        """Note that this process reads no more of the input; *complete* if it was read to its end."""
        self._note_position(source)
        self._positions.pop(source, None)
        facts = self._facts(source)
        content = facts.digest if complete and facts.spooled else facts.content  # standard input: known as a whole only now
        self._sources[source] = replace(facts, complete=complete or facts.complete, content=content)
        self._moved.add(source)
        self._writer.schedule()

    def rows_read(self, source: int, highest: int) -> None:
        """Note that row numbers up to *highest* were read."""
        if highest > self._rows_read[source]:
            self._rows_read[source] = highest
            self._moved.add(source)
            self._writer.schedule()

    def sent(self, batch: Batch, *, before: InFlightShipment | None = None) -> InFlightShipment:
        """Note that *batch* is about to be sent; *before* is the shipment of an earlier attempt."""
        shipment = InFlightShipment(
            id=before.id if before else self._take_id(),
            source=batch.source,
            rows=before.rows if before else ranges_of(sorted(batch.numbers)),
            attempt=before.attempt + 1 if before else 1,
            sent_at=self._wall(),
            skew_s=self._clock_skew(),
            since_s=before.first_s if before and before.id in self.open else None,
            leaves_by=self._wall() + self._allowance_s,
        )
        self.open[shipment.id] = shipment
        self._writer.stage(shipment.sent_event())
        return shipment

    def may_leave(self, shipment: InFlightShipment) -> InFlightShipment | None:
        """Return *shipment*, whose *sent* was committed, as sent now; None if the commit took too long to send it now.

        The wait of a request without a response counts from the moment it left.  The journal therefore holds an upper bound,
        and a request may not leave after it: :meth:`sent_later` commits a new one.
        """
        now = self._wall()
        took_s = max(now - shipment.sent_at, 0.0)
        self._allowance_s = max(LEAST_ALLOWANCE_S, ALLOWANCE_FACTOR * took_s)
        if now > shipment.latest_sent_at:
            return None
        shipment = self.open[shipment.id] = replace(shipment, leaves_by=now)
        return shipment

    def sent_later(self, shipment: InFlightShipment) -> InFlightShipment:
        """Note *shipment* again with a bound that fits the time the last commit took."""
        shipment = replace(shipment, sent_at=self._wall(), skew_s=self._clock_skew(), leaves_by=self._wall() + self._allowance_s)
        self.open[shipment.id] = shipment
        self._writer.stage(shipment.sent_event())
        return shipment

    def released(self, shipment: InFlightShipment) -> None:
        """Note that the call had no effect: its rows are unsent."""
        del self.open[shipment.id]
        self._writer.stage(ShipmentReleased(id=shipment.id))

    def settle(self, shipment: InFlightShipment, batch: Batch, results: WriteResults) -> None:
        """Record the outcome of each row of *batch*: all rows of the shipment, or those whose outcome a lookup found."""
        del self.open[shipment.id]
        rows = ranges_of(sorted(batch.numbers))
        self._mark_settled(batch.source, rows)
        tally = self._write_outcomes(batch, results, attempts=shipment.attempt)
        self._writer.stage(ShipmentSettled(id=shipment.id, rows=rows, tally=tally))
        self._add(tally)

    def split_shipment(self, shipment: InFlightShipment, rows: Ranges) -> InFlightShipment:
        """Make *rows* of *shipment* a shipment of their own, in doubt; the caller settles or releases the rest."""
        part = replace(shipment, id=self._take_id(), rows=rows)
        self.open[part.id] = part
        self._writer.stage(part.sent_event())
        return part

    def reject(self, rejected: RejectedRows, *, attempts: int = 0) -> None:
        """Record rows that were rejected before they were sent, or alone in a rejected call."""
        batch = rejected.batch
        rows = ranges_of(sorted(batch.numbers))
        self._mark_settled(batch.source, rows)
        tally = RowCounts(dead_lettered=len(batch))
        letters = self._formatter.letters(
            batch, enumerate(rejected.rejections), attempts=attempts, at=self._now(), raw_lines=rejected.raw_lines
        )
        self._writer.append(self._formatter.encode_letters(letters))
        if rejected.final:
            self._writer.stage(*self._formatter.settled_letters(batch, accepted=False, indexes=range(len(batch))))
        self._writer.stage(RowsRejected(id=self._take_id(), source=batch.source, rows=rows, tally=tally))
        self._add(tally)

    def skip(self, source: int, numbers: Sequence[int]) -> None:
        """Record rows that an earlier replay settled."""
        rows = ranges_of(numbers)
        self._mark_settled(source, rows)
        tally = RowCounts(already_settled=len(numbers))
        self._writer.stage(RowsRejected(id=self._take_id(), source=source, rows=rows, tally=tally))
        self._add(tally)

    def end_run(self, update: RunUpdated) -> None:
        """Stage the run's final state; commits after this one do not ask for a running state."""
        self._run_update = None
        self._writer.stage(update)

    # -- writing ---------------------------------------------------------------------------------------------------------

    async def committed(self) -> None:
        """Wait until everything staged so far is durable.

        Raises:
            RunFailedError: The disk is full, or the like.
            JournalError: The journal cannot be written.
        """
        await self._writer.committed()

    def flush(self) -> None:
        """Write everything staged, now.

        Raises:
            RunFailedError: The disk is full, or the like; the changes stay staged.
            JournalError: The journal cannot be written; likewise.
        """
        self._writer.flush()

    def _extra_events(self) -> list[Change]:
        """Return what is true as of this commit: how far the inputs were read, the run's seconds and calls."""
        for source in self._positions:
            self._note_position(source)
        changes: list[Change] = [InputProgressed(facts=self._facts(source)) for source in sorted(self._moved)]
        self._moved.clear()
        if self._run_update is not None:
            changes.append(self._run_update())
        return changes

    def _write_outcomes(self, batch: Batch, results: WriteResults, *, attempts: int) -> RowCounts:
        rejected = results.rejected
        accepted: Sequence[int] = range(len(batch)) if not rejected else [i for i in range(len(batch)) if i not in rejected]
        if accepted:
            self._writer.append(self._formatter.encode_results(batch, results, accepted))
            self._writer.stage(*self._formatter.settled_letters(batch, accepted=True, indexes=accepted))
        if rejected:
            pairs = sorted(rejected.items())
            letters = self._formatter.letters(batch, pairs, attempts=attempts, at=self._now())
            self._writer.append(self._formatter.encode_letters(letters))
            self._writer.stage(*self._formatter.settled_letters(batch, accepted=False, indexes=[index for index, _ in pairs]))
        return _tally_of(results, accepted, rejected=len(rejected))

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
        known = facts.size >= 0 and not facts.spooled  # as of the start of the run: a resume compares with that
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
    """Return the settled rows, by outcome."""
    return {
        "created": tally.created,
        "updated": tally.updated,
        "deleted": tally.deleted,
        "unchanged": tally.unchanged,
        "dead_lettered": tally.dead_lettered,
        "already_settled": tally.already_settled,
    }


def _tally_of(results: WriteResults, accepted: Sequence[int], *, rejected: int) -> RowCounts:
    if isinstance(results.actions, Action):
        return RowCounts(dead_lettered=rejected, **{_COUNTER[results.actions]: len(accepted)})
    counts = dict.fromkeys(_COUNTER.values(), 0)
    for index in accepted:
        counts[_COUNTER[results.actions[index]]] += 1
    return RowCounts(dead_lettered=rejected, **counts)
