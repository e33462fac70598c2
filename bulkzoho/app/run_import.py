"""One run from its folder to its summary: the only place that puts engine and edges together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from bulkzoho.app.inputs import (
    InputOpener,
    build_row_transformer,
    input_parts,
    read_headers,
    require_not_imported_before,
    with_content_digests,
)
from bulkzoho.app.lookup_factory import (
    build_conflict_check,
    build_insert_lookup,
    build_resend_interpreter,
    build_superseded_check,
)
from bulkzoho.app.replay import ReplayHistory, letter_ids
from bulkzoho.app.run_files import close_files, lettering_for, open_files
from bulkzoho.app.run_log import RUN_LOG, log_run_finished, log_run_started, open_run_log
from bulkzoho.app.run_reports import build_import_summary, decide_outcome, write_in_doubt, write_report
from bulkzoho.app.run_users import RunUserCache
from bulkzoho.app.session import CrmSession, open_session
from bulkzoho.domain.model.journal_events import InputInfo, InputProgressed, LetterClaimed, RunUpdated
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import CallCounts, QuotaStatus, RunStatus, StopReason, Summary
from bulkzoho.domain.model.settings import ImportSettings
from bulkzoho.domain.policy.exit_status import RunOutcome
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal, stop_reason
from bulkzoho.engine.importer.crash_recovery import RestoredState, reread_in_doubt_rows, restore_from_journal
from bulkzoho.engine.importer.pipeline import ImportPipeline, ImportPipelineParts
from bulkzoho.engine.importer.reader import RunInput
from bulkzoho.engine.importer.recorder import OutcomeFiles, OutcomeRecorder
from bulkzoho.engine.importer.result_lines import LetterContext
from bulkzoho.engine.importer.sender import InDoubtBatch
from bulkzoho.errors import BulkZohoError, RefusedError
from bulkzoho.interfaces import Progress, Source
from bulkzoho.storage.files.file_lock import exclusive_lock
from bulkzoho.storage.store.run_catalog import RunFolder, home_folder
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from bulkzoho.zoho.api.records_write import RecordWriteRoute
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount

__all__ = ["ImportRun", "run_import"]


NAMING_WITHIN_S = 0.5  # seconds that naming rows in doubt may take after a second Ctrl-C


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRun:
    """A run whose folder, lock and journal are there."""

    folder: RunFolder
    journal: SqliteJournal
    settings: ImportSettings
    plan: InputOpener
    chosen: ResolvedAccount
    new: bool  #: its first process
    letters_org: str = ""  #: the organization that the letters came from


async def run_import(work: ImportRun, *, progress: Progress, stop: StopSignal) -> Summary:
    """Work on the run until its end or until it is stopped, whatever happens, and sum it up.

    Raises:
        RefusedError: Before anything was sent: a file, its header, the module, a field, another organization.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal") as thread, open_run_log(work.folder.path / RUN_LOG):
        log_run_started(work.journal.facts())
        carrier = ImportRunner(work, progress, stop, thread)
        await _absorb_stop(carrier, stop)
        summary = await carrier.sum_up()
        log_run_finished(summary)
        return summary


async def _absorb_stop(carrier: ImportRunner, stop: StopSignal) -> None:
    """Let what ends the run early become the reason of its stop."""
    stop.bind(asyncio.current_task())
    try:
        await carrier.carry_out()
    except asyncio.CancelledError:
        if not stop.hard:
            raise
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()
    except StopRequestedError:
        pass  # stopped while connecting; nothing was sent
    except RefusedError:
        raise
    except BulkZohoError as error:
        stop.request(stop_reason(error), error)
    finally:
        stop.bind(None)


class ImportRunner:
    """The parts of one run while it is worked on, and what is left of them for the summary."""

    def __init__(self, work: ImportRun, progress: Progress, stop: StopSignal, thread: Executor) -> None:
        self._thread = thread  # waits for the disk
        self._work = work
        self._progress = progress
        self._stop = stop
        self._facts = work.journal.facts()
        self._restored = restore_from_journal(work.journal.shipments())
        self._pipe: ImportPipeline | None = None
        self._shaper: RowTransformer | None = None
        self._parts: list[RunInput] = []
        self._quota: QuotaStatus | None = None
        self._crm_after: int | None = None
        self._in_doubt: list[InDoubtBatch] = []
        self._unwritten: BulkZohoError | None = None  # why outcomes could not be written down
        self._header: tuple[str, ...] = ()
        self._letters: ReplayHistory | None = None  # of a replay
        self.recorder: OutcomeRecorder | None = None

    async def carry_out(self) -> None:
        """Peek at the inputs, connect, send."""
        work = self._work
        sources = work.journal.sources()
        looks, kept = await read_headers(work.plan, sources, live=work.new, stop=self._stop)
        columns = (column for look in looks for column in look.header)
        self._header = tuple(dict.fromkeys(columns))  # a CSV of letters or results has the columns of all inputs
        inserts = work.settings.operation is Operation.INSERT and not work.plan.letters
        known = asyncio.create_task(with_content_digests(sources)) if inserts else None  # in a thread, beside the first calls
        if known is not None:
            known.add_done_callback(lambda task: task.cancelled() or task.exception())  # looked at, though nobody may wait for it
        try:
            async with open_session(
                work.settings, chosen=work.chosen, run=self._facts.run, stop=self._stop, progress=self._progress
            ) as crm:
                module = await crm.module(self._facts.crm_module)
                sources = sources if known is None else await known
                await self._know_account(crm, module, sources)
                self._shaper = build_row_transformer(
                    module, work.settings, run=self._facts.run, letters=work.plan.letters, time_zone=crm.organization.time_zone
                )
                if work.settings.trigger:
                    self._progress.tell(f"Automations that fire: {', '.join(work.settings.trigger)}.")
                users = RunUserCache(crm, work.folder.users, fallback=work.settings.owner_fallback)
                await users.introduce(self._shaper, tell=self._progress.tell)
                plans = [self._shaper.plan_header(look.header, source=look.name, expanding=look.expanding) for look in looks]
                for warning in (*(text for plan in plans for text in plan.warnings), *users.warnings(plans)):
                    self._progress.tell(warning)
                await self._send(crm, module, sources, kept, users)
        finally:
            if known is not None:
                known.cancel()
            for opened in kept.values():
                opened.close()

    async def _know_account(self, crm: CrmSession, module: CrmModule, sources: Sequence[InputInfo]) -> None:
        work, org = self._work, crm.organization.id
        user = crm.user.id if crm.user else ""
        for known in filter(None, (self._facts.org, work.letters_org)):
            if known != org:
                raise RefusedError(
                    f"run {self._facts.run} belongs to organization {known}; these credentials are for {org}.",
                    hint="Use the credentials of the first organization.",
                    code="OTHER_ORGANIZATION",
                )
        if self._facts.user and user and self._facts.user != user:
            raise RefusedError(
                f"run {self._facts.run} was begun as user {self._facts.user}; these credentials are of user {user}.",
                hint="Use the credentials that it was begun with: a lookup asks for what that user created.",
                code="OTHER_USER",
            )
        before = self._facts.crm_before if self._facts.crm_before is not None else await crm.count(module.api_name)
        claims = await asyncio.to_thread(self._letters_to_send) if work.plan.letters else []
        turn = None
        with exclusive_lock(home_folder() / "beginning.lock"):  # of two runs of one file that begin at once, one sees the other
            if work.plan.letters:
                self._claim_letters(claims)
            elif not work.settings.again:
                turn = require_not_imported_before(sources, self._facts, org=org, crm_module=module.api_name)
            work.journal.name_account(org=org, user=user, crm_module=module.api_name, crm_before=before, turn=turn)
            work.journal.commit([InputProgressed(facts=source) for source in sources])
        self._facts = work.journal.facts()

    def _letters_to_send(self) -> list[tuple[str, str, int]]:
        settings = self._work.settings
        return letter_ids(settings.inputs[0], settings.files, self._work.plan.only_codes)

    def _claim_letters(self, claims: Sequence[tuple[str, str, int]]) -> None:
        """Take the letters for this replay; whoever looks later sees them taken."""
        work = self._work
        self._letters = ReplayHistory.load(run=self._facts.run, import_key=work.settings.import_key)
        self._letters.refuse_held(claims, file=work.settings.inputs[0])
        work.journal.commit([LetterClaimed(run=run, source=source, row=row) for run, source, row in claims])

    async def _send(
        self, crm: CrmSession, module: CrmModule, sources: Sequence[InputInfo], kept: dict[int, Source], users: RunUserCache
    ) -> None:
        work, settings = self._work, replace(self._work.settings, crm_module=module.api_name)
        assert self._shaper is not None
        files = open_files(work.folder, settings, work.journal.lengths(), new=work.new, tell=self._progress.tell)
        recorder = self.recorder = self._recorder(crm, settings, files, sources)
        self._parts = input_parts(work.plan, sources, _known(self._restored, len(sources)), kept)
        pipe = self._pipe = self._import_pipe(crm, module, settings, recorder=recorder, sources=sources, users=users)
        try:
            in_doubt = await reread_in_doubt_rows(self._parts, self._shaper, self._restored.in_doubt, read_users=users.read)
            crm.waits.quiet()  # from here on the pipe shows them
            await pipe.run(in_doubt=in_doubt)
            self._crm_after = await crm.count(module.api_name)
            if recorder.open:
                self._in_doubt = await reread_in_doubt_rows(self._parts, self._shaper, list(recorder.open.values()))
        finally:
            self._quota = crm.quota.status()
            try:
                recorder.flush()
            except BulkZohoError as error:
                self._unwritten = self._stop.error or error  # what was met first says more
            close_files(files)

    def _recorder(
        self, crm: CrmSession, settings: ImportSettings, files: OutcomeFiles, sources: Sequence[InputInfo]
    ) -> OutcomeRecorder:
        """Give what writes outcomes down, as an earlier process left it."""
        facts = LetterContext(
            run=self._facts.run,
            crm_module=settings.crm_module,
            operation=settings.operation,
            match_on=settings.match_on,
            trigger=",".join(settings.trigger) or "none",
            org=self._facts.org,
        )
        names = [source.name for source in sources]
        recorder = OutcomeRecorder(
            journal=self._work.journal,
            files=files,
            lettering=lettering_for(files, facts, header=self._header, sources=names, import_key=settings.import_key),
            sources=sources,
            wall=time.time,
            skew=lambda: crm.courier.skew_s,
            thread=self._thread,
        )
        recorder.restore(settled=self._restored.settled, in_doubt=self._restored.in_doubt)
        return recorder

    def _import_pipe(
        self,
        crm: CrmSession,
        module: CrmModule,
        settings: ImportSettings,
        *,
        recorder: OutcomeRecorder,
        sources: Sequence[InputInfo],
        users: RunUserCache,
    ) -> ImportPipeline:
        """Put the pipe together."""
        assert self._shaper is not None
        tell, letters = self._progress, self._work.plan.letters
        return ImportPipeline(
            ImportPipelineParts(
                run=self._facts.run,
                settings=settings,
                inputs=self._parts,
                shaper=self._shaper,
                route=RecordWriteRoute(
                    crm.transport,
                    crm_module=module.api_name,
                    operation=settings.operation,
                    match_on=settings.match_on,
                    trigger=settings.trigger,
                ),
                courier=crm.courier,
                quota=crm.quota,
                recorder=recorder,
                lookup=build_insert_lookup(crm, module, settings, stop=self._stop, progress=tell),
                conflicts=build_conflict_check(crm, module, settings, progress=tell),
                resends=build_resend_interpreter(crm, module, settings, progress=tell),
                letters=self._letters,
                superseded=build_superseded_check(crm, module, settings, letters=letters, progress=tell),
                read_users=users.read,
                progress=tell,
                stop=self._stop,
                wall=time.time,
                senders=crm.senders,
                bytes_total=_bytes_total(sources),
                worked_s=self._facts.seconds,
                counted=self._facts.calls,
            )
        )

    async def sum_up(self) -> Summary:
        """Decide how it ended, write that down, and give the summary."""
        work, recorder, pipe = self._work, self.recorder, self._pipe
        tally: RowCounts = recorder.tally() if recorder else work.journal.whole_tally()
        sources = recorder.sources() if recorder else work.journal.sources()
        seconds = pipe.seconds() if pipe else self._facts.seconds
        calls = pipe.calls() if pipe else self._facts.calls
        ending = decide_outcome(
            tally,
            sources,
            reason=self._stop.reason,
            error=self._stop.error,
            damage=pipe.reader.damage if pipe else None,
        )
        if recorder:
            ending, tally = self._written_down(ending, tally, seconds, calls)
            await self._name_doubts(recorder)
            write_in_doubt(work.folder, self._facts, sources, list(recorder.open.values()), self._in_doubt)
        else:
            with suppress(BulkZohoError):
                work.journal.commit([RunUpdated(status=ending.status, seconds=seconds, calls=calls)])
        summary = build_import_summary(
            work.folder,
            self._facts,
            work.settings,
            ending,
            tally,
            sources=sources,
            calls=calls,
            seconds=seconds,
            quota=self._quota,
            crm_after=self._crm_after,
        )
        write_report(work.folder, summary)
        return summary

    async def _name_doubts(self, recorder: OutcomeRecorder) -> None:
        """Read the rows in doubt again after a stop at once, if that takes no time: a resume settles them in any case."""
        if recorder.open and not self._in_doubt and self._shaper is not None:
            with suppress(TimeoutError, BulkZohoError):
                async with asyncio.timeout(NAMING_WITHIN_S):
                    self._in_doubt = await reread_in_doubt_rows(self._parts, self._shaper, list(recorder.open.values()))

    def _written_down(
        self, ending: RunOutcome, tally: RowCounts, seconds: float, calls: CallCounts
    ) -> tuple[RunOutcome, RowCounts]:
        """Make the ending durable; when that fails, what counts is what the journal holds."""
        assert self.recorder is not None
        moved = RunUpdated(status=self._kept_status(ending, tally), seconds=seconds, calls=calls)
        self.recorder.watch(lambda: moved)
        if self._unwritten is None:
            try:
                self.recorder.flush()
            except BulkZohoError as error:
                self._unwritten = error
        if self._unwritten is None:
            return ending, tally
        failed = RunOutcome(status=RunStatus.FAILED, exit_code=StopReason.FAILED.exit_code, error=self._unwritten)
        with suppress(BulkZohoError):  # there is something to write down, so that it is to be resumed
            self._work.journal.commit([replace(moved, status=RunStatus.INTERRUPTED)])
        return failed, self._work.journal.whole_tally()

    def _kept_status(self, ending: RunOutcome, tally: RowCounts) -> RunStatus:
        """Give what the journal keeps: where nothing is open, only a damaged input leaves a run failed, and not to be resumed."""
        damaged = self._pipe is not None and self._pipe.reader.damage is not None
        failed = ending.status is RunStatus.FAILED and not damaged and not (tally.unsent or tally.in_doubt)
        return RunStatus.INTERRUPTED if failed else ending.status


def _known(restored: RestoredState, sources: int) -> list[RowRanges]:
    """Give the rows of each source that are not to be read as new: settled, or in doubt and settled on their own."""
    known = [RowRanges() for _ in range(sources)]
    pairs = [*restored.settled, *((one.source, one.rows) for one in restored.in_doubt)]
    for source, ranges in pairs:
        for first, last in ranges:
            known[source].add_range(first, last)
    return known


def _bytes_total(sources: Sequence[InputInfo]) -> int | None:
    sizes = [source.size for source in sources]
    return None if any(size < 0 for size in sizes) else sum(sizes)
