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

from bulkzoho.assembly.accounts import account_status, list_profiles, log_out
from bulkzoho.assembly.doctor import State, examine
from bulkzoho.assembly.exporting import EXPORT, export_module, resume_export
from bulkzoho.assembly.feeding import Row, work_on_rows
from bulkzoho.assembly.granting import Login
from bulkzoho.assembly.homes import (
    RunFolder,
    find_run,
    home_folder,
    last_resumable,
    list_runs,
    new_run_folder,
    runs_at_work,
)
from bulkzoho.assembly.inputs import SENT_BEFORE, STANDARD_INPUT, InputPlan, facts_of_inputs, refuse_changed
from bulkzoho.assembly.logging_in import ask_browser, log_in
from bulkzoho.assembly.quotas import all_quotas, quota_of
from bulkzoho.assembly.replaying import plan_replay
from bulkzoho.assembly.verifying import verify_run
from bulkzoho.assembly.visiting import VisitedModule, chosen_account, list_fields, list_modules
from bulkzoho.assembly.working import Work, carry_out
from bulkzoho.core.python_values import Missing, RowEncoder
from bulkzoho.core.settings_json import from_json, to_json
from bulkzoho.engine.stopping import Stop
from bulkzoho.errors import BulkZohoError, RefusedError
from bulkzoho.files.durable import sync_folder
from bulkzoho.files.joining import NOWHERE, Sink
from bulkzoho.journal.lock import RunLock
from bulkzoho.journal.sqlite import SqliteJournal
from bulkzoho.model.journal import ROWS_NAME, RunFacts
from bulkzoho.model.run import Summary
from bulkzoho.model.settings import FileSettings, ImportSettings, InputFormat, OnDoubt, ReplaySettings
from bulkzoho.ports import Progress
from bulkzoho.profiles.choosing import USUAL, Account, Chosen
from bulkzoho.zoho.token_requests import Revoked

__all__ = [
    "UNCHANGED",
    "USUAL",
    "Account",
    "Login",
    "Revoked",
    "State",
    "Stop",
    "Unchanged",
    "VisitedModule",
    "account_status",
    "all_quotas",
    "ask_browser",
    "examine",
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
    "quota_of",
    "replay_letters",
    "resume_run",
    "runs_at_work",
    "verify_run",
]


class Unchanged(Enum):
    """The type of :data:`UNCHANGED`."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED
"""A setting that a resume does not give anew."""


async def import_files(settings: ImportSettings, *, account: Account = USUAL, progress: Progress, stop: Stop) -> Summary:
    """Import files as told; see :class:`bulkzoho.model.settings.ImportSettings`.

    Raises:
        BulkZohoError: Before the run existed: credentials missing, a file, header, module or field refused.
    """
    chosen = chosen_account(account)  # what is missing is said before there is a run
    folder = new_run_folder(settings.crm_module)
    plan = InputPlan(settings=settings, folder=folder)
    return await _begin(folder, "import", settings, plan, chosen=chosen, progress=progress, stop=stop)


async def import_rows(
    rows: Iterable[Row] | AsyncIterable[Row],
    settings: ImportSettings,
    *,
    missing: Missing = "error",
    account: Account = USUAL,
    progress: Progress,
    stop: Stop,
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
    chosen = chosen_account(account)
    folder = new_run_folder(settings.crm_module)
    told = replace(settings, inputs=(STANDARD_INPUT,), files=FileSettings(format=InputFormat.JSONL))

    async def work(descriptor: int) -> Summary:
        plan = InputPlan(settings=told, folder=folder, descriptor=descriptor, spool_name=ROWS_NAME)
        return await _begin(folder, "import", told, plan, chosen=chosen, progress=progress, stop=stop)

    return await work_on_rows(rows, work, stop, encoder=encoder)


async def replay_letters(settings: ReplaySettings, *, account: Account = USUAL, progress: Progress, stop: Stop) -> Summary:
    """Send dead letters again, in a run of their own.

    Raises:
        BulkZohoError: As :func:`import_files`; also when the letters are another organization's.
    """
    chosen = chosen_account(account)  # as above
    replay = plan_replay(settings)
    folder = new_run_folder(replay.settings.crm_module)
    plan = InputPlan(settings=replay.settings, folder=folder, letters=True, only_codes=settings.only_codes)
    return await _begin(
        folder, "replay", replay.settings, plan, chosen=chosen, progress=progress, stop=stop, letters_org=replay.org
    )


async def resume_run(
    run: str | None,
    *,
    limit: int | Unchanged | None = UNCHANGED,
    settle_wait_s: float | None = None,
    adjust: Callable[[ImportSettings], ImportSettings] | None = None,
    account: Account = USUAL,
    out: Sink = NOWHERE,
    progress: Progress,
    stop: Stop,
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
    while folder := last_resumable(limited=not isinstance(limit, Unchanged), but=passed):
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
    account: Account,
    out: Sink,
    progress: Progress,
    stop: Stop,
) -> Summary:
    lock = RunLock.take(folder.lock, what=f"run {folder.run}")
    try:
        journal = SqliteJournal.open(folder.journal)
        try:
            facts = journal.facts()
            if facts.command == EXPORT:
                return await resume_export(folder, journal, adjust=adjust, account=account, out=out, progress=progress, stop=stop)
            told = from_json(ImportSettings, dict(facts.settings["import"]))
            told = replace(told, on_doubt=OnDoubt.LOOKUP)  # a report was for then: to look them up is what a resume is for
            if not isinstance(limit, Unchanged):
                told = replace(told, limit=limit)
            if settle_wait_s is not None:
                told = replace(told, settle_wait_s=settle_wait_s)
            if adjust is not None:
                told = adjust(told)
            refuse_changed(journal.sources())
            read = sum(source.rows_read for source in journal.sources())
            if told.limit is not None and told.limit < read:
                raise RefusedError(f"{read} rows were read already, more than --limit {told.limit}.", hint="Give a higher limit.")
            only_codes = tuple(facts.settings["only_codes"])
            chosen = chosen_account(account.over(facts.settings.get("account", {})))
            journal.change_settings(_settings_json(told, only_codes, chosen))
            replay = facts.command == "replay"
            plan = InputPlan(settings=told, folder=folder, letters=replay, only_codes=only_codes)
            work = Work(folder=folder, journal=journal, settings=told, plan=plan, chosen=chosen, new=False)
            return await carry_out(work, progress=progress, stop=stop)
        finally:
            journal.close()
    finally:
        lock.release()


async def _begin(
    folder: RunFolder,
    command: str,
    settings: ImportSettings,
    plan: InputPlan,
    *,
    chosen: Chosen,
    progress: Progress,
    stop: Stop,
    letters_org: str = "",
) -> Summary:
    """Make the run, so that it exists before its first call, and carry it out; a refused one leaves no trace."""
    lock = RunLock.take(folder.lock, what=f"run {folder.run}")
    try:
        facts = RunFacts(
            run=folder.run,
            command=command,
            crm_module=settings.crm_module,
            operation=settings.operation,
            settings=_settings_json(settings, plan.only_codes, chosen),
            started=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        journal = SqliteJournal.create(folder.journal, facts, facts_of_inputs(plan))
        try:
            for made in (folder.path, folder.path.parent):
                sync_folder(made)  # the names of journal and lock survive a power cut before anything is sent
            work = Work(
                folder=folder,
                journal=journal,
                settings=settings,
                plan=plan,
                chosen=chosen,
                new=True,
                letters_org=letters_org,
            )
            return await carry_out(work, progress=progress, stop=stop)
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


def _settings_json(settings: ImportSettings, only_codes: Sequence[str], chosen: Chosen) -> dict[str, Any]:
    """Give what the journal keeps, so that a resume does the same with the same account; no secret is in it."""
    return {"import": to_json(settings), "only_codes": list(only_codes), "account": chosen.account.to_json()}
