"""One export from its folder to its summary."""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from bulkzoho.assembly.connecting import Connected, connect
from bulkzoho.assembly.export_ending import Counted, counted_again, export_summary
from bulkzoho.assembly.export_ids import FoundIds, found_ids, kept_ids
from bulkzoho.assembly.export_pages import Reading
from bulkzoho.assembly.export_planning import decide, gives_deleted, nothing_changed, selection_of
from bulkzoho.assembly.export_state import Edge, EdgeJournal, ExportState, KeptState
from bulkzoho.assembly.export_writing import Writing, columns_of
from bulkzoho.assembly.finishing import write_report
from bulkzoho.assembly.homes import RunFolder
from bulkzoho.core.ending import Ending, ending_of
from bulkzoho.core.selecting import Selection, within_bound
from bulkzoho.engine.exporting import ExportParts, ExportPipe, Keep
from bulkzoho.engine.pages import Reader
from bulkzoho.engine.stopping import AdmissionClosedError, Stop, reason_of
from bulkzoho.errors import BulkZohoError, RefusedError
from bulkzoho.files.joining import Sink
from bulkzoho.files.tracked import AppendFile
from bulkzoho.journal.export import SqliteExportJournal
from bulkzoho.journal.sqlite import SqliteJournal
from bulkzoho.model.export import (
    LAST,
    ExportPlan,
    ExportSettings,
    ExportSummary,
    Strand,
    WantedRoute,
)
from bulkzoho.model.journal import Change, RunMoved, Sent, Settled, SourceFacts, SourceRead
from bulkzoho.model.metadata import CrmModule
from bulkzoho.model.outcomes import Tally
from bulkzoho.model.run import QuotaStatus, RunStatus, StopReason
from bulkzoho.model.settings import ImportSettings
from bulkzoho.ports import Progress
from bulkzoho.profiles.choosing import Chosen
from bulkzoho.zoho.listing import ZohoRecords

__all__ = ["ExportWork", "carry_out_export"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportWork:
    """An export whose folder, lock and journal are there."""

    folder: RunFolder
    journal: SqliteJournal
    pages: SqliteExportJournal
    settings: ExportSettings
    chosen: Chosen
    out: Sink


async def carry_out_export(work: ExportWork, *, progress: Progress, stop: Stop) -> ExportSummary:
    """Work on the export until its end or until it is stopped, whatever happens, and sum it up.

    Raises:
        RefusedError: Before anything was read: module, field, route, another organization.
    """
    carrier = _Carrier(work, progress, stop)
    stop.bind(asyncio.current_task())
    try:
        await carrier.carry_out()
    except asyncio.CancelledError:
        if not stop.hard:
            raise
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()
    except AdmissionClosedError:
        pass  # stopped while connecting, or before the last count
    except RefusedError:
        raise
    except BulkZohoError as error:
        stop.request(reason_of(error), error)
    finally:
        stop.bind(None)
    return carrier.sum_up()


class _Carrier:
    """The parts of one export while it is worked on, and what is left of them for the summary."""

    def __init__(self, work: ExportWork, progress: Progress, stop: Stop) -> None:
        self._work = work
        self._progress = progress
        self._stop = stop
        self._facts = work.journal.facts()
        kept = work.pages.plan()
        self._plan = None if kept is None else ExportPlan(**{**kept, "fields": tuple(kept["fields"]), "notes": ()})
        self._pipe: ExportPipe | None = None
        self._quota: QuotaStatus | None = None
        self._counted: Counted | None = None
        self._delivered = False
        self._module: CrmModule | None = None
        self._edge: Edge | None = None
        self._ids = kept_ids(work.folder) if work.settings.ids is not None else None
        self._found: FoundIds | None = None

    async def carry_out(self) -> None:
        told = self._work.settings
        if self._facts.status is RunStatus.COMPLETED:
            self._delivered = True
            return
        settings = ImportSettings(inputs=(), crm_module="", quota=told.quota, give_up_after_s=told.give_up_after_s)
        async with connect(
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
            with ExportState.held(crm.organization.id, told.crm_module, told) as state:
                kept = state.load()
                await self._export(crm, kept)
                if self._delivered:
                    self._move_on(state)

    async def _export(self, crm: Connected, kept: KeptState | None) -> None:
        module = kept.module if kept is not None else await crm.module(self._work.settings.crm_module)
        self._know_account(crm, module)
        told = self._work.settings
        records = ZohoRecords(crm.transport, crm_module=module.api_name, converted=told.converted)
        reader = Reader(records, crm.courier)
        if self._plan is None and kept is not None:
            self._plan = await nothing_changed(reader, kept, crm, converted=told.converted)
            if self._plan is not None:
                self._work.pages.begin(asdict(self._plan), [])
            else:
                module = await crm.module(module.api_name)  # fields may have come or gone since
        if self._plan is None:
            decided = await decide(told, reader, module, crm, ids=self._ids, kept=kept, progress=self._progress)
            self._plan = decided.plan
            self._work.pages.begin(asdict(decided.plan), decided.strands)
        self._module = module
        plan, before = self._plan, kept.edge if kept is not None else {}
        self._edge = Edge.of(plan.bound, before, gathered=self._work.pages.edge())
        if kept is not None and not self._work.pages.strands():
            self._edge.gathered.update(kept.edge)  # nothing is read, so nothing would be remembered
        if told.since == LAST and self._work.pages.strands():
            await self._stop.sleep(self._edge.settles_in_s(time.time() + crm.courier.skew_s))
        selection = selection_of(told, module, bound=plan.bound, since=plan.since)
        pipe = await self._read(crm, reader, plan, selection)
        if pipe.done:
            await self._deliver(plan, pipe)
            await self._account_for(reader, module.api_name, plan, selection, pipe)

    async def _account_for(
        self, reader: Reader, crm_module: str, plan: ExportPlan, selection: Selection, pipe: ExportPipe
    ) -> None:
        """Say what became of the ids that were asked for, or how many records the CRM counts now."""
        if self._ids is not None:
            self._found = found_ids(self._work.folder, self._ids)
            if line := self._found.line(crm_module):
                self._progress.tell(line)
        elif plan.since is None:
            gone = max(pipe.strands) if gives_deleted(self._work.settings, plan) else -1
            records = sum(one.records for number, one in pipe.strands.items() if number != gone)
            self._counted = await counted_again(reader, crm_module, selection, records=records)

    def _move_on(self, state: ExportState) -> None:
        assert self._plan is not None
        assert self._module is not None
        assert self._edge is not None
        plan = self._plan
        try:
            state.keep(KeptState(bound=plan.bound, edge=self._edge.gathered, module=self._module, fields=plan.fields))
        except OSError as error:
            self._progress.tell(f"Where to go on from could not be kept ({error.strerror}): the next export repeats this one.")

    def _know_account(self, crm: Connected, module: CrmModule) -> None:
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

    async def _read(self, crm: Connected, reader: Reader, plan: ExportPlan, selection: Selection) -> ExportPipe:
        work, facts, edge = self._work, self._facts, self._edge
        assert edge is not None
        strands = work.pages.strands()
        _strand_folder(work.folder).mkdir(mode=0o700, exist_ok=True)
        reading = Reading(
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
        pipe = self._pipe = ExportPipe(
            ExportParts(
                run=facts.run,
                settings=replace(work.settings, crm_module=facts.crm_module),
                strands=strands,
                pages=reading.pages(strands),
                keep=self._keep(plan, edge),
                writer=self._writing(plan).writer(),
                open_file=lambda strand: AppendFile(_strand_file(work.folder, strand)),
                journal=EdgeJournal(work.pages, edge),
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

    def _keep(self, plan: ExportPlan, edge: Edge) -> Keep:
        """Give what drops records that do not belong to the export: the list alone is not told its bound in time."""
        unbound = plan.route == WantedRoute.LIST and self._ids is None
        bounded: Keep = partial(within_bound, bound=plan.bound) if unbound else lambda page: page
        return (lambda page: edge.only_new(bounded(page))) if self._work.settings.since == LAST else bounded

    async def _deliver(self, plan: ExportPlan, pipe: ExportPipe) -> None:
        parts = [(_strand_file(self._work.folder, one), one.length) for _, one in sorted(pipe.strands.items())]
        await self._writing(plan).deliver(parts, self._work.out)
        self._delivered = True

    def _writing(self, plan: ExportPlan) -> Writing:
        assert self._module is not None
        told = self._work.settings
        return Writing(
            told=told,
            columns=columns_of(self._module, plan.fields, with_deleted=gives_deleted(told, plan)),
            run=self._facts.run,
            scratch=_strand_folder(self._work.folder),
            tell=self._progress.tell,
        )

    def sum_up(self) -> ExportSummary:
        """Decide how it ended, write that down, and give the summary."""
        work, pipe = self._work, self._pipe
        strands = list(pipe.strands.values()) if pipe else work.pages.strands()
        records = sum(one.records for one in strands)
        tally = Tally(read=records, unchanged=records)
        reason = (
            None if self._delivered and self._stop.reason in (StopReason.SIGNAL, StopReason.TIME_IS_UP) else self._stop.reason
        )
        ending = ending_of(tally, reason=reason, error=self._stop.error, damage=None, input_complete=self._delivered)
        seconds = pipe.seconds() if pipe else self._facts.seconds
        calls = pipe.calls() if pipe else self._facts.calls
        moved = RunMoved(status=ending.status, seconds=seconds, calls=calls)
        new = not work.journal.last_id()
        try:
            work.journal.commit([moved, *(_outcome(self._facts.crm_module, records) if self._delivered and new else ())])
        except BulkZohoError as error:
            ending = Ending(status=RunStatus.FAILED, exit_code=StopReason.FAILED.exit_code, error=error)
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
            deleted=strands[-1].records if strands and self._plan and gives_deleted(work.settings, self._plan) else 0,
        )
        write_report(work.folder, summary)
        if ending.status is RunStatus.COMPLETED:
            with suppress(OSError):
                shutil.rmtree(_strand_folder(work.folder))
        return summary


def _outcome(crm_module: str, records: int) -> list[Change]:
    """Give what lists of runs show of it: rows that were read, all of them settled without a change."""
    source = SourceFacts(index=0, path="", name=crm_module, rows_read=records, complete=True)
    if not records:
        return [SourceRead(facts=source)]
    rows = [(1, records)]
    sent = Sent(id=1, source=0, rows=rows, attempt=1, at=time.time())
    return [SourceRead(facts=source), sent, Settled(id=1, rows=rows, tally=Tally(unchanged=records))]


def _strand_folder(folder: RunFolder) -> Path:
    return folder.path / "strands"


def _strand_file(folder: RunFolder, strand: Strand) -> Path:
    return _strand_folder(folder) / f"{strand.number:06}"
