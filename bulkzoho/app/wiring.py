"""Wiring of an import and of the API client: build the real parts and hand them to each other."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bulkzoho.app.run_files import build_formatter
from bulkzoho.domain.model.journal_events import InputInfo, RunInfo
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.settings import ImportSettings, InDoubtPolicy
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.engine.concurrency.coql_reader import CoqlReader
from bulkzoho.engine.concurrency.run_monitor import RunContext, RunMonitor
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.importer.pipeline import ImportPipeline, ImportPipelineParts
from bulkzoho.engine.importer.reader import InputParts, ReadUsers, ReplayFilter, RunInput
from bulkzoho.engine.importer.recorder import OutcomeFiles, OutcomeRecorder, RecorderParts
from bulkzoho.engine.importer.result_lines import LetterContext
from bulkzoho.engine.importer.superseded import SupersededCheck, SupersededParts
from bulkzoho.engine.lost_replies.insert_lookup import CoqlInsertLookup, InsertLookupParts
from bulkzoho.engine.lost_replies.protocols import ConflictCheck, InsertLookup, LostReplyChecks, ResendInterpreter
from bulkzoho.engine.lost_replies.record_fetcher import RecordFetcher
from bulkzoho.engine.lost_replies.resent_calls import DeleteResendInterpreter, UpsertResendInterpreter
from bulkzoho.engine.lost_replies.update_conflicts import UpdateConflicts
from bulkzoho.interfaces import Progress
from bulkzoho.storage.store.accepted_index import AcceptedRowIndex, accepted_ids_among
from bulkzoho.storage.store.home import current_home
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.metadata_api import MetadataClient
from bulkzoho.zoho.api.records_read import RecordReadClient
from bulkzoho.zoho.api.records_write import RecordWriteRoute
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount
from bulkzoho.zoho.auth.token_cache import TokenCache
from bulkzoho.zoho.auth.token_provider import TokenProvider
from bulkzoho.zoho.http.http_client import HttpClient

if TYPE_CHECKING:  # both build on this module
    from bulkzoho.app.run_lifecycle import OpenRun
    from bulkzoho.app.session import CrmSession

__all__ = [
    "ApiClientParts",
    "ImportContext",
    "build_import_pipeline",
    "build_monitor",
    "build_recorder",
    "open_api_client",
    "token_cache_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiClientParts:
    """The parts between an account and its CRM; none of them waits for a quota."""

    chosen: ResolvedAccount
    http: HttpClient
    tokens: TokenProvider
    api_client: ApiClient
    crm: MetadataClient


@asynccontextmanager
async def open_api_client(chosen: ResolvedAccount, *, oldest_token_s: float = math.inf) -> AsyncIterator[ApiClientParts]:
    """Open a client for the account *chosen* while the context lasts."""
    settings = chosen.settings
    async with HttpClient(connect_timeout_s=settings.connect_timeout_s) as http:
        cache = token_cache_of(chosen)
        tokens = TokenProvider(
            settings, http=http, cache=cache, client_credentials=chosen.client_credentials, max_age_s=oldest_token_s
        )
        api_client = ApiClient(settings, http=http, tokens=tokens)
        yield ApiClientParts(chosen=chosen, http=http, tokens=tokens, api_client=api_client, crm=MetadataClient(api_client))


def token_cache_of(chosen: ResolvedAccount) -> TokenCache:
    """Return the cache of the account's access token, shared by all processes that use this state directory."""
    organization = chosen.client_credentials.organization if chosen.client_credentials else ""
    return TokenCache(current_home().tokens, chosen.settings, organization=organization)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportContext:
    """An import that may start: everything that could refuse it has been checked."""

    run: OpenRun
    info: RunInfo  #: bound to its organization
    settings: ImportSettings  #: with the module's API name
    is_replay: bool
    module: CrmModule
    inputs: Sequence[InputInfo]
    columns: tuple[str, ...]  #: of all inputs
    transformer: RowTransformer
    read_users: ReadUsers
    history: ReplayFilter | None  #: of a replay
    crm: CrmSession
    progress: Progress
    stop: StopSignal
    disk: Executor  #: waits for the disk


def build_monitor(context: ImportContext) -> RunMonitor:
    """Build the monitor of an import, which counts its calls and seconds."""
    parts = RunContext(
        run=context.info.run,
        caller=context.crm.caller,
        limiter=context.crm.limiter,
        progress=context.progress,
        stop=context.stop,
        wall=time.time,
        worked_s=context.info.seconds,
        counted=context.info.calls,
    )
    return RunMonitor(parts, window=context.settings.window, longest_s=context.settings.max_duration_s)


def build_recorder(context: ImportContext, files: OutcomeFiles, monitor: RunMonitor) -> OutcomeRecorder:
    """Build the recorder of an import, which writes to *files* and to the run's journal."""
    settings = context.settings
    facts = LetterContext(
        run=context.info.run,
        crm_module=settings.crm_module,
        operation=settings.operation,
        match_on=settings.match_on,
        trigger=",".join(settings.trigger) or "none",
        org=context.info.org,
    )
    names = [source.name for source in context.inputs]
    return OutcomeRecorder(
        RecorderParts(
            journal=context.run.journal,
            files=files,
            formatter=build_formatter(files, facts, header=context.columns, sources=names, import_key=settings.import_key),
            sources=context.inputs,
            wall=time.time,
            clock_skew=lambda: context.crm.caller.skew_s,
            run_update=monitor.run_update,
            senders=context.crm.senders,
            thread=context.disk,
        )
    )


def build_import_pipeline(
    context: ImportContext, recorder: OutcomeRecorder, monitor: RunMonitor, inputs: Sequence[RunInput]
) -> ImportPipeline:
    """Build the pipeline of an import, which reads *inputs*."""
    crm, settings = context.crm, context.settings
    sizes = [source.size for source in context.inputs]
    return ImportPipeline(
        ImportPipelineParts(
            monitor=monitor,
            settings=settings,
            input=InputParts(
                inputs=inputs,
                transformer=context.transformer,
                replay=context.history,
                superseded=_superseded_check(context),
                read_users=context.read_users,
                row_limit=settings.limit,
                batch_records=settings.batch_records,
                bytes_total=None if any(size < 0 for size in sizes) else sum(sizes),
            ),
            route=RecordWriteRoute(
                crm.api_client,
                crm_module=context.module.api_name,
                operation=settings.operation,
                match_on=settings.match_on,
                trigger=settings.trigger,
            ),
            recorder=recorder,
            checks=LostReplyChecks(
                lookup=_insert_lookup(context), conflicts=_conflict_check(context), resends=_resend_interpreter(context)
            ),
            senders=crm.senders,
        )
    )


def _insert_lookup(context: ImportContext) -> InsertLookup | None:
    """Build the lookup of inserts without a response; None if the user only wants a report."""
    crm, module, settings = context.crm, context.module, context.settings
    if settings.on_doubt is InDoubtPolicy.REPORT:
        return None
    return CoqlInsertLookup(
        InsertLookupParts(
            coql=_coql_reader(context),
            crm_module=module,
            user=crm.user,
            unique_fields=[field.api_name for field in module.fields if field.unique],
            match_on=settings.match_on,
            import_key=settings.import_key,
            known_ids=partial(accepted_ids_among, context.run.store, crm.organization.id, module.api_name),
            clock_skew=lambda: crm.caller.skew_s,
            settle_wait_s=settings.call_ends_after_s,
            pause=context.stop.sleep,
            tell=context.progress.tell,
        )
    )


def _resend_interpreter(context: ImportContext) -> ResendInterpreter | None:
    """Build the part that reads the results of resent calls, for operations whose results need it."""
    crm, module, operation = context.crm, context.module.api_name, context.settings.operation
    if operation is Operation.DELETE:
        records = RecordReadClient(crm.api_client, crm_module=module)
        return DeleteResendInterpreter(caller=crm.caller, records=records, crm_module=module, tell=context.progress.tell)
    if operation is Operation.UPSERT:
        return UpsertResendInterpreter(known_ids=partial(accepted_ids_among, context.run.store, crm.organization.id, module))
    return None


def _conflict_check(context: ImportContext) -> ConflictCheck | None:
    """Build the check of records whose update had no response; other operations have none."""
    if context.settings.operation is not Operation.UPDATE:
        return None
    return UpdateConflicts(
        records=RecordFetcher(_coql_reader(context)),
        crm_module=context.module,
        user=context.crm.user,
        tell=context.progress.tell,
    )


def _superseded_check(context: ImportContext) -> SupersededCheck | None:
    """Build the check for rows whose record a later row has changed, for a replay without ``--force``."""
    crm, module, settings = context.crm, context.module, context.settings
    if not context.is_replay or settings.force:
        return None
    return SupersededCheck(
        SupersededParts(
            coql=_coql_reader(context),
            operation=settings.operation,
            key_fields=[field for field in module.fields if field.unique or field.api_name in settings.match_on],
            accepted=AcceptedRowIndex(context.run.store, crm.organization.id, module.api_name),
            tell=context.progress.tell,
        )
    )


def _coql_reader(context: ImportContext) -> CoqlReader:
    records = RecordReadClient(context.crm.api_client, crm_module=context.module.api_name)
    return CoqlReader(records, context.crm.caller, crm_module=context.module.api_name)
