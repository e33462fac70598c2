"""Build what asks the CRM about rows whose calls had no answer."""

from __future__ import annotations

from functools import partial

from bulkzoho.app.session import CrmSession
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.settings import REPLY_TIMEOUT_S, SETTLE_MARGIN_S, ImportSettings, InDoubtPolicy
from bulkzoho.engine.concurrency.coql_reader import CoqlReader
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.importer.sender import ResendInterpreter
from bulkzoho.engine.importer.superseded import SupersededCheck
from bulkzoho.engine.lost_replies.in_doubt import ConflictCheck, InsertLookup
from bulkzoho.engine.lost_replies.insert_lookup import CoqlInsertLookup
from bulkzoho.engine.lost_replies.record_fetcher import RecordFetcher
from bulkzoho.engine.lost_replies.resent_deletes import DeleteResendInterpreter
from bulkzoho.engine.lost_replies.resent_upserts import UpsertResendInterpreter
from bulkzoho.engine.lost_replies.update_conflicts import UpdateConflicts
from bulkzoho.interfaces import Progress
from bulkzoho.storage.store.accepted_index import AcceptedRowIndex, accepted_ids_among
from bulkzoho.zoho.api.records_read import RecordReadClient

__all__ = ["build_conflict_check", "build_insert_lookup", "build_resend_interpreter", "build_superseded_check"]


def build_insert_lookup(
    crm: CrmSession, module: CrmModule, settings: ImportSettings, *, stop: StopSignal, progress: Progress
) -> InsertLookup | None:
    """Give the lookup of one run, or None when the user only wants a report."""
    if settings.on_doubt is InDoubtPolicy.REPORT:
        return None
    wait_s = REPLY_TIMEOUT_S + SETTLE_MARGIN_S if settings.settle_wait_s is None else settings.settle_wait_s
    return CoqlInsertLookup(
        coql=_coql_reader(crm, module),
        crm_module=module,
        user=crm.user,
        unique_fields=[field.api_name for field in module.fields if field.unique],
        match_on=settings.match_on,
        import_key=settings.import_key,
        known_ids=partial(accepted_ids_among, crm.organization.id, module.api_name),
        clock_skew=lambda: crm.courier.skew_s,
        settle_wait_s=wait_s,
        pause=stop.sleep,
        tell=progress.tell,
    )


def build_resend_interpreter(
    crm: CrmSession, module: CrmModule, settings: ImportSettings, *, progress: Progress
) -> ResendInterpreter | None:
    """Give what reads the results of calls that were sent again, where they do not speak for themselves."""
    if settings.operation is Operation.DELETE:
        records = RecordReadClient(crm.transport, crm_module=module.api_name)
        return DeleteResendInterpreter(courier=crm.courier, records=records, crm_module=module.api_name, tell=progress.tell)
    if settings.operation is Operation.UPSERT:
        return UpsertResendInterpreter(known_ids=partial(accepted_ids_among, crm.organization.id, module.api_name))
    return None


def build_conflict_check(
    crm: CrmSession, module: CrmModule, settings: ImportSettings, *, progress: Progress
) -> ConflictCheck | None:
    """Give what looks at the records of a lost update; other operations have none."""
    if settings.operation is not Operation.UPDATE:
        return None
    return UpdateConflicts(
        holdings=RecordFetcher(_coql_reader(crm, module)), crm_module=module, user=crm.user, tell=progress.tell
    )


def build_superseded_check(
    crm: CrmSession, module: CrmModule, settings: ImportSettings, *, letters: bool, progress: Progress
) -> SupersededCheck | None:
    """Give what holds letters back, for a replay that was not told to send them all the same."""
    if not letters or settings.force:
        return None
    return SupersededCheck(
        coql=_coql_reader(crm, module),
        operation=settings.operation,
        key_fields=[field for field in module.fields if field.unique or field.api_name in settings.match_on],
        accepted=AcceptedRowIndex(crm.organization.id, module.api_name),
        tell=progress.tell,
    )


def _coql_reader(crm: CrmSession, module: CrmModule) -> CoqlReader:
    records = RecordReadClient(crm.transport, crm_module=module.api_name)
    return CoqlReader(records, crm.courier, crm_module=module.api_name)
