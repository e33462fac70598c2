"""A run over its whole life: one file, one folder, one CRM, and processes that may die at any step."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from bulkzoho.domain.model.journal_events import InputInfo, RunInfo
from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.progress import CallCounts, ProgressSnapshot, QuotaStatus
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import StopReason
from bulkzoho.domain.model.run_settings import ImportRunSettings
from bulkzoho.domain.model.settings import ImportSettings, InputSettings, MappingSettings
from bulkzoho.domain.transform.record_hash import record_digest
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.engine.concurrency.coql_reader import CoqlReader
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.concurrency.run_monitor import RunContext, RunMonitor
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal
from bulkzoho.engine.importer.crash_recovery import reread_in_doubt_rows, restore_from_journal
from bulkzoho.engine.importer.pipeline import ImportPipeline, ImportPipelineParts
from bulkzoho.engine.importer.reader import InputParts, RunInput
from bulkzoho.engine.importer.recorder import OutcomeFiles, OutcomeRecorder, RecorderParts
from bulkzoho.engine.importer.result_lines import LetterContext, OutcomeFormatter
from bulkzoho.engine.lost_replies.insert_lookup import CoqlInsertLookup, InsertLookupParts
from bulkzoho.engine.lost_replies.protocols import LostReplyChecks
from bulkzoho.errors import BulkZohoError
from bulkzoho.formats.dead_letter.writer import JsonDeadLetterWriter
from bulkzoho.formats.detect import open_source
from bulkzoho.formats.results_writer import JsonResultWriter
from bulkzoho.interfaces import MetadataApi
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from bulkzoho.testing.virtual_time import VirtualTimeLoop

from .crashing_doubles import Died, Life, MortalFile, MortalJournal, SlowDisk
from .memory_crm import KEY, LEADS, ME, CallFault, MemoryCrm

__all__ = ["HEADER", "Process", "World"]

HEADER = ("Last_Name", KEY, "Employees")
BATCH_RECORDS = 4
SENDERS = 3
SETTLE_WAIT_S = 20.0  # longer than a call without a response may run
LETTERS, RESULTS = "dead-letter.jsonl", "results.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of a run's life."""

    after_s: float = 1.0  #: since the one before it ended
    steps: int | None = None  #: of journal and files, then it dies; None: it does not die of that
    torn: float = 0.5
    killed_after_s: float | None = None  #: it dies at this moment
    stopped_after_s: float | None = None  #: it gets a stop request, as by Ctrl-C
    disk_s: float | None = None  #: how long a thread waits for the disk at each write; None: no thread, and no time
    faults: tuple[CallFault, ...] = ()


@dataclass(slots=True)
class World:
    """The state that outlives processes."""

    folder: Path
    operation: Operation
    rows: Sequence[Sequence[str]]
    ahead_s: float = 0.0
    now: float = 1_800_000_000.0  #: the client's wall time
    crm: MemoryCrm = field(init=False)
    tally: RowCounts = field(default=RowCounts())

    def __post_init__(self) -> None:
        self.crm = MemoryCrm(self.operation, wall=lambda: self.now, ahead_s=self.ahead_s)
        with (self.folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEADER, *self.rows])
        facts = RunInfo(
            run="r1",
            crm_module="Leads",
            settings=ImportRunSettings(imports=ImportSettings(inputs=(), crm_module="Leads", operation=self.operation)),
            started="2027-01-15T08:00:00Z",
            org="1",
        )
        source = InputInfo(index=0, path=str(self.folder / "rows.csv"), name="rows.csv")
        SqliteJournal.create(self.folder / "journal.db", facts, [source]).close()

    def live(self, process: Process) -> None:
        """Run one process until its end."""
        self.now += process.after_s
        self.crm.alive, self.crm.faults = True, list(process.faults)
        self.crm.catch_up()
        loop = VirtualTimeLoop()
        loop.set_exception_handler(lambda *_: None)  # what a dead process leaves behind
        began = self.now
        self.crm.wall = lambda: began + loop.time()
        try:
            with contextlib.suppress(Died), asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(_work(self, process))
        finally:
            self.now = began + loop.time()
            self.crm.wall = lambda: self.now

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return all lines of a file of the run."""
        return [json.loads(line) for line in (self.folder / name).read_text(encoding="utf-8").splitlines()]


async def _work(world: World, process: Process) -> None:
    life = Life(steps=process.steps, torn=process.torn)
    journal = SqliteJournal.open(world.folder / "journal.db")
    letters, results = AppendFile(world.folder / LETTERS), AppendFile(world.folder / RESULTS)
    lengths = journal.lengths()
    letters.cut(lengths.get(LETTERS, 0))
    results.cut(lengths.get(RESULTS, 0))
    files = OutcomeFiles(letters={LETTERS: MortalFile(letters, life)}, results={RESULTS: MortalFile(results, life)})
    try:
        await _import(world, process, life, journal, files)
    finally:
        life.dead, world.crm.alive = True, False
        letters.close()
        results.close()
        journal.close()


async def _import(world: World, process: Process, life: Life, journal: SqliteJournal, files: OutcomeFiles) -> None:
    stop = StopSignal()
    restored = restore_from_journal(journal.shipments())
    sources = journal.inputs()
    caller = RetryingCaller(
        limiter=_UnlimitedLimiter(),
        crm=cast(MetadataApi, world.crm),
        stop=stop,
        jitter=lambda: 0.5,
        give_up_after_s=900.0,
        wall=world.crm.wall,
    )
    monitor = RunMonitor(_context(world, caller, stop), window=None, longest_s=None)
    recorder = OutcomeRecorder(
        RecorderParts(
            journal=MortalJournal(journal, life),
            files=files,
            formatter=_formatter(world, [source.name for source in sources]),
            sources=sources,
            wall=world.crm.wall,
            clock_skew=lambda: caller.skew_s,
            run_update=monitor.run_update,
            senders=SENDERS,
            thread=None if process.disk_s is None else SlowDisk(process.disk_s),
        )
    )
    recorder.restore(settled=restored.settled, in_doubt=restored.in_doubt)
    transformer = RowTransformer(
        crm_module=LEADS, mapping=MappingSettings(), operation=world.operation, match_on=_match_on(world)
    )
    transformer.plan_header(HEADER, source="rows.csv")
    inputs = [_input(sources[0], [*restored.settled, *((shipment.source, shipment.rows) for shipment in restored.in_doubt)])]
    pipeline = ImportPipeline(
        ImportPipelineParts(
            monitor=monitor,
            settings=_settings(world),
            input=InputParts(inputs=inputs, transformer=transformer, batch_records=BATCH_RECORDS),
            route=world.crm,
            recorder=recorder,
            checks=LostReplyChecks(lookup=_lookup(world, caller, stop)),
            senders=SENDERS,
        )
    )
    _schedule_end(process, life, stop)
    try:
        await caller.call(lambda: world.crm.count("Leads"), CallCost())  # the service's clock is known from the start
        await pipeline.run(in_doubt=await reread_in_doubt_rows(inputs, transformer, restored.in_doubt))
    except StopRequestedError:
        pass
    except BulkZohoError as error:
        raise AssertionError(f"the run failed: {error}") from error
    recorder.flush()
    world.tally = recorder.tally()
    assert stop.error is None or process.faults, stop.error  # tokens refused twice in a row end a run, resumable
    assert world.tally.adds_up, world.tally


def _schedule_end(process: Process, life: Life, stop: StopSignal) -> None:
    """Kill or stop the process at its moment."""
    loop = asyncio.get_running_loop()

    def die() -> None:
        life.dead = True
        raise Died

    if process.killed_after_s is not None:
        loop.call_later(process.killed_after_s, die)
    if process.stopped_after_s is not None:
        loop.call_later(process.stopped_after_s, stop.request, StopReason.SIGNAL)


def _context(world: World, caller: RetryingCaller, stop: StopSignal) -> RunContext:
    return RunContext(
        run="r1",
        caller=caller,
        limiter=_UnlimitedLimiter(),
        progress=_Silent(),
        stop=stop,
        wall=world.crm.wall,
        worked_s=0.0,
        counted=CallCounts(),
    )


def _settings(world: World) -> ImportSettings:
    return ImportSettings(
        inputs=(str(world.folder / "rows.csv"),),
        crm_module="Leads",
        operation=world.operation,
        match_on=_match_on(world),
        batch_records=BATCH_RECORDS,
        settle_wait_s=SETTLE_WAIT_S,
    )


def _lookup(world: World, caller: RetryingCaller, stop: StopSignal) -> CoqlInsertLookup:
    return CoqlInsertLookup(
        InsertLookupParts(
            coql=CoqlReader(world.crm, caller, crm_module="Leads"),
            crm_module=LEADS,
            user=ME,
            unique_fields=[KEY],
            match_on=_match_on(world),
            import_key=None,
            known_ids=lambda ids: {line["id"] for line in world.lines(RESULTS)} & set(ids),
            clock_skew=lambda: caller.skew_s,
            settle_wait_s=SETTLE_WAIT_S,
            wall=world.crm.wall,
            pause=stop.sleep,
        )
    )


def _input(source: InputInfo, known: Sequence[tuple[int, Sequence[tuple[int, int]]]]) -> RunInput:
    rows = RowRanges()
    for _, ranges in known:
        for first, last in ranges:
            rows.add_range(first, last)
    opened = partial(open_source, source.path, InputSettings(), block_rows=3, name=source.name)
    return RunInput(index=0, open=opened, reopen=opened, known=rows)


def _formatter(world: World, sources: Sequence[str]) -> OutcomeFormatter:
    return OutcomeFormatter(
        LetterContext(
            run="r1", crm_module="Leads", operation=world.operation, match_on=_match_on(world), trigger="none", org="1"
        ),
        header=HEADER,
        sources=sources,
        letters={LETTERS: JsonDeadLetterWriter()},
        results={RESULTS: JsonResultWriter()},
        digest=record_digest,
    )


def _match_on(world: World) -> tuple[str, ...]:
    return (KEY,) if world.operation is Operation.UPSERT else ()


class _UnlimitedLimiter:
    """A limiter without limits."""

    @asynccontextmanager
    async def permit(self, price: CallCost) -> AsyncIterator[None]:
        del price
        yield

    def report_rate_limit(self, *, retry_after_s: float | None, credits_remaining: int | None) -> None:
        """Take it."""

    def report_success(self, *, credits_remaining: int | None) -> None:
        """Take it."""

    def close(self) -> None:
        """Nothing is held."""

    def status(self) -> QuotaStatus:
        """Return numbers for a display that is not shown."""
        return QuotaStatus(
            plan="",
            calls_per_minute=0,
            calls_last_minute=0,
            calls_per_day=0,
            calls_last_day=0,
            calls_in_flight=0,
            calls_in_flight_limit=SENDERS,
            credits_per_day=None,
            credits_last_day=0,
            used_share=0.0,
            bound="",
        )


class _Silent:
    """A progress display that shows nothing."""

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Take it."""

    def tell(self, line: str) -> None:
        """Take it."""
