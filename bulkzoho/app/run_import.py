"""Do the work of one import or replay: check the inputs, connect, send, sum up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from bulkzoho.app.inputs import (
    InputHeader,
    InputOpener,
    build_row_transformer,
    input_parts,
    read_headers,
    rejected_row_keys,
    with_content_digests,
)
from bulkzoho.app.run_files import close_files, open_files
from bulkzoho.app.run_lifecycle import OpenRun, absorb_stop, require_organization, require_user
from bulkzoho.app.run_log import log_run_finished
from bulkzoho.app.run_reports import write_in_doubt, write_report
from bulkzoho.app.run_users import RunUserCache
from bulkzoho.app.session import CrmSession, open_session
from bulkzoho.app.wiring import ImportContext, build_import_pipeline, build_monitor, build_recorder
from bulkzoho.domain.model.batch import InDoubtBatch
from bulkzoho.domain.model.journal_events import InputInfo, InputProgressed, LetterClaimed, RunInfo, RunUpdated
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.progress import QuotaStatus
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import RunStatus, StopReason
from bulkzoho.domain.model.settings import ImportSettings, SessionSettings
from bulkzoho.domain.model.summary import Summary
from bulkzoho.domain.policy.exit_status import RunEnd, RunOutcome, decide_import_outcome
from bulkzoho.domain.summary.import_summary import ImportResult, OutputPaths, build_import_summary
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.importer.crash_recovery import RestoredState, reread_in_doubt_rows, restore_from_journal
from bulkzoho.engine.importer.pipeline import ImportPipeline
from bulkzoho.engine.importer.reader import RunInput
from bulkzoho.engine.importer.recorder import OutcomeRecorder
from bulkzoho.errors import BulkZohoError
from bulkzoho.interfaces import Progress, Source
from bulkzoho.storage.store.duplicate_guard import require_not_imported_before
from bulkzoho.storage.store.replay_history import ReplayHistory
from bulkzoho.storage.store.run_folder import RunFolder
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount

__all__ = ["ImportRun", "output_paths", "run_import"]

REREAD_WITHIN_S = 0.5  # seconds that rereading the rows in doubt may take after a second Ctrl-C


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRun:
    """An open run and what it imports."""

    run: OpenRun
    settings: ImportSettings
    opener: InputOpener
    account: ResolvedAccount
    letters_org: str = ""  #: of a replay: the organization that the rejected rows came from, if it is known


@dataclass(frozen=True, slots=True, kw_only=True)
class SentImport:
    """What this process did, however it ended."""

    info: RunInfo
    recorder: OutcomeRecorder
    pipeline: ImportPipeline
    parts: Sequence[RunInput]
    transformer: RowTransformer
    tail: PipelineTail
    quota: QuotaStatus
    error: BulkZohoError | None  #: why it stopped early, with the explanation
    write_error: BulkZohoError | None  #: why outcomes could not be written


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineTail:
    """What was read after the pipeline ended, unless that was cut short."""

    crm_after: int | None = None
    in_doubt: Sequence[InDoubtBatch] = ()  #: rows without an outcome, read again


async def run_import(work: ImportRun, *, progress: Progress, stop: StopSignal) -> Summary:
    """Work on the run until it ends or is stopped, and return its summary.

    Raises:
        RefusedError: Before anything was sent: a file, its header, the module, a field, another organization.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal") as disk:
        sent = await absorb_stop(_connect_and_send(work, progress, stop, disk), stop)
        summary = _finish_unsent(work, stop) if sent is None else await _finish(work, sent, stop)
    write_report(work.run.folder, summary)
    log_run_finished(summary)
    return summary


async def _connect_and_send(work: ImportRun, progress: Progress, stop: StopSignal, disk: Executor) -> SentImport:
    stored = work.run.journal.inputs()
    headers, open_sources = await read_headers(work.opener, stored, live=work.run.is_new, stop=stop)
    try:
        async with _digests_in_background(work, stored) as digests:
            session, run = SessionSettings.of_import(work.settings), work.run.info.run
            async with open_session(session, chosen=work.account, run=run, stop=stop, progress=progress) as crm:
                module = await crm.module(work.run.info.crm_module)
                inputs = await digests
                info, history = await _claim(work, crm, module, inputs)
                transformer, users = await _plan_columns(work, crm, module, headers, progress)
                context = ImportContext(
                    run=work.run,
                    info=info,
                    settings=replace(work.settings, crm_module=module.api_name),
                    is_replay=work.opener.letters,
                    module=module,
                    inputs=inputs,
                    columns=tuple(dict.fromkeys(column for header in headers for column in header.header)),
                    transformer=transformer,
                    read_users=users.read,
                    history=history,
                    crm=crm,
                    progress=progress,
                    stop=stop,
                    disk=disk,
                )
                return await _send(work, context, open_sources)
    finally:
        for source in open_sources.values():
            source.close()


@asynccontextmanager
async def _digests_in_background(work: ImportRun, inputs: list[InputInfo]) -> AsyncIterator[asyncio.Task[list[InputInfo]]]:
    """Compute the digests by which an insert recognizes its files, in a thread, beside the first calls."""
    is_insert = work.settings.operation is Operation.INSERT and not work.opener.letters
    task = asyncio.create_task(with_content_digests(inputs) if is_insert else _unchanged(inputs))
    task.add_done_callback(lambda task: task.cancelled() or task.exception())  # retrieved, also if nothing waits for it
    try:
        yield task
    finally:
        task.cancel()


async def _unchanged(inputs: list[InputInfo]) -> list[InputInfo]:
    return inputs


async def _claim(
    work: ImportRun, crm: CrmSession, module: CrmModule, inputs: Sequence[InputInfo]
) -> tuple[RunInfo, ReplayHistory | None]:
    """Bind the run to its organization, and make sure that no other run sends the same rows.

    Raises:
        RefusedError: Another organization or user, or another run sends or has sent them.
    """
    run, info, settings, org = work.run, work.run.info, work.settings, crm.organization.id
    require_organization(info.run, crm, info.org, work.letters_org)
    require_user(info, crm)
    before = info.crm_before if info.crm_before is not None else await crm.count(module.api_name)
    rows = await asyncio.to_thread(rejected_row_keys, work.opener) if work.opener.letters else []
    history, turn = None, None
    with run.store.start_lock():  # of two runs that start at once, one finds the other
        if work.opener.letters:
            history = ReplayHistory.load(run.store, run=info.run, import_key=settings.import_key)
            history.require_not_claimed(rows, file=settings.inputs[0])
            run.journal.commit([LetterClaimed(run=first, source=source, row=row) for first, source, row in rows])
        elif not settings.again:
            turn = require_not_imported_before(run.store, inputs, info, org=org, crm_module=module.api_name)
        user = crm.user.id if crm.user else ""
        run.journal.bind_account(org=org, user=user, crm_module=module.api_name, crm_before=before, turn=turn)
        run.journal.commit([InputProgressed(facts=source) for source in inputs])
    return run.journal.info(), history


async def _plan_columns(
    work: ImportRun, crm: CrmSession, module: CrmModule, headers: Sequence[InputHeader], progress: Progress
) -> tuple[RowTransformer, RunUserCache]:
    """Map the columns of every input to fields, and show all warnings, before the first row is sent."""
    settings = work.settings
    transformer = build_row_transformer(
        module, settings, run=work.run.info.run, letters=work.opener.letters, time_zone=crm.organization.time_zone
    )
    if settings.trigger:
        progress.tell(f"Automations that fire: {', '.join(settings.trigger)}.")
    users = RunUserCache(crm, work.run.folder.users, fallback=settings.owner_fallback)
    await users.preload(transformer, tell=progress.tell)
    plans = [transformer.plan_header(header.header, source=header.name, expanding=header.expanding) for header in headers]
    for warning in (*(text for plan in plans for text in plan.warnings), *users.warnings(plans)):
        progress.tell(warning)
    return transformer, users


async def _send(work: ImportRun, context: ImportContext, open_sources: dict[int, Source]) -> SentImport:
    """Send the rows; return what became of them, whatever stopped it.

    Raises:
        RefusedError: A copy of results or rejected rows cannot be written.
    """
    journal, stop = context.run.journal, context.stop
    files = open_files(
        context.run.folder, context.settings, journal.lengths(), new=context.run.is_new, tell=context.progress.tell
    )
    restored = restore_from_journal(journal.shipments())
    monitor = build_monitor(context)
    recorder = build_recorder(context, files, monitor)
    recorder.restore(settled=restored.settled, in_doubt=restored.in_doubt)
    parts = input_parts(work.opener, context.inputs, _rows_already_known(restored, len(context.inputs)), open_sources)
    pipeline = build_import_pipeline(context, recorder, monitor, parts)
    try:
        tail = await absorb_stop(_run_pipeline(context, pipeline, recorder, parts, restored), stop)
    finally:
        quota = context.crm.limiter.status()
        write_error = _flush(recorder, stop)
        close_files(files)
    return SentImport(
        info=context.info,
        recorder=recorder,
        pipeline=pipeline,
        parts=parts,
        transformer=context.transformer,
        tail=tail or PipelineTail(),
        quota=quota,
        error=await absorb_stop(context.crm.explain(stop.error), stop),
        write_error=write_error,
    )


async def _run_pipeline(
    context: ImportContext,
    pipeline: ImportPipeline,
    recorder: OutcomeRecorder,
    parts: Sequence[RunInput],
    restored: RestoredState,
) -> PipelineTail:
    in_doubt = await reread_in_doubt_rows(parts, context.transformer, restored.in_doubt, read_users=context.read_users)
    context.crm.waits.quiet()  # from here on the pipeline shows them
    await pipeline.run(in_doubt=in_doubt)
    crm_after = await context.crm.count(context.module.api_name)
    if not recorder.open:
        return PipelineTail(crm_after=crm_after)
    left = await reread_in_doubt_rows(parts, context.transformer, list(recorder.open.values()))
    return PipelineTail(crm_after=crm_after, in_doubt=left)


def _flush(recorder: OutcomeRecorder, stop: StopSignal) -> BulkZohoError | None:
    """Write all outcomes; return why they could not be written."""
    try:
        recorder.flush()
    except BulkZohoError as error:
        return stop.error or error  # the first error says more
    return None


async def _finish(work: ImportRun, sent: SentImport, stop: StopSignal) -> Summary:
    """Decide how the run ended, make that durable, name the rows in doubt, and return the summary."""
    recorder, inputs, damage = sent.recorder, sent.recorder.sources(), sent.pipeline.reader.damage
    tally, seconds, calls = recorder.tally(), sent.pipeline.seconds(), sent.pipeline.calls()
    outcome = decide_import_outcome(tally, inputs, RunEnd(reason=stop.reason, error=sent.error or stop.error, damage=damage))
    update = RunUpdated(status=_stored_status(outcome, tally, damaged=damage is not None), seconds=seconds, calls=calls)
    write_error = sent.write_error or _write_update(recorder, update)
    if write_error is not None:  # then the journal is what counts
        outcome = RunOutcome(status=RunStatus.FAILED, exit_code=StopReason.FAILED.exit_code, error=write_error)
        with suppress(BulkZohoError):  # there is something left to write, so the run can be resumed
            work.run.journal.commit([replace(update, status=RunStatus.INTERRUPTED)])
        tally = work.run.journal.row_counts()
    in_doubt = sent.tail.in_doubt or await _reread_in_doubt(sent)
    write_in_doubt(work.run.folder, sent.info, inputs, list(recorder.open.values()), in_doubt)
    return build_import_summary(
        sent.info,
        outcome,
        ImportResult(tally=tally, inputs=inputs, calls=calls, seconds=seconds, quota=sent.quota, crm_after=sent.tail.crm_after),
        output_paths(work.run.folder, work.settings),
        limit=work.settings.limit,
    )


def _finish_unsent(work: ImportRun, stop: StopSignal) -> Summary:
    """Finish a run that ended before it could send, or whose session could not be closed: the journal is what counts."""
    journal, info = work.run.journal, work.run.journal.info()
    tally, inputs = journal.row_counts(), journal.inputs()
    outcome = decide_import_outcome(tally, inputs, RunEnd(reason=stop.reason, error=stop.error))
    with suppress(BulkZohoError):
        journal.commit([RunUpdated(status=outcome.status, seconds=info.seconds, calls=info.calls)])
    return build_import_summary(
        info,
        outcome,
        ImportResult(tally=tally, inputs=inputs, calls=info.calls, seconds=info.seconds),
        output_paths(work.run.folder, work.settings),
        limit=work.settings.limit,
    )


def output_paths(folder: RunFolder, settings: ImportSettings) -> OutputPaths:
    """Return where the outcomes of the rows are."""
    return OutputPaths(
        dead_letter=settings.dead_letter or str(folder.dead_letters),
        results=settings.results or str(folder.results),
        in_doubt=str(folder.in_doubt) if folder.in_doubt.exists() else None,
    )


async def _reread_in_doubt(sent: SentImport) -> Sequence[InDoubtBatch]:
    """Read the rows in doubt again after a second Ctrl-C, if that takes no time: a resume settles them in any case."""
    if not sent.recorder.open:
        return ()
    with suppress(TimeoutError, BulkZohoError):
        async with asyncio.timeout(REREAD_WITHIN_S):
            return await reread_in_doubt_rows(sent.parts, sent.transformer, list(sent.recorder.open.values()))
    return ()


def _write_update(recorder: OutcomeRecorder, update: RunUpdated) -> BulkZohoError | None:
    """Make *update* durable with what is still staged; return why that failed."""
    recorder.end_run(update)
    try:
        recorder.flush()
    except BulkZohoError as error:
        return error
    return None


def _stored_status(outcome: RunOutcome, tally: RowCounts, *, damaged: bool) -> RunStatus:
    """Return the status for the journal: without open rows, only a damaged input leaves a run failed, not to be resumed."""
    failed = outcome.status is RunStatus.FAILED and not damaged and not (tally.unsent or tally.in_doubt)
    return RunStatus.INTERRUPTED if failed else outcome.status


def _rows_already_known(restored: RestoredState, sources: int) -> list[RowRanges]:
    """Return the rows of each input that must not be read as new: settled, or in doubt."""
    known = [RowRanges() for _ in range(sources)]
    pairs = [*restored.settled, *((shipment.source, shipment.rows) for shipment in restored.in_doubt)]
    for source, ranges in pairs:
        for first, last in ranges:
            known[source].add_range(first, last)
    return known
