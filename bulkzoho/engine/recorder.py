"""Write outcomes down: the one owner of the run's journal and files.

Everything is staged by plain functions and written once a turn of the event loop: files first (append, fdatasync), then one
transaction that holds the outcomes, the shipments about to leave and the files' new lengths, and only then the waiters wake.
So a reply and the departure of the sender's next call share one commit, and no line of a file stands without its outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bulkzoho.engine.lettering import Lettering
from bulkzoho.errors import BulkZohoError, JournalError, RunFailedError
from bulkzoho.model.journal import (
    Change,
    FileLength,
    Ranges,
    Released,
    RowsRefused,
    RunMoved,
    Sent,
    Settled,
    SourceFacts,
    SourceRead,
    counted,
)
from bulkzoho.model.outcomes import Refusal, Results, Tally
from bulkzoho.model.rows import Action, Batch
from bulkzoho.model.rowset import RowSet, ranges_of
from bulkzoho.ports import Fingerprint, Journal, TrackedFile

__all__ = ["OpenShipment", "Recorder", "RefusedRows", "RunFiles"]

_COUNTER = {Action.INSERT: "created", Action.UPDATE: "updated", Action.DELETE: "deleted", Action.NONE: "unchanged"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenShipment:
    """A shipment without its outcome."""

    id: int
    source: int
    rows: Ranges
    attempt: int
    sent_at: float  #: when its last call left, by our clock
    skew_s: float | None = None  #: the service's clock minus ours at that moment; None: not known
    since_s: float | None = (
        None  #: when the first of its calls without an answer left, by the service's clock; None: only one did
    )

    @property
    def first_s(self) -> float:
        """When the first of its calls that may have been done left, by the service's clock."""
        return self.sent_at + (self.skew_s or 0.0) if self.since_s is None else self.since_s


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRows:
    """Rows that were refused before they were sent; in parallel: the rows of *batch* and *refusals*."""

    batch: Batch  #: as far as the rows could be shaped
    refusals: Sequence[Refusal]
    raws: Mapping[int, str] = field(default_factory=dict)  #: unreadable rows as they stand, by index
    final: bool = True  #: letters among them are settled: as they stand no later replay takes them


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """The run's files by the name the journal knows them by."""

    letters: Mapping[str, TrackedFile]
    results: Mapping[str, TrackedFile]


class _Turn:
    """One write of all that was staged, and those who wait for it."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.error: BulkZohoError | None = None


class Recorder:
    """Stages and writes.

    Attributes:
        open: Shipments without outcome, by id: in flight, or in doubt.
        settled: Rows with an outcome, by source.
        error: Why nothing more can be written, if so.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        files: RunFiles,
        lettering: Lettering,
        sources: Sequence[SourceFacts],
        wall: Callable[[], float],
        skew: Callable[[], float | None] = lambda: None,
    ) -> None:
        self.open: dict[int, OpenShipment] = {}
        self.settled = [RowSet() for _ in sources]
        self.error: BulkZohoError | None = None
        self._journal = journal
        self._files = files
        self._lettering = lettering
        self._sources = list(sources)
        self._wall = wall
        self._skew = skew
        self._next_id = journal.last_id() + 1
        self._tally = journal.tally()
        self._changes: list[Change] = []
        self._pending: dict[str, list[bytes]] = {}
        self._positions: dict[int, Callable[[], Fingerprint]] = {}
        self._moved: set[int] = set()  # sources read further since the last write
        self._turn: _Turn | None = None
        self._vitals: Callable[[], RunMoved] | None = None

    # -- what is known ---------------------------------------------------------------------------------------------------

    def tally(self) -> Tally:
        """Give the rows as of what was staged: those settled, in doubt (or in flight), and unsent."""
        read = sum(source.rows_read for source in self._sources)
        doubt = sum(counted(one.rows) for one in self.open.values())
        known = self._tally.accepted + self._tally.dead_lettered + self._tally.already_settled
        return replace(self._tally, read=read, in_doubt=doubt, unsent=read - known - doubt)

    def sources(self) -> list[SourceFacts]:
        """Give the inputs as far as they were read."""
        return list(self._sources)

    # -- what is staged --------------------------------------------------------------------------------------------------

    def restore(self, *, settled: Sequence[tuple[int, Ranges]], in_doubt: Sequence[OpenShipment]) -> None:
        """Take up where an earlier process left the run."""
        for source, ranges in settled:
            for first, last in ranges:
                self.settled[source].add_range(first, last)
        self.open.update((one.id, one) for one in in_doubt)

    def follow(self, source: int, position: Callable[[], Fingerprint]) -> None:
        """Ask *position* how far the input was read, each time something is written."""
        self._positions[source] = position

    def unfollow(self, source: int, *, complete: bool) -> None:
        """The input was read to its end, or as far as this process will; keep its facts."""
        self._note_position(source)
        self._positions.pop(source, None)
        facts = self._sources[source]
        content = facts.digest if complete and facts.spooled else facts.content  # what could be read once is known as a whole now
        self._sources[source] = replace(facts, complete=complete or facts.complete, content=content)
        self._moved.add(source)
        self._soon()

    def rows_read(self, source: int, highest: int) -> None:
        """Row numbers up to *highest* were read."""
        if highest > self._sources[source].rows_read:
            self._sources[source] = replace(self._sources[source], rows_read=highest)
            self._moved.add(source)
            self._soon()

    def sent(self, batch: Batch, *, before: OpenShipment | None = None) -> OpenShipment:
        """A call with *batch* is about to leave; *before* is the same shipment when it left earlier."""
        shipment = OpenShipment(
            id=before.id if before else self._take_id(),
            source=batch.source,
            rows=before.rows if before else ranges_of(sorted(batch.numbers)),
            attempt=before.attempt + 1 if before else 1,
            sent_at=self._wall(),
            skew_s=self._skew(),
            since_s=before.first_s if before and before.id in self.open else None,
        )
        self.open[shipment.id] = shipment
        self._stage(_sent(shipment))
        return shipment

    def released(self, shipment: OpenShipment) -> None:
        """The call did nothing; its rows are unsent."""
        del self.open[shipment.id]
        self._stage(Released(id=shipment.id))

    def settle(self, shipment: OpenShipment, batch: Batch, results: Results) -> None:
        """Each row of *batch* has its outcome; *batch* may be part of the shipment only when a lookup said so."""
        del self.open[shipment.id]
        rows = ranges_of(sorted(batch.numbers))
        self._mark_settled(batch.source, rows)
        tally = self._write_outcomes(batch, results, attempts=shipment.attempt)
        self._stage(Settled(id=shipment.id, rows=rows, tally=tally))
        self._add(tally)

    def divide(self, shipment: OpenShipment, rows: Ranges) -> OpenShipment:
        """Make a shipment of its own for *rows* of *shipment*, still in doubt; the caller settles or releases the rest."""
        part = replace(shipment, id=self._take_id(), rows=rows)
        self.open[part.id] = part
        self._stage(_sent(part))
        return part

    def refuse(self, refused: RefusedRows, *, attempts: int = 0) -> None:
        """Rows refused without a call, or by a call that was refused as a whole, become letters."""
        batch = refused.batch
        rows = ranges_of(sorted(batch.numbers))
        self._mark_settled(batch.source, rows)
        tally = Tally(dead_lettered=len(batch))
        letters = self._lettering.letters(
            batch, enumerate(refused.refusals), attempts=attempts, at=self._now(), raws=refused.raws
        )
        self._append(self._files.letters, self._lettering.encode_letters(letters))
        if refused.final:
            self._changes += self._lettering.settled_letters(batch, accepted=False, indexes=range(len(batch)))
        self._stage(RowsRefused(id=self._take_id(), source=batch.source, rows=rows, tally=tally))
        self._add(tally)

    def skip(self, source: int, numbers: Sequence[int]) -> None:
        """Rows of a replay that an earlier replay settled."""
        rows = ranges_of(numbers)
        self._mark_settled(source, rows)
        tally = Tally(already_settled=len(numbers))
        self._stage(RowsRefused(id=self._take_id(), source=source, rows=rows, tally=tally))
        self._add(tally)

    def watch(self, vitals: Callable[[], RunMoved]) -> None:
        """Ask *vitals* for the run's status, work and calls each time something is written."""
        self._vitals = vitals

    # -- what is written -------------------------------------------------------------------------------------------------

    async def committed(self) -> None:
        """Wait until all that is staged now is durable.

        Raises:
            RunFailedError: The disk is full, or the like.
            JournalError: The journal cannot be written.
        """
        self._soon()
        turn = self._turn
        if self.error is not None:
            raise self.error
        if turn is not None:
            await turn.done.wait()
            if turn.error is not None:
                raise turn.error

    def flush(self) -> None:
        """Write all that is staged, now.

        Raises:
            RunFailedError: The disk is full, or the like; what was staged stays staged.
            JournalError: The journal cannot be written; likewise.
        """
        for source in self._positions:
            self._note_position(source)
        changes: list[Change] = list(self._changes)
        changes += [SourceRead(facts=self._sources[source]) for source in sorted(self._moved)]
        written: list[tuple[TrackedFile, int]] = []
        try:
            for name, chunks in self._pending.items():
                file = self._files.letters.get(name) or self._files.results[name]
                written.append((file, file.length))
                file.append(b"".join(chunks))
                file.sync()
                changes.append(FileLength(name=name, length=file.length))
            if self._vitals is not None:
                changes.append(self._vitals())
            if changes:
                self._journal.commit(changes)
        except (OSError, JournalError) as error:
            for file, length in written:
                with suppress(OSError, BulkZohoError):  # the file cuts itself before it writes again
                    file.cut(length)
            raise _cannot_write(error) from error
        self._changes.clear()
        self._pending.clear()
        self._moved.clear()

    def _soon(self) -> None:
        if self._turn is None:
            self._turn = _Turn()
            asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        turn, self._turn = self._turn, None
        assert turn is not None
        try:
            self.flush()
            self.error = None
        except BulkZohoError as error:
            self.error = turn.error = error
        except Exception as error:  # noqa: BLE001  whoever waits must wake, and nothing may be sent after a defect
            self.error = turn.error = JournalError(
                f"what became of rows could not be written down ({type(error).__name__}).",
                hint="This is a defect of bulkzoho: keep the run's folder, report it, then resume.",
                code="DEFECT",
            )
            turn.error.__cause__ = error
        turn.done.set()

    def _stage(self, change: Change) -> None:
        self._changes.append(change)
        self._soon()

    def _append(self, files: Mapping[str, TrackedFile], data: Mapping[str, bytes]) -> None:
        for name, chunk in data.items():
            if chunk:
                chunks = self._pending.setdefault(name, [])
                if not chunks and not files[name].length:
                    chunks.append(self._lettering.head(name))
                chunks.append(chunk)

    def _write_outcomes(self, batch: Batch, results: Results, *, attempts: int) -> Tally:
        refused = results.refused
        accepted: Sequence[int] = range(len(batch)) if not refused else [i for i in range(len(batch)) if i not in refused]
        if accepted:
            self._append(self._files.results, self._lettering.encode_results(batch, results, accepted))
            self._changes += self._lettering.settled_letters(batch, accepted=True, indexes=accepted)
        if refused:
            pairs = sorted(refused.items())
            letters = self._lettering.letters(batch, pairs, attempts=attempts, at=self._now())
            self._append(self._files.letters, self._lettering.encode_letters(letters))
            self._changes += self._lettering.settled_letters(batch, accepted=False, indexes=[index for index, _ in pairs])
        return _tally_of(results, accepted, refused=len(refused))

    def _mark_settled(self, source: int, rows: Ranges) -> None:
        for first, last in rows:
            self.settled[source].add_range(first, last)

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

    def _add(self, tally: Tally) -> None:
        self._tally = replace(
            self._tally,
            created=self._tally.created + tally.created,
            updated=self._tally.updated + tally.updated,
            deleted=self._tally.deleted + tally.deleted,
            unchanged=self._tally.unchanged + tally.unchanged,
            dead_lettered=self._tally.dead_lettered + tally.dead_lettered,
            already_settled=self._tally.already_settled + tally.already_settled,
        )

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _now(self) -> str:
        return datetime.fromtimestamp(self._wall(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sent(one: OpenShipment) -> Sent:
    return Sent(
        id=one.id,
        source=one.source,
        rows=one.rows,
        attempt=one.attempt,
        at=one.sent_at,
        skew_s=one.skew_s,
        since_s=one.since_s,
    )


def _tally_of(results: Results, accepted: Sequence[int], *, refused: int) -> Tally:
    if isinstance(results.actions, Action):
        return Tally(dead_lettered=refused, **{_COUNTER[results.actions]: len(accepted)})
    counts = dict.fromkeys(_COUNTER.values(), 0)
    for index in accepted:
        counts[_COUNTER[results.actions[index]]] += 1
    return Tally(dead_lettered=refused, **counts)


def _cannot_write(error: OSError | JournalError) -> BulkZohoError:
    if isinstance(error, JournalError):
        return error
    return RunFailedError(
        f"{error.filename or 'the run’s files'}: {error.strerror}.",  # noqa: RUF001  an apostrophe in prose
        hint="Make room on the disk, then resume.",
        code="CANNOT_WRITE",
    )
