"""Verify a run: build what compares it with the CRM, write the differences down, sum up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from bulkzoho.app.inputs import InputOpener, build_row_transformer, input_parts, read_headers, require_unchanged_inputs
from bulkzoho.app.module_browser import select_account
from bulkzoho.app.run_reports import build_import_summary
from bulkzoho.app.run_users import RunUserCache
from bulkzoho.app.session import CrmSession, open_session
from bulkzoho.domain.compare.differences import ChangedAfterRun, Difference, DifferenceKind, finding_json
from bulkzoho.domain.compare.id_set import IdSet
from bulkzoho.domain.compare.values import comparable_form
from bulkzoho.domain.model.edition_limits import FIELDS_PER_CALL
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import QuotaStatus, RunStatus, Summary
from bulkzoho.domain.model.settings import ImportSettings
from bulkzoho.domain.policy.exit_status import RunOutcome
from bulkzoho.domain.transform.column_plan import ColumnPlan
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.engine.concurrency.coql_reader import CoqlReader, QueryRejectedError
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.lost_replies.record_fetcher import RecordFetcher
from bulkzoho.engine.verifier.duplicates import MOST_STRANGERS, UnexpectedRecords, read_created_between
from bulkzoho.engine.verifier.verifier import Verifier, VerifierParts
from bulkzoho.errors import AccessError, ExitCode, RefusedError, RunFailedError
from bulkzoho.interfaces import Progress
from bulkzoho.storage.files.atomic_write import AtomicFile
from bulkzoho.storage.store.accepted_index import accepted_ids_among
from bulkzoho.storage.store.finished_run import FinishedRun, ResultsFile, load_finished_run
from bulkzoho.storage.store.run_catalog import find_run
from bulkzoho.zoho.api.records_read import RecordReadClient
from bulkzoho.zoho.auth.account_resolver import DEFAULT_ACCOUNT, AccountSelection

__all__ = ["verify_run"]

OTHERS: int = 5  # fields that a query of a window selects by itself, and some to spare


async def verify_run(
    name: str,
    *,
    sample: int | None,
    output: str | None,
    adjust: Callable[[ImportSettings], ImportSettings],
    account: AccountSelection = DEFAULT_ACCOUNT,
    progress: Progress,
    stop: StopSignal,
) -> Summary:
    """Compare what the run called *name* sent with what the CRM holds.

    Args:
        name: Its name, or the beginning of it.
        sample: Accepted rows to compare, evenly spread over the run; None compares all.
        output: Where the differences go, an absolute path; None: into the run's folder.
        adjust: Changes the settings of the quota.
        account: Another account than the run's; it must be of the same organization.
        progress: Whoever watches.
        stop: Ends it early.

    Raises:
        RefusedError: No such run, it is being worked on, its input changed, or the credentials are another organization's.
        BulkZohoError: The CRM cannot be asked.
    """
    run = load_finished_run(find_run(name), adjust)
    chosen = select_account(account.with_fallback(run.facts.settings.get("account", {})))
    require_unchanged_inputs(run.sources)
    began = asyncio.get_running_loop().time()
    path = Path(output) if output is not None else run.folder.path / "differences.jsonl"
    draft = _draft(path)
    try:
        async with open_session(
            run.settings, chosen=chosen, run=f"{run.facts.run}-verify-{os.getpid()}", stop=stop, progress=progress
        ) as crm:
            verifier, now = await _compare(run, crm, draft, sample=sample, progress=progress, stop=stop)
            quota, calls = crm.quota.status(), crm.courier.counts
        if stop.error is not None:
            raise stop.error
        kept = _kept(draft, verifier, always=output is not None)
    finally:
        draft.discard()
    summary = _summary(run, quota, seconds=asyncio.get_running_loop().time() - began, now=now)
    return replace(
        summary,
        calls=calls,
        status=stop.reason.status if stop.reason else RunStatus.COMPLETED,
        exit_code=_exit_code(verifier, stop),
        verify=_verify_json(run, verifier, sampled=sample is not None, path=kept, now=now),
        next=f"bulkzoho verify {run.facts.run}" if stop.reason else "",
    )


async def _compare(
    run: FinishedRun, crm: CrmSession, draft: AtomicFile, *, sample: int | None, progress: Progress, stop: StopSignal
) -> tuple[Verifier, int | None]:
    if crm.organization.id != run.facts.org:
        raise RefusedError(
            f"run {run.facts.run} belongs to organization {run.facts.org}; these credentials are for {crm.organization.id}.",
            hint="Use the credentials of the run's organization.",
            code="OTHER_ORGANIZATION",
        )
    module = await crm.module(run.facts.crm_module)
    letters = run.facts.command == "replay"
    plan = InputOpener(settings=run.settings, folder=run.folder, letters=letters, only_codes=run.only_codes)
    looks, _ = await read_headers(plan, run.sources, live=False, stop=stop)
    shaper = build_row_transformer(module, run.settings, run=run.facts.run, letters=letters, time_zone=crm.organization.time_zone)
    users = RunUserCache(crm, run.folder.users, fallback=run.settings.owner_fallback)
    await users.introduce(shaper, tell=progress.tell)
    plans = [shaper.plan_header(look.header, source=look.name, expanding=look.expanding) for look in looks]
    rows = ResultsFile(run)
    ids = await asyncio.to_thread(rows.ids)
    coql = CoqlReader(RecordReadClient(crm.transport, crm_module=module.api_name), crm.courier, crm_module=module.api_name)
    progress.tell(f"Comparing {min(sample or len(ids), len(ids)):,} of {len(ids):,} accepted rows.")
    strangers = await _strangers(run, crm, module, coql, plans, ids=ids, progress=progress) if sample is None else None
    verifier = Verifier(
        VerifierParts(
            inputs=input_parts(plan, run.sources, [RowRanges() for _ in run.sources], {}),
            names=[source.name for source in run.sources],
            shaper=shaper,
            read_users=users.read,
            rows=rows,
            ids=ids,
            crm_module=module,
            holdings=RecordFetcher(coql),
            strangers=strangers,
            later=ChangedAfterRun(ended_s=run.ended_s, user_id=run.facts.user or None),
            sample=sample,
            keep=DifferenceWriter(draft, run.facts.run).keep,
            readers=crm.senders,
            tell=progress.tell,
            stop=stop,
        )
    )
    await verifier.run()
    return verifier, None if stop.requested else await crm.count(module.api_name)


async def _strangers(
    run: FinishedRun,
    crm: CrmSession,
    module: CrmModule,
    coql: CoqlReader,
    plans: Sequence[ColumnPlan],
    *,
    ids: IdSet,
    progress: Progress,
) -> UnexpectedRecords | None:
    """Read what this user made during the run and no row is known to have, if the run makes records."""
    if run.settings.operation not in (Operation.INSERT, Operation.UPSERT) or not run.facts.user or not len(ids):
        return None
    columns = chain.from_iterable(
        (*(one.field for one in plan.columns), *(field for field, _ in plan.constants)) for plan in plans
    )
    fields = {one.api_name: one for one in columns if one.api_name != "id" and comparable_form(one) is not None}
    names = sorted(fields, key=lambda name: not fields[name].mandatory)[: FIELDS_PER_CALL - OTHERS]
    if not names:
        return None
    found = UnexpectedRecords(module, names)

    def is_known(some: Sequence[str]) -> set[str]:
        here = {one for one in some if one in ids}
        rest = [one for one in some if one not in here]
        return here | (accepted_ids_among(crm.organization.id, module.api_name, rest) if rest else set())

    try:
        async for page in read_created_between(coql, run.window, names):
            found.take(page, run.window, user_id=run.facts.user, is_known=is_known)
            if found.overflowed:
                progress.tell(
                    f"More than {MOST_STRANGERS:,} other records were made during the run; doubles are sought among these."
                )
                break
    except (AccessError, QueryRejectedError) as error:
        why = error.message if isinstance(error, AccessError) else error.reason
        progress.tell(f"Doubles cannot be looked for ({why}).")
        return None
    return found


class DifferenceWriter:
    """Writes findings down."""

    def __init__(self, draft: AtomicFile, run: str) -> None:
        self._draft = draft
        self._run = run

    def keep(self, findings: Sequence[Difference]) -> None:
        """Write *findings*.

        Raises:
            RunFailedError: The disk is full, or the like.
        """
        try:
            self._draft.write(b"".join(encode_json(finding_json(one, run=self._run)) + b"\n" for one in findings))
        except OSError as error:
            raise _cannot_write(self._draft.path, error) from error


def _draft(path: Path) -> AtomicFile:
    try:
        return AtomicFile(path)
    except OSError as error:
        raise RefusedError(
            f"{path}: cannot be written ({error.strerror}).",
            hint="Name a file in a folder that you may write to.",
            code="CANNOT_WRITE",
        ) from error


def _cannot_write(path: Path, error: OSError) -> RunFailedError:
    return RunFailedError(f"{path}: cannot be written ({error.strerror}).", hint="Make room, then verify again.")


def _kept(draft: AtomicFile, verifier: Verifier, *, always: bool) -> str | None:
    """Put the differences in their place; a file of an earlier time does not survive a run that agrees by now."""
    if not (always or verifier.findings.differs):
        draft.path.unlink(missing_ok=True)
        return None
    try:
        draft.commit()
    except OSError as error:
        raise _cannot_write(draft.path, error) from error
    return str(draft.path)


def _exit_code(verifier: Verifier, stop: StopSignal) -> ExitCode:
    if stop.reason is not None:
        return stop.reason.exit_code
    return ExitCode.DEAD_LETTERS if verifier.findings.differs else ExitCode.ACCEPTED


def _summary(run: FinishedRun, quota: QuotaStatus, *, seconds: float, now: int | None) -> Summary:
    summary = build_import_summary(
        run.folder,
        run.facts,
        run.settings,
        RunOutcome(status=RunStatus.COMPLETED, exit_code=ExitCode.ACCEPTED, error=None),
        run.tally,
        sources=run.sources,
        calls=run.facts.calls,
        seconds=seconds,
        quota=quota,
        crm_after=now,
    )
    return replace(summary, command="verify")


def _verify_json(run: FinishedRun, verifier: Verifier, *, sampled: bool, path: str | None, now: int | None) -> dict[str, Any]:
    findings, before, tally = verifier.findings, run.facts.crm_before, run.tally
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
        "doubles": findings.rows[DifferenceKind.DOUBLE],
        "not_compared": tally.accepted - verifier.seen + verifier.passed_over,
        "fields": dict(findings.fields.most_common()),
        "unread_fields": list(verifier.unread_fields),
        "records": {"before": before, "expected": expected, "now": now},
        "differences": path,
    }
