"""Begin an export, or go on with one; what a command may call."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bulkzoho.app.export_ids import read_ids, save_requested_ids
from bulkzoho.app.module_browser import select_account
from bulkzoho.app.run_export import ExportRun, carry_out_export
from bulkzoho.domain.model.export import STANDARD_OUTPUT, ExportSettings, ExportSummary, OutputFormat
from bulkzoho.domain.model.journal_events import RunInfo
from bulkzoho.domain.model.settings_json import from_json, to_json
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.errors import BulkZohoError, RefusedError, UsageError
from bulkzoho.formats.parquet_writer import refuse_missing_pyarrow
from bulkzoho.formats.part_joiner import ByteSink, refuse_unwritable, require_compressor
from bulkzoho.interfaces import Progress
from bulkzoho.storage.files.file_lock import FileLock
from bulkzoho.storage.files.fsync import sync_folder
from bulkzoho.storage.store.run_catalog import RunFolder, new_run_folder
from bulkzoho.storage.store.sqlite_export_journal import SqliteExportJournal
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from bulkzoho.zoho.auth.account_resolver import DEFAULT_ACCOUNT, AccountSelection, ResolvedAccount

__all__ = ["EXPORT", "export_module", "resume_export"]

EXPORT = "export"  #: the command, as the journal names it

Adjust = Callable[[Any], Any]


async def export_module(
    settings: ExportSettings, *, account: AccountSelection = DEFAULT_ACCOUNT, out: ByteSink, progress: Progress, stop: StopSignal
) -> ExportSummary:
    """Export as told; *out* takes the file when it is to go to standard output.

    Raises:
        BulkZohoError: Before the run existed: credentials missing, module, field, format or output refused.
    """
    _refuse_missing_extras(settings)
    if settings.output != STANDARD_OUTPUT:
        refuse_unwritable(Path(settings.output))
    ids = None if settings.ids is None else read_ids(settings.ids)
    chosen = select_account(account)
    folder = new_run_folder(settings.crm_module)
    lock = FileLock.take(folder.lock, what=f"run {folder.run}")
    try:
        if ids is not None:
            save_requested_ids(folder, ids)
        journal = SqliteJournal.create(folder.journal, _facts(folder, settings, chosen), [])
        try:
            for made in (folder.path, folder.path.parent):
                sync_folder(made)
            return await _carry_out(folder, journal, settings, chosen, out=out, progress=progress, stop=stop)
        except RefusedError:
            shutil.rmtree(folder.path, ignore_errors=True)  # refused before anything was read: it leaves no trace
            raise
        finally:
            journal.close()
    except BulkZohoError:
        if not folder.journal.exists():
            shutil.rmtree(folder.path, ignore_errors=True)
        raise
    finally:
        lock.release()


async def resume_export(
    folder: RunFolder,
    journal: SqliteJournal,
    *,
    adjust: Adjust | None,
    account: AccountSelection,
    out: ByteSink,
    progress: Progress,
    stop: StopSignal,
) -> ExportSummary:
    """Go on with the export of *folder*, whose lock is held, from its last settled page.

    Raises:
        RefusedError: The credentials are another organization's, or an extra for the output is not installed any more.
    """
    facts = journal.facts()
    told = from_json(ExportSettings, dict(facts.settings[EXPORT]))
    _refuse_missing_extras(told)
    if adjust is not None:
        try:
            told = adjust(told)
        except TypeError as error:  # a setting that only imports have
            raise UsageError(f"run {facts.run} is an export, which has no --max-errors.", hint="Leave it out.") from error
    chosen = select_account(account.with_fallback(facts.settings.get("account", {})))
    journal.change_settings(_settings_json(told, chosen))
    return await _carry_out(folder, journal, told, chosen, out=out, progress=progress, stop=stop)


def _refuse_missing_extras(settings: ExportSettings) -> None:
    """See before anything is read that the output can be made of it."""
    require_compressor(settings.compression)
    if settings.format is OutputFormat.PARQUET:
        refuse_missing_pyarrow()


async def _carry_out(
    folder: RunFolder,
    journal: SqliteJournal,
    settings: ExportSettings,
    chosen: ResolvedAccount,
    *,
    out: ByteSink,
    progress: Progress,
    stop: StopSignal,
) -> ExportSummary:
    with SqliteExportJournal(folder.journal) as pages:
        work = ExportRun(folder=folder, journal=journal, pages=pages, settings=settings, chosen=chosen, out=out)
        return await carry_out_export(work, progress=progress, stop=stop)


def _facts(folder: RunFolder, settings: ExportSettings, chosen: ResolvedAccount) -> RunInfo:
    return RunInfo(
        run=folder.run,
        command=EXPORT,
        crm_module=settings.crm_module,
        operation=None,
        settings=_settings_json(settings, chosen),
        started=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _settings_json(settings: ExportSettings, chosen: ResolvedAccount) -> dict[str, Any]:
    """Give what the journal keeps, so that a resume does the same with the same account; no secret is in it."""
    return {EXPORT: to_json(replace(settings)), "account": chosen.selection.to_json()}
