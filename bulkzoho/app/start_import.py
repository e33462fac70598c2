"""Everything a command can do; the only package that builds real parts.

The command line uses nothing but these functions.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from typing import Any, Final

from bulkzoho.app.accounts import account_status, list_profiles, log_out
from bulkzoho.app.doctor.check_result import CheckStatus
from bulkzoho.app.doctor.runner import run_doctor
from bulkzoho.app.inputs import SENT_BEFORE, STANDARD_INPUT, InputOpener, describe_inputs, require_unchanged_inputs
from bulkzoho.app.iterable_input import Row, run_with_rows
from bulkzoho.app.login import log_in, login_in_browser
from bulkzoho.app.login_exchange import LoginRequest
from bulkzoho.app.module_browser import ModuleDetails, list_fields, list_modules, select_account
from bulkzoho.app.replay import plan_replay
from bulkzoho.app.run_import import ImportRun, run_import
from bulkzoho.app.show_quota import all_quotas, quota_of
from bulkzoho.app.start_export import EXPORT, export_module, resume_export
from bulkzoho.app.verify_run import verify_run
from bulkzoho.domain.model.journal_events import ROWS_NAME, RunInfo
from bulkzoho.domain.model.run import Summary
from bulkzoho.domain.model.settings import ImportSettings, InDoubtPolicy, InputFormat, InputSettings, ReplaySettings
from bulkzoho.domain.model.settings_json import from_json, to_json
from bulkzoho.domain.transform.python_values import Missing, RowEncoder
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.errors import BulkZohoError, RefusedError
from bulkzoho.formats.part_joiner import NOWHERE, ByteSink
from bulkzoho.interfaces import Progress
from bulkzoho.storage.files.file_lock import FileLock
from bulkzoho.storage.files.fsync import sync_folder
from bulkzoho.storage.store.run_catalog import (
    RunFolder,
    find_run,
    home_folder,
    list_runs,
    new_run_folder,
    newest_resumable_run,
    running_runs,
)
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from bulkzoho.zoho.auth.account_resolver import DEFAULT_ACCOUNT, AccountSelection, ResolvedAccount
from bulkzoho.zoho.auth.token_requests import RevocationResult

__all__ = [
    "DEFAULT_ACCOUNT",
    "UNCHANGED",
    "AccountSelection",
    "CheckStatus",
    "LoginRequest",
    "ModuleDetails",
    "RevocationResult",
    "StopSignal",
    "Unchanged",
    "account_status",
    "all_quotas",
    "export_module",
    "home_folder",
    "import_files",
    "import_rows",
    "list_fields",
    "list_modules",
    "list_profiles",
    "list_runs",
    "log_in",
    "log_out",
    "login_in_browser",
    "quota_of",
    "replay_letters",
    "resume_run",
    "run_doctor",
    "running_runs",
    "verify_run",
]


class Unchanged(Enum):
    """The type of :data:`UNCHANGED`."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED
"""A setting that a resume does not give anew."""


async def import_files(
    settings: ImportSettings, *, account: AccountSelection = DEFAULT_ACCOUNT, progress: Progress, stop: StopSignal
) -> Summary:
    """Import files as told; see :class:`bulkzoho.domain.model.settings.ImportSettings`.

    Raises:
        BulkZohoError: Before the run existed: credentials missing, a file, header, module or field refused.
    """
    chosen = select_account(account)  # what is missing is said before there is a run
    folder = new_run_folder(settings.crm_module)
    plan = InputOpener(settings=settings, folder=folder)
    return await _begin(folder, "import", settings, plan, chosen=chosen, progress=progress, stop=stop)


async def import_rows(
    rows: Iterable[Row] | AsyncIterable[Row],
    settings: ImportSettings,
    *,
    missing: Missing = "error",
    account: AccountSelection = DEFAULT_ACCOUNT,
    progress: Progress,
    stop: StopSignal,
) -> Summary:
    """Import *rows* that a program has; ``settings.inputs`` is not looked at.

    They are copied into the run's folder as they are taken, ahead of the calls that carry them, so that the run can be resumed.
    Memory does not grow with their number: they are taken no faster than they are sent.

    Raises:
        BulkZohoError: As :func:`import_files`.
        ValueError: A row that cannot be sent, which ends the run as an error of *rows* does; *missing* is no such word.
        Exception: What *rows* raised; the rows before are sent, the run can not be resumed beyond them.
    """
    encoder = RowEncoder(missing)
    chosen = select_account(account)
    folder = new_run_folder(settings.crm_module)
    told = replace(settings, inputs=(STANDARD_INPUT,), files=InputSettings(format=InputFormat.JSONL))

    async def work(descriptor: int) -> Summary:
        plan = InputOpener(settings=told, folder=folder, descriptor=descriptor, spool_name=ROWS_NAME)
        return await _begin(folder, "import", told, plan, chosen=chosen, progress=progress, stop=stop)

    return await run_with_rows(rows, work, stop, encoder=encoder)


async def replay_letters(
    settings: ReplaySettings, *, account: AccountSelection = DEFAULT_ACCOUNT, progress: Progress, stop: StopSignal
) -> Summary:
    """Send dead letters again, in a run of their own.

    Raises:
        BulkZohoError: As :func:`import_files`; also when the letters are another organization's.
    """
    chosen = select_account(account)  # as above
    replay = plan_replay(settings)
    folder = new_run_folder(replay.settings.crm_module)
    plan = InputOpener(settings=replay.settings, folder=folder, letters=True, only_codes=settings.only_codes)
    return await _begin(
        folder, "replay", replay.settings, plan, chosen=chosen, progress=progress, stop=stop, letters_org=replay.org
    )


async def resume_run(
    run: str | None,
    *,
    limit: int | Unchanged | None = UNCHANGED,
    settle_wait_s: float | None = None,
    adjust: Callable[[ImportSettings], ImportSettings] | None = None,
    account: AccountSelection = DEFAULT_ACCOUNT,
    out: ByteSink = NOWHERE,
    progress: Progress,
    stop: StopSignal,
) -> Summary | None:
    """Finish an interrupted run: the one called *run*, or the last that is unfinished; None when there is none.

    Args:
        run: Its name, or the beginning of it.
        limit: Rows to take in all; None takes all.
        settle_wait_s: Seconds a lost call may still be running, given anew.
        adjust: Changes further settings (those of the quota), for this process and later ones.
        account: Another account than the one that the run began with; it must be of the same organization.
        out: Takes the file of an export that goes to standard output.
        progress: Whoever watches.
        stop: Ends it early.

    Raises:
        RefusedError: No such run, another process works on it, or an input changed.
    """
    again = partial(
        _resume, limit=limit, settle_wait_s=settle_wait_s, adjust=adjust, account=account, out=out, progress=progress, stop=stop
    )
    if run is not None:
        return await again(find_run(run))
    passed: set[str] = set()
    while folder := newest_resumable_run(limited=not isinstance(limit, Unchanged), but=passed):
        try:
            return await again(folder)
        except RefusedError as error:
            if error.code != SENT_BEFORE:
                raise
            progress.tell(f"Passed over, run {folder.run}: {error.message}")  # another run did its work; an older one may wait
            passed.add(folder.run)
    return None


async def _resume(
    folder: RunFolder,
    *,
    limit: int | Unchanged | None,
    settle_wait_s: float | None,
    adjust: Callable[[ImportSettings], ImportSettings] | None,
    account: AccountSelection,
    out: ByteSink,
    progress: Progress,
    stop: StopSignal,
) -> Summary:
    lock = FileLock.take(folder.lock, what=f"run {folder.run}")
    try:
        journal = SqliteJournal.open(folder.journal)
        try:
            facts = journal.facts()
            if facts.command == EXPORT:
                return await resume_export(folder, journal, adjust=adjust, account=account, out=out, progress=progress, stop=stop)
            told = from_json(ImportSettings, dict(facts.settings["import"]))
            told = replace(told, on_doubt=InDoubtPolicy.LOOKUP)  # a report was for then: to look them up is what a resume is for
            if not isinstance(limit, Unchanged):
                told = replace(told, limit=limit)
            if settle_wait_s is not None:
                told = replace(told, settle_wait_s=settle_wait_s)
            if adjust is not None:
                told = adjust(told)
            require_unchanged_inputs(journal.sources())
            read = sum(source.rows_read for source in journal.sources())
            if told.limit is not None and told.limit < read:
                raise RefusedError(f"{read} rows were read already, more than --limit {told.limit}.", hint="Give a higher limit.")
            only_codes = tuple(facts.settings["only_codes"])
            chosen = select_account(account.with_fallback(facts.settings.get("account", {})))
            journal.change_settings(_settings_json(told, only_codes, chosen))
            replay = facts.command == "replay"
            plan = InputOpener(settings=told, folder=folder, letters=replay, only_codes=only_codes)
            work = ImportRun(folder=folder, journal=journal, settings=told, plan=plan, chosen=chosen, new=False)
            return await run_import(work, progress=progress, stop=stop)
        finally:
            journal.close()
    finally:
        lock.release()


async def _begin(
    folder: RunFolder,
    command: str,
    settings: ImportSettings,
    plan: InputOpener,
    *,
    chosen: ResolvedAccount,
    progress: Progress,
    stop: StopSignal,
    letters_org: str = "",
) -> Summary:
    """Make the run, so that it exists before its first call, and carry it out; a refused one leaves no trace."""
    lock = FileLock.take(folder.lock, what=f"run {folder.run}")
    try:
        facts = RunInfo(
            run=folder.run,
            command=command,
            crm_module=settings.crm_module,
            operation=settings.operation,
            settings=_settings_json(settings, plan.only_codes, chosen),
            started=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        journal = SqliteJournal.create(folder.journal, facts, describe_inputs(plan))
        try:
            for made in (folder.path, folder.path.parent):
                sync_folder(made)  # the names of journal and lock survive a power cut before anything is sent
            work = ImportRun(
                folder=folder,
                journal=journal,
                settings=settings,
                plan=plan,
                chosen=chosen,
                new=True,
                letters_org=letters_org,
            )
            return await run_import(work, progress=progress, stop=stop)
        except RefusedError:
            if not journal.last_id():  # nothing was sent or settled
                shutil.rmtree(folder.path, ignore_errors=True)
            raise
        finally:
            journal.close()
    except BulkZohoError:
        if not folder.journal.exists():
            shutil.rmtree(folder.path, ignore_errors=True)
        raise
    finally:
        lock.release()


def _settings_json(settings: ImportSettings, only_codes: Sequence[str], chosen: ResolvedAccount) -> dict[str, Any]:
    """Give what the journal keeps, so that a resume does the same with the same account; no secret is in it."""
    return {"import": to_json(settings), "only_codes": list(only_codes), "account": chosen.selection.to_json()}
