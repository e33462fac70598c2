"""Verify a run: compare its accepted rows with the CRM and write the differences to a file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from bulkzoho.app.credentials import select_account
from bulkzoho.app.inputs import InputOpener, build_row_transformer, input_parts, read_headers, require_unchanged_inputs
from bulkzoho.app.row_rules import require_same_row_rules
from bulkzoho.app.run_import import output_paths
from bulkzoho.app.run_lifecycle import absorb_stop, require_organization
from bulkzoho.app.run_users import RunUserCache
from bulkzoho.app.session import CrmSession, open_session
from bulkzoho.domain.compare.differences import ChangedAfterRun, Difference, DifferenceCounts, DifferenceKind, difference_json
from bulkzoho.domain.compare.id_set import IdSet
from bulkzoho.domain.compare.values import comparable_form
from bulkzoho.domain.model.account import DEFAULT_ACCOUNT, AccountSelection
from bulkzoho.domain.model.limits_and_costs import FIELDS_PER_CALL
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.progress import CallCounts, QuotaStatus
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.model.settings import SessionSettings
from bulkzoho.domain.model.summary import Summary
from bulkzoho.domain.policy.exit_status import RunOutcome
from bulkzoho.domain.summary.import_summary import ImportResult, build_import_summary
from bulkzoho.domain.transform.column_plan import ColumnPlan
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.engine.concurrency.coql_reader import CoqlReader, QueryRejectedError
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.lost_replies.record_fetcher import RecordFetcher
from bulkzoho.engine.verifier.duplicates import MAX_UNEXPECTED, UnexpectedRecords, read_created_between
from bulkzoho.engine.verifier.expected_records import AcceptedRows, RunInputs
from bulkzoho.engine.verifier.verifier import CrmRecords, Verifier, VerifierParts
from bulkzoho.errors import AccessError, BulkZohoError, ExitCode, RefusedError, RunFailedError
from bulkzoho.interfaces import Progress, RunStore
from bulkzoho.storage.files.atomic_write import AtomicFile
from bulkzoho.storage.files.write_errors import NAME_ANOTHER_FILE, write_error
from bulkzoho.storage.store.accepted_index import accepted_ids_among
from bulkzoho.storage.store.finished_run import FinishedRun, ResultsFile, load_finished_run
from bulkzoho.storage.store.open_store import open_store
from bulkzoho.storage.store.run_catalog import find_run
from bulkzoho.zoho.api.records_read import RecordReadClient

__all__ = ["verify_run"]

OTHERS: int = 5  # fields that the query of a window selects itself, and a reserve


async def verify_run(
    name: str,
    *,
    sample: int | None,
    output: str | None,
    quota: Mapping[str, Any],
    account: AccountSelection = DEFAULT_ACCOUNT,
    progress: Progress,
    stop: StopSignal,
) -> Summary:
    """Compare the accepted rows of the run *name* with the records in the CRM.

    Args:
        name: Its name, or the beginning of it.
        sample: Accepted rows to compare, evenly spread over the run; None compares all.
        output: The file for the differences, an absolute path; None: in the run's folder.
        quota: Fields of the run's ``QuotaSettings`` to change.
        account: Another account than the run's; it must belong to the same organization.
        progress: Shows what happens.
        stop: Ends it early.

    Raises:
        RefusedError: No such run, it is running, its input changed, or the credentials are of another organization.
        BulkZohoError: The CRM cannot be read.
    """
    store = open_store()
    run = load_finished_run(store, find_run(store, name), quota)
    chosen = select_account(account.with_fallback(run.info.settings.account))
    require_unchanged_inputs(run.inputs)
    require_same_row_rules(store, run.info.run)
    began = asyncio.get_running_loop().time()
    path = Path(output) if output is not None else run.folder.differences
    draft = _draft(path)
    try:

        async def connect_and_compare() -> Comparison:
            session, process = SessionSettings.of_import(run.settings), f"{run.info.run}-verify-{os.getpid()}"
            async with open_session(session, chosen=chosen, run=process, stop=stop, progress=progress) as crm:
                context = await _open_context(store, run, crm, progress=progress, stop=stop)
                return await _compare(context, draft, sample=sample)

        compared = await absorb_stop(connect_and_compare(), stop)
        result = compared or Comparison()
        if (error := result.error or stop.error) is not None:
            raise error
        kept = None if compared is None else _kept(draft, result.counts, always=output is not None)
    finally:
        draft.discard()
    summary = _summary(run, result, seconds=asyncio.get_running_loop().time() - began)
    return replace(
        summary,
        calls=result.calls,
        status=stop.reason.status if stop.reason else RunStatus.COMPLETED,
        exit_code=_exit_code(result.counts, stop),
        verify=_verify_json(run, result, sampled=sample is not None, path=kept),
        next=f"bulkzoho verify {run.info.run}" if stop.reason else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Result of a comparison; the defaults are those of one that was stopped before it began."""

    counts: DifferenceCounts = field(default_factory=DifferenceCounts)
    rows: int = 0  #: accepted rows that were read again and joined with a record
    unreadable_fields: Sequence[str] = ()
    now: int | None = None  #: records in the module
    quota: QuotaStatus | None = None
    calls: CallCounts = field(default_factory=CallCounts)
    error: BulkZohoError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyContext:
    """A run and the CRM that it is compared with."""

    store: RunStore
    run: FinishedRun
    crm: CrmSession
    module: CrmModule
    coql: CoqlReader
    progress: Progress
    stop: StopSignal


async def _open_context(
    store: RunStore, run: FinishedRun, crm: CrmSession, *, progress: Progress, stop: StopSignal
) -> VerifyContext:
    require_organization(run.info.run, crm, run.info.org)
    module = await crm.module(run.info.crm_module)
    records = RecordReadClient(crm.api_client, crm_module=module.api_name)
    coql = CoqlReader(records, crm.caller, crm_module=module.api_name)
    return VerifyContext(store=store, run=run, crm=crm, module=module, coql=coql, progress=progress, stop=stop)


async def _compare(context: VerifyContext, draft: AtomicFile, *, sample: int | None) -> Comparison:
    """Compare until the end or until stopped; return the differences found by then."""
    run, crm, module, tell = context.run, context.crm, context.module, context.progress.tell
    opener = InputOpener(settings=run.settings, folder=run.folder, letters=run.is_replay, only_codes=run.only_codes)
    headers, _ = await read_headers(opener, run.inputs, live=False, stop=context.stop)
    transformer = build_row_transformer(
        module, run.settings, run=run.info.run, letters=run.is_replay, time_zone=crm.organization.time_zone
    )
    users = RunUserCache(crm, run.folder.users, fallback=run.settings.owner_fallback)
    await users.preload(transformer, tell=tell)
    plans = [transformer.plan_header(header.header, source=header.name, expanding=header.expanding) for header in headers]
    rows = ResultsFile(run)
    ids = await asyncio.to_thread(rows.ids)
    tell(f"Comparing {min(sample or len(ids), len(ids)):,} of {len(ids):,} accepted rows.")
    verifier = Verifier(
        VerifierParts(
            inputs=RunInputs(
                inputs=input_parts(opener, run.inputs, [RowRanges() for _ in run.inputs], {}),
                names=[source.name for source in run.inputs],
                transformer=transformer,
                read_users=users.read,
            ),
            accepted=AcceptedRows(results=rows, ids=ids),
            crm=CrmRecords(
                crm_module=module,
                fetcher=RecordFetcher(context.coql),
                unexpected=await _unexpected_records(context, plans, ids) if sample is None else None,
                changed_after=ChangedAfterRun(ended_s=run.ended_s, user_id=run.info.user or None),
            ),
            sample=sample,
            workers=crm.senders,
            save=DifferenceWriter(draft, run.info.run).keep,
            tell=tell,
            stop=context.stop,
        )
    )

    async def run_and_count() -> int | None:
        await verifier.run()
        return None if context.stop.requested else await crm.count(module.api_name)

    now = await absorb_stop(run_and_count(), context.stop)
    return Comparison(
        counts=verifier.counts,
        rows=verifier.expected.rows - verifier.expected.ambiguous_rows,
        unreadable_fields=verifier.unreadable_fields,
        now=now,
        quota=crm.limiter.status(),
        calls=crm.caller.counts,
        error=await absorb_stop(crm.explain(context.stop.error), context.stop),
    )


async def _unexpected_records(context: VerifyContext, plans: Sequence[ColumnPlan], ids: IdSet) -> UnexpectedRecords | None:
    """Read the records that this user created during the run and no row accounts for, if the run creates records."""
    run, user = context.run, context.run.info.user
    if run.settings.operation not in (Operation.INSERT, Operation.UPSERT) or not user or not len(ids):
        return None
    columns = chain.from_iterable(
        (*(column.field for column in plan.columns), *(field for field, _ in plan.constants)) for plan in plans
    )
    fields = {field.api_name: field for field in columns if field.api_name != "id" and comparable_form(field) is not None}
    names = sorted(fields, key=lambda name: not fields[name].mandatory)[: FIELDS_PER_CALL - OTHERS]
    if not names:
        return None
    found = UnexpectedRecords(context.module, names)

    def known_ids(some: Sequence[str]) -> set[str]:
        here = {record_id for record_id in some if record_id in ids}
        rest = [record_id for record_id in some if record_id not in here]
        org, crm_module = context.crm.organization.id, context.module.api_name
        return here | (accepted_ids_among(context.store, org, crm_module, rest) if rest else set())

    try:
        async for page in read_created_between(context.coql, run.window, names):
            found.add_page(page, run.window, user_id=user, known_ids=known_ids)
            if found.overflowed:
                context.progress.tell(
                    f"More than {MAX_UNEXPECTED:,} other records were created during the run; only these are checked."
                )
                break
    except (AccessError, QueryRejectedError) as error:
        reason = error.message if isinstance(error, AccessError) else error.reason
        context.progress.tell(f"Duplicates cannot be searched ({reason}).")
        return None
    return found


class DifferenceWriter:
    """Writes differences as JSON Lines."""

    def __init__(self, draft: AtomicFile, run: str) -> None:
        self._draft = draft
        self._run = run

    def keep(self, findings: Sequence[Difference]) -> None:
        """Write *findings*.

        Raises:
            RunFailedError: The disk is full, or the like.
        """
        try:
            self._draft.write(
                b"".join(encode_json(difference_json(difference, run=self._run)) + b"\n" for difference in findings)
            )
        except OSError as error:
            raise _cannot_write(self._draft.path, error) from error


def _draft(path: Path) -> AtomicFile:
    try:
        return AtomicFile(path)
    except OSError as error:
        raise write_error(RefusedError, path, error, hint=NAME_ANOTHER_FILE) from error


def _cannot_write(path: Path, error: OSError) -> RunFailedError:
    return write_error(RunFailedError, path, error, hint="Make room, then verify again.")


def _kept(draft: AtomicFile, counts: DifferenceCounts, *, always: bool) -> str | None:
    """Return the file of differences, or remove an older one if there are none now."""
    if not (always or counts.differs):
        draft.path.unlink(missing_ok=True)
        return None
    try:
        draft.commit()
    except OSError as error:
        raise _cannot_write(draft.path, error) from error
    return str(draft.path)


def _exit_code(counts: DifferenceCounts, stop: StopSignal) -> ExitCode:
    if stop.reason is not None:
        return stop.reason.exit_code
    return ExitCode.DEAD_LETTERS if counts.differs else ExitCode.ACCEPTED


def _summary(run: FinishedRun, compared: Comparison, *, seconds: float) -> Summary:
    result = ImportResult(
        tally=run.tally,
        inputs=run.inputs,
        calls=run.info.calls,
        seconds=seconds,
        quota=compared.quota,
        crm_after=compared.now,
    )
    outcome = RunOutcome(status=RunStatus.COMPLETED, exit_code=ExitCode.ACCEPTED)
    paths = output_paths(run.folder, run.settings)
    return replace(build_import_summary(run.info, outcome, result, paths, limit=run.settings.limit), command="verify")


def _verify_json(run: FinishedRun, compared: Comparison, *, sampled: bool, path: str | None) -> dict[str, Any]:
    findings, before, tally = compared.counts, run.info.crm_before, run.tally
    expected = None if before is None else before + tally.created - tally.deleted
    return {
        "sampled": sampled,
        "compared": findings.compared,
        "same": findings.same,
        **{
            kind.value: findings.rows[kind]
            for kind in (
                DifferenceKind.DIFFERENT,
                DifferenceKind.CHANGED_SINCE,
                DifferenceKind.MISSING,
                DifferenceKind.STILL_THERE,
            )
        },
        "doubles": findings.rows[DifferenceKind.DUPLICATE],
        "not_compared": tally.accepted - compared.rows,
        "fields": dict(findings.fields.most_common()),
        "unread_fields": list(compared.unreadable_fields),
        "records": {"before": before, "expected": expected, "now": compared.now},
        "differences": path,
    }
