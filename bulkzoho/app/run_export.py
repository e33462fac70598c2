"""One export from its folder to its summary."""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from bulkzoho.app.export_ids import RequestedIdsReport, load_requested_ids, report_requested_ids
from bulkzoho.app.pager_factory import PagerFactory
from bulkzoho.app.run_log import RUN_LOG, log_run_finished, log_run_started, open_run_log
from bulkzoho.app.run_reports import write_report
from bulkzoho.app.session import CrmSession, open_session
from bulkzoho.domain.coql.export_filter import ExportFilter, within_bound
from bulkzoho.domain.model.export import LAST, ExportPlan, ExportRoute, ExportSettings, ExportSummary, Partition
from bulkzoho.domain.model.journal_events import Change, InputInfo, InputProgressed, RunUpdated, ShipmentSent, ShipmentSettled
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import QuotaStatus, RunStatus, StopReason
from bulkzoho.domain.model.settings import ImportSettings
from bulkzoho.domain.policy.exit_status import RunOutcome, ending_of
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal, stop_reason
from bulkzoho.engine.exporter.incremental import ExportCursor, ExportCursorStore, OverlapJournal, OverlapWindow
from bulkzoho.engine.exporter.pipeline import ExportPipeline, ExportPipelineParts, Keep
from bulkzoho.engine.exporter.planner import build_export_filter, includes_deleted, plan_export, plan_if_unchanged
from bulkzoho.engine.exporter.record_api import RecordReadCalls
from bulkzoho.engine.exporter.recount import RecountResult, export_summary, recount
from bulkzoho.errors import BulkZohoError, RefusedError
from bulkzoho.formats.export_output import ExportOutput, output_columns
from bulkzoho.formats.part_joiner import ByteSink
from bulkzoho.interfaces import Progress
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.store.run_catalog import RunFolder
from bulkzoho.storage.store.sqlite_export_journal import SqliteExportJournal
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from bulkzoho.zoho.api.records_read import RecordReadClient
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount

__all__ = ["ExportRun", "carry_out_export"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRun:
    """An export whose folder, lock and journal are there."""

    folder: RunFolder
    journal: SqliteJournal
    pages: SqliteExportJournal
    settings: ExportSettings
    chosen: ResolvedAccount
    out: ByteSink


async def carry_out_export(work: ExportRun, *, progress: Progress, stop: StopSignal) -> ExportSummary:
    """Work on the export until its end or until it is stopped, whatever happens, and sum it up.

    Raises:
        RefusedError: Before anything was read: module, field, route, another organization.
    """
    with open_run_log(work.folder.path / RUN_LOG):
        log_run_started(work.journal.facts())
        summary = await _export_to_summary(work, progress=progress, stop=stop)
        log_run_finished(summary)
        return summary


async def _export_to_summary(work: ExportRun, *, progress: Progress, stop: StopSignal) -> ExportSummary:
    carrier = ExportRunner(work, progress, stop)
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
        pass  # stopped while connecting, or before the last count
    except RefusedError:
        raise
    except BulkZohoError as error:
        stop.request(stop_reason(error), error)
    finally:
        stop.bind(None)
    return carrier.sum_up()


class ExportRunner:
    """The parts of one export while it is worked on, and what is left of them for the summary."""

    def __init__(self, work: ExportRun, progress: Progress, stop: StopSignal) -> None:
        self._work = work
        self._progress = progress
        self._stop = stop
        self._facts = work.journal.facts()
        kept = work.pages.plan()
        self._plan = None if kept is None else ExportPlan(**{**kept, "fields": tuple(kept["fields"]), "notes": ()})
        self._pipe: ExportPipeline | None = None
        self._quota: QuotaStatus | None = None
        self._counted: RecountResult | None = None
        self._delivered = False
        self._module: CrmModule | None = None
        self._edge: OverlapWindow | None = None
        self._ids = load_requested_ids(work.folder) if work.settings.ids is not None else None
        self._found: RequestedIdsReport | None = None

    async def carry_out(self) -> None:
        told = self._work.settings
        if self._facts.status is RunStatus.COMPLETED:
            self._delivered = True
            return
        settings = ImportSettings(inputs=(), crm_module="", quota=told.quota, give_up_after_s=told.give_up_after_s)
        async with open_session(
            settings,
            chosen=self._work.chosen,
            run=self._facts.run,
            stop=self._stop,
            progress=self._progress,
            introduce=told.since != LAST,
        ) as crm:
            if told.since != LAST:
                await self._export(crm, None)
                return
            with ExportCursorStore.held(crm.organization.id, told.crm_module, told) as state:
                kept = state.load()
                await self._export(crm, kept)
                if self._delivered:
                    self._move_on(state)

    async def _export(self, crm: CrmSession, kept: ExportCursor | None) -> None:
        module = kept.module if kept is not None else await crm.module(self._work.settings.crm_module)
        self._know_account(crm, module)
        told = self._work.settings
        records = RecordReadClient(crm.transport, crm_module=module.api_name, converted=told.converted)
        reader = RecordReadCalls(records, crm.courier, crm_module=module.api_name)
        if self._plan is None and kept is not None:
            self._plan = await plan_if_unchanged(reader, kept, crm, converted=told.converted)
            if self._plan is not None:
                self._work.pages.begin(asdict(self._plan), [])
            else:
                module = await crm.module(module.api_name)  # fields may have come or gone since
        if self._plan is None:
            decided = await plan_export(told, reader, module, crm, ids=self._ids, kept=kept, progress=self._progress)
            self._plan = decided.plan
            self._work.pages.begin(asdict(decided.plan), decided.strands)
        self._module = module
        plan, before = self._plan, kept.edge if kept is not None else {}
        self._edge = OverlapWindow.of(plan.bound, before, gathered=self._work.pages.edge())
        if kept is not None and not self._work.pages.strands():
            self._edge.gathered.update(kept.edge)  # nothing is read, so nothing would be remembered
        if told.since == LAST and self._work.pages.strands():
            await self._stop.sleep(self._edge.settles_in_s(time.time() + crm.courier.skew_s))
        selection = build_export_filter(told, module, bound=plan.bound, since=plan.since)
        pipe = await self._read(crm, reader, plan, selection)
        if pipe.done:
            await self._deliver(plan, pipe)
            await self._account_for(reader, module.api_name, plan, selection, pipe)

    async def _account_for(
        self, reader: RecordReadCalls, crm_module: str, plan: ExportPlan, selection: ExportFilter, pipe: ExportPipeline
    ) -> None:
        """Say what became of the ids that were asked for, or how many records the CRM counts now."""
        if self._ids is not None:
            self._found = report_requested_ids(self._work.folder, self._ids)
            if line := self._found.line(crm_module):
                self._progress.tell(line)
        elif plan.since is None:
            gone = max(pipe.strands) if includes_deleted(self._work.settings, plan) else -1
            records = sum(one.records for number, one in pipe.strands.items() if number != gone)
            self._counted = await recount(reader, crm_module, selection, records=records)

    def _move_on(self, state: ExportCursorStore) -> None:
        assert self._plan is not None
        assert self._module is not None
        assert self._edge is not None
        plan = self._plan
        try:
            state.keep(ExportCursor(bound=plan.bound, edge=self._edge.gathered, module=self._module, fields=plan.fields))
        except OSError as error:
            self._progress.tell(f"Where to go on from could not be kept ({error.strerror}): the next export repeats this one.")

    def _know_account(self, crm: CrmSession, module: CrmModule) -> None:
        known, org = self._facts.org, crm.organization.id
        if known and known != org:
            raise RefusedError(
                f"run {self._facts.run} belongs to organization {known}; these credentials are for {org}.",
                hint="Use the credentials of the first organization.",
                code="OTHER_ORGANIZATION",
            )
        user = crm.user.id if crm.user else ""
        self._work.journal.name_account(org=org, user=user, crm_module=module.api_name, crm_before=None)
        self._facts = self._work.journal.facts()

    async def _read(self, crm: CrmSession, reader: RecordReadCalls, plan: ExportPlan, selection: ExportFilter) -> ExportPipeline:
        work, facts, edge = self._work, self._facts, self._edge
        assert edge is not None
        strands = work.pages.strands()
        _strand_folder(work.folder).mkdir(mode=0o700, exist_ok=True)
        reading = PagerFactory(
            crm=crm,
            reader=reader,
            stop=self._stop,
            told=work.settings,
            plan=plan,
            selection=selection,
            crm_module=facts.crm_module,
            folder=work.folder,
            scratch=_strand_folder(work.folder),
            ids=self._ids,
        )
        pipe = self._pipe = ExportPipeline(
            ExportPipelineParts(
                run=facts.run,
                settings=replace(work.settings, crm_module=facts.crm_module),
                strands=strands,
                pages=reading.pages(strands),
                keep=self._keep(plan, edge),
                writer=self._writing(plan).writer(),
                open_file=lambda strand: AppendFile(_strand_file(work.folder, strand)),
                journal=OverlapJournal(work.pages, edge),
                courier=crm.courier,
                quota=crm.quota,
                progress=self._progress,
                stop=self._stop,
                wall=time.time,
                vitals=lambda moved: work.journal.commit([moved]),
                workers=crm.senders,
                expected=plan.expected or 0,
                worked_s=facts.seconds,
                counted=facts.calls,
            )
        )
        try:
            await pipe.run()
        finally:
            self._quota = crm.quota.status()
        return pipe

    def _keep(self, plan: ExportPlan, edge: OverlapWindow) -> Keep:
        """Give what drops records that do not belong to the export: the list alone is not told its bound in time."""
        unbound = plan.route == ExportRoute.LIST and self._ids is None
        bounded: Keep = partial(within_bound, bound=plan.bound) if unbound else lambda page: page
        return (lambda page: edge.only_new(bounded(page))) if self._work.settings.since == LAST else bounded

    async def _deliver(self, plan: ExportPlan, pipe: ExportPipeline) -> None:
        parts = [(_strand_file(self._work.folder, one), one.length) for _, one in sorted(pipe.strands.items())]
        await self._writing(plan).deliver(parts, self._work.out)
        self._delivered = True

    def _writing(self, plan: ExportPlan) -> ExportOutput:
        assert self._module is not None
        told = self._work.settings
        return ExportOutput(
            told=told,
            columns=output_columns(self._module, plan.fields, with_deleted=includes_deleted(told, plan)),
            run=self._facts.run,
            scratch=_strand_folder(self._work.folder),
            tell=self._progress.tell,
        )

    def sum_up(self) -> ExportSummary:
        """Decide how it ended, write that down, and give the summary."""
        work, pipe = self._work, self._pipe
        strands = list(pipe.strands.values()) if pipe else work.pages.strands()
        records = sum(one.records for one in strands)
        tally = RowCounts(read=records, unchanged=records)
        reason = (
            None if self._delivered and self._stop.reason in (StopReason.SIGNAL, StopReason.TIME_IS_UP) else self._stop.reason
        )
        ending = ending_of(tally, reason=reason, error=self._stop.error, damage=None, input_complete=self._delivered)
        seconds = pipe.seconds() if pipe else self._facts.seconds
        calls = pipe.calls() if pipe else self._facts.calls
        moved = RunUpdated(status=ending.status, seconds=seconds, calls=calls)
        new = not work.journal.last_id()
        try:
            work.journal.commit([moved, *(_outcome(self._facts.crm_module, records) if self._delivered and new else ())])
        except BulkZohoError as error:
            ending = RunOutcome(status=RunStatus.FAILED, exit_code=StopReason.FAILED.exit_code, error=error)
        summary = export_summary(
            self._facts,
            work.settings,
            self._plan,
            ending=ending,
            tally=tally,
            calls=calls,
            seconds=seconds,
            quota=self._quota,
            counted=self._counted,
            found=self._found,
            deleted=strands[-1].records if strands and self._plan and includes_deleted(work.settings, self._plan) else 0,
        )
        write_report(work.folder, summary)
        if ending.status is RunStatus.COMPLETED:
            with suppress(OSError):
                shutil.rmtree(_strand_folder(work.folder))
        return summary


def _outcome(crm_module: str, records: int) -> list[Change]:
    """Give what lists of runs show of it: rows that were read, all of them settled without a change."""
    source = InputInfo(index=0, path="", name=crm_module, rows_read=records, complete=True)
    if not records:
        return [InputProgressed(facts=source)]
    rows = [(1, records)]
    sent = ShipmentSent(id=1, source=0, rows=rows, attempt=1, at=time.time())
    return [InputProgressed(facts=source), sent, ShipmentSettled(id=1, rows=rows, tally=RowCounts(unchanged=records))]


def _strand_folder(folder: RunFolder) -> Path:
    return folder.path / "strands"


def _strand_file(folder: RunFolder, strand: Partition) -> Path:
    return _strand_folder(folder) / f"{strand.number:06}"
