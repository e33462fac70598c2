"""Do the work of one export: connect, plan, read, deliver, sum up."""

from __future__ import annotations

import shutil
import time
from array import array
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from bulkzoho.app.export_ids import describe_missing_ids, load_requested_ids, report_requested_ids
from bulkzoho.app.pager_factory import PagerFactory
from bulkzoho.app.run_lifecycle import OpenRun, absorb_stop, require_organization
from bulkzoho.app.run_log import log_run_finished
from bulkzoho.app.run_reports import write_report
from bulkzoho.app.session import CrmSession, open_session
from bulkzoho.domain.coql.export_filter import ExportFilter, within_bound
from bulkzoho.domain.model.export import (
    LAST,
    ExportCursor,
    ExportPlan,
    ExportRoute,
    ExportSettings,
    ExportSummary,
    OutputFormat,
    Partition,
    RecountResult,
    RequestedIdsReport,
)
from bulkzoho.domain.model.journal_events import RunInfo, RunUpdated
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.progress import CallCounts, QuotaStatus
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import RunStatus, StopReason
from bulkzoho.domain.model.settings import SessionSettings
from bulkzoho.domain.policy.exit_status import RunEnd, RunOutcome, decide_outcome
from bulkzoho.domain.summary.export_summary import ExportTotals, build_export_summary
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.exporter.overlap import OverlapWindow
from bulkzoho.engine.exporter.pipeline import ExportPipeline, ExportPipelineParts, PageFilter, PartitionSink
from bulkzoho.engine.exporter.planner import build_export_filter, includes_deleted, plan_export, plan_if_unchanged
from bulkzoho.engine.exporter.record_api import RecordReadCalls
from bulkzoho.engine.exporter.recount import recount
from bulkzoho.errors import BulkZohoError
from bulkzoho.formats.export_output import ExportOutput, output_columns
from bulkzoho.formats.parquet_writer import refuse_missing_pyarrow
from bulkzoho.formats.part_joiner import ByteSink, require_compressor
from bulkzoho.interfaces import Progress
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.files.private_folder import make_private_folder
from bulkzoho.storage.store.export_cursor import ExportCursorStore
from bulkzoho.zoho.api.records_read import RecordReadClient
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount

__all__ = ["ExportRun", "require_export_extras", "run_export"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRun:
    """An open run and what it exports."""

    run: OpenRun
    settings: ExportSettings
    account: ResolvedAccount
    out: ByteSink  #: receives the file if it goes to standard output


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """An export that may start to read."""

    info: RunInfo  #: bound to its organization
    plan: ExportPlan
    module: CrmModule
    filter: ExportFilter
    overlap: OverlapWindow
    ids: array[int] | None  #: the records that were asked for; None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """What this process did, however it ended."""

    delivered: bool  #: the output is complete
    partitions: list[Partition]
    calls: CallCounts
    seconds: float
    quota: QuotaStatus | None = None
    error: BulkZohoError | None = None  #: why it stopped early, with the explanation
    recount: RecountResult | None = None
    ids: RequestedIdsReport | None = None


def require_export_extras(settings: ExportSettings) -> None:
    """Check before anything is read that the packages for the output are installed.

    Raises:
        RefusedError: One is missing.
    """
    require_compressor(settings.compression)
    if settings.format is OutputFormat.PARQUET:
        refuse_missing_pyarrow()


async def run_export(work: ExportRun, *, progress: Progress, stop: StopSignal) -> ExportSummary:
    """Work on the export until it ends or is stopped, and return its summary.

    Raises:
        RefusedError: Before anything was read: module, field, route, another organization.
    """
    delivered = work.run.info.status is RunStatus.COMPLETED
    result = None if delivered else await absorb_stop(_connect_and_export(work, progress, stop), stop)
    summary = _finish(work, result or _result_in_journal(work, delivered=delivered), stop)
    write_report(work.run.folder, summary)
    if summary.status is RunStatus.COMPLETED:
        with suppress(OSError):
            shutil.rmtree(work.run.folder.partitions)
    log_run_finished(summary)
    return summary


async def _connect_and_export(work: ExportRun, progress: Progress, stop: StopSignal) -> ExportResult:
    settings = work.settings
    session = SessionSettings(quota=settings.quota, give_up_after_s=settings.give_up_after_s)
    async with open_session(
        session,
        chosen=work.account,
        run=work.run.info.run,
        stop=stop,
        progress=progress,
        introduce=settings.since != LAST,
    ) as crm:
        if settings.since != LAST:
            result, _ = await _export(work, crm, None, progress, stop)
            return result
        with ExportCursorStore.locked(work.run.store, crm.organization.id, settings) as cursors:
            result, planned = await _export(work, crm, cursors.load(), progress, stop)
            if result.delivered:
                _move_cursor(cursors, planned, progress)
            return result


def _move_cursor(cursors: ExportCursorStore, planned: PlannedRun, progress: Progress) -> None:
    plan = planned.plan
    cursor = ExportCursor(bound=plan.bound, overlap=planned.overlap.remembered, module=planned.module, fields=plan.fields)
    try:
        cursors.save(cursor)
    except OSError as error:
        progress.tell(f"The export cursor could not be stored ({error.strerror}): the next export repeats this one.")


async def _export(
    work: ExportRun, crm: CrmSession, cursor: ExportCursor | None, progress: Progress, stop: StopSignal
) -> tuple[ExportResult, PlannedRun]:
    settings, journal = work.settings, work.run.journal
    module = cursor.module if cursor is not None else await crm.module(settings.crm_module)
    require_organization(work.run.info.run, crm, work.run.info.org)
    user = crm.user.id if crm.user else ""
    journal.bind_account(org=crm.organization.id, user=user, crm_module=module.api_name)
    records = RecordReadClient(crm.api_client, crm_module=module.api_name, converted=settings.converted)
    reader = RecordReadCalls(records, crm.caller, crm_module=module.api_name)
    planned = await _plan(work, crm, reader, module=module, cursor=cursor, progress=progress)
    if settings.since == LAST and journal.export.partitions():
        await stop.sleep(planned.overlap.stable_in_s(crm.service_time_s()))
    output = _output(work, planned, progress)
    pipeline = _build_pipeline(work, planned, crm, reader, output=output, progress=progress, stop=stop)
    delivered = await absorb_stop(_read_and_deliver(work, pipeline, output), stop) or False
    checked = await absorb_stop(_check(work, planned, pipeline, reader, progress), stop) if delivered else None
    result = ExportResult(
        delivered=delivered,
        partitions=list(pipeline.partitions.values()),
        calls=pipeline.calls(),
        seconds=pipeline.seconds(),
        quota=crm.limiter.status(),
        error=await absorb_stop(crm.explain(stop.error), stop),
        recount=checked[0] if checked else None,
        ids=checked[1] if checked else None,
    )
    return result, planned


async def _plan(
    work: ExportRun,
    crm: CrmSession,
    reader: RecordReadCalls,
    *,
    module: CrmModule,
    cursor: ExportCursor | None,
    progress: Progress,
) -> PlannedRun:
    """Return the stored plan, or plan the export and store it."""
    settings, journal = work.settings, work.run.journal.export
    ids = load_requested_ids(work.run.folder) if settings.ids is not None else None
    plan = journal.plan()
    if plan is None and cursor is not None:
        plan = await plan_if_unchanged(reader, cursor, crm, converted=settings.converted)
        if plan is not None:
            journal.begin(plan, [])
        else:
            module = await crm.module(module.api_name)  # its fields may have changed since
    if plan is None:
        decided = await plan_export(settings, reader, module, crm, ids=ids, cursor=cursor, progress=progress)
        plan = decided.plan
        journal.begin(plan, decided.partitions)
    previous = cursor.overlap if cursor is not None else {}
    overlap = OverlapWindow.at(plan.bound, previous=previous, remembered=journal.overlap())
    if cursor is not None and not journal.partitions():
        overlap.remembered.update(cursor.overlap)  # nothing is read, so nothing would be remembered
    return PlannedRun(
        info=work.run.journal.info(),
        plan=plan,
        module=module,
        filter=build_export_filter(settings, module, bound=plan.bound, since=plan.since),
        overlap=overlap,
        ids=ids,
    )


def _build_pipeline(
    work: ExportRun,
    planned: PlannedRun,
    crm: CrmSession,
    reader: RecordReadCalls,
    *,
    output: ExportOutput,
    progress: Progress,
    stop: StopSignal,
) -> ExportPipeline:
    run, info = work.run, planned.info
    partitions = run.journal.export.partitions()
    make_private_folder(run.folder.partitions)
    pagers = PagerFactory(
        crm=crm,
        calls=reader,
        stop=stop,
        settings=work.settings,
        plan=planned.plan,
        selection=planned.filter,
        crm_module=info.crm_module,
        folder=run.folder,
        scratch=run.folder.partitions,
        ids=planned.ids,
    )
    return ExportPipeline(
        ExportPipelineParts(
            run=info.run,
            settings=replace(work.settings, crm_module=info.crm_module),
            partitions=partitions,
            pager=pagers.build(partitions),
            filter=_record_filter(work.settings, planned),
            sink=PartitionSink(
                writer=output.writer(),
                open_file=lambda partition: AppendFile(run.folder.partition(partition.number)),
                journal=run.journal.export,
                overlap=planned.overlap,
            ),
            caller=crm.caller,
            limiter=crm.limiter,
            progress=progress,
            stop=stop,
            wall=time.time,
            save_progress=lambda update: run.journal.commit([update]),
            workers=crm.senders,
            expected=planned.plan.expected or 0,
            worked_s=info.seconds,
            counted=info.calls,
        )
    )


def _record_filter(settings: ExportSettings, planned: PlannedRun) -> PageFilter:
    """Return the filter for records that do not belong to the export: only the list route cannot send the bound."""
    unbound = planned.plan.route == ExportRoute.LIST and planned.ids is None
    bounded: PageFilter = partial(within_bound, bound=planned.plan.bound) if unbound else lambda page: page
    return (lambda page: planned.overlap.only_new(bounded(page))) if settings.since == LAST else bounded


def _output(work: ExportRun, planned: PlannedRun, progress: Progress) -> ExportOutput:
    with_deleted = includes_deleted(work.settings, planned.plan)
    return ExportOutput(
        settings=work.settings,
        columns=output_columns(planned.module, planned.plan.fields, with_deleted=with_deleted),
        run=planned.info.run,
        scratch=work.run.folder.partitions,
        tell=progress.tell,
    )


async def _read_and_deliver(work: ExportRun, pipeline: ExportPipeline, output: ExportOutput) -> bool:
    """Read all partitions and join them into the output; return whether it is complete."""
    await pipeline.run()
    if not pipeline.done:
        return False
    folder = work.run.folder
    parts = [(folder.partition(number), partition.length) for number, partition in sorted(pipeline.partitions.items())]
    await output.deliver(parts, work.out)
    return True


async def _check(
    work: ExportRun, planned: PlannedRun, pipeline: ExportPipeline, reader: RecordReadCalls, progress: Progress
) -> tuple[RecountResult | None, RequestedIdsReport | None]:
    """Report the ids that were not found, or compare with the number of records that the CRM counts now."""
    plan, crm_module = planned.plan, planned.info.crm_module
    if planned.ids is not None:
        report = report_requested_ids(work.run.folder, planned.ids)
        if line := describe_missing_ids(report, crm_module):
            progress.tell(line)
        return None, report
    if plan.since is not None:
        return None, None
    deleted = max(pipeline.partitions) if includes_deleted(work.settings, plan) else -1
    records = sum(partition.records for number, partition in pipeline.partitions.items() if number != deleted)
    return await recount(reader, crm_module, planned.filter, records=records), None


def _result_in_journal(work: ExportRun, *, delivered: bool) -> ExportResult:
    journal = work.run.journal
    info = journal.info()
    return ExportResult(delivered=delivered, partitions=journal.export.partitions(), calls=info.calls, seconds=info.seconds)


def _finish(work: ExportRun, result: ExportResult, stop: StopSignal) -> ExportSummary:
    """Decide how the export ended, make that durable, and return the summary."""
    journal, plan, partitions = work.run.journal, work.run.journal.export.plan(), result.partitions
    records = sum(partition.records for partition in partitions)
    tally = RowCounts(read=records, unchanged=records)
    end = RunEnd(reason=stop.reason, error=result.error or stop.error)
    outcome = decide_outcome(tally, end, input_complete=result.delivered)
    try:
        journal.commit([RunUpdated(status=outcome.status, seconds=result.seconds, calls=result.calls)])
    except BulkZohoError as error:
        outcome = RunOutcome(status=RunStatus.FAILED, exit_code=StopReason.FAILED.exit_code, error=error)
    with_deleted = bool(partitions) and plan is not None and includes_deleted(work.settings, plan)
    totals = ExportTotals(
        tally=tally,
        deleted=partitions[-1].records if with_deleted else 0,
        calls=result.calls,
        seconds=result.seconds,
        quota=result.quota,
        recount=result.recount,
        requested_ids=result.ids,
    )
    return build_export_summary(journal.info(), work.settings, plan, outcome, totals)
