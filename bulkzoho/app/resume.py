"""Resume an interrupted run: an import, a replay or an export."""

from __future__ import annotations

from dataclasses import replace

from bulkzoho.app.credentials import select_account
from bulkzoho.app.inputs import InputOpener, require_unchanged_inputs
from bulkzoho.app.row_rules import OTHER_ROW_RULES, require_same_row_rules
from bulkzoho.app.run_export import ExportRun, require_export_extras, run_export
from bulkzoho.app.run_import import ImportRun, run_import
from bulkzoho.app.run_lifecycle import OpenRun, open_run
from bulkzoho.domain.model.account import DEFAULT_ACCOUNT, AccountSelection
from bulkzoho.domain.model.run_settings import ExportRunSettings, ImportRunSettings, ReplayRunSettings, ResumeOverrides
from bulkzoho.domain.model.settings import InDoubtPolicy
from bulkzoho.domain.model.summary import Summary
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.errors import RefusedError
from bulkzoho.formats.part_joiner import NOWHERE, ByteSink
from bulkzoho.interfaces import Progress, RunStore
from bulkzoho.storage.store.duplicate_guard import SENT_BEFORE
from bulkzoho.storage.store.open_store import open_store
from bulkzoho.storage.store.run_catalog import find_run, newest_resumable_run

__all__ = ["resume_run"]

NO_OVERRIDES = ResumeOverrides()


async def resume_run(
    run: str | None,
    *,
    overrides: ResumeOverrides = NO_OVERRIDES,
    account: AccountSelection = DEFAULT_ACCOUNT,
    out: ByteSink = NOWHERE,
    progress: Progress,
    stop: StopSignal,
) -> Summary | None:
    """Finish an interrupted run: *run*, or the newest one that has work left; return None if there is none.

    Args:
        run: Its name, or the beginning of it.
        overrides: Settings to change.
        account: Another account than the run's; it must belong to the same organization.
        out: Receives the file of an export that goes to standard output.
        progress: Shows what happens.
        stop: Ends the run early.

    Raises:
        RefusedError: No such run, another process works on it, or an input has changed.
    """
    store, passed_over = open_store(), set[str]()
    if run is not None:
        return await _resume(store, find_run(store, run), overrides, account, out, progress=progress, stop=stop)
    unfinished: RefusedError | None = None  # a run that has work left but needs another version
    while name := newest_resumable_run(store, limited=overrides.moves_limit, exclude=passed_over):
        try:
            return await _resume(store, name, overrides, account, out, progress=progress, stop=stop)
        except RefusedError as error:
            if error.code not in (SENT_BEFORE, OTHER_ROW_RULES):
                raise
            if error.code == OTHER_ROW_RULES:
                unfinished = error
            progress.tell(f"Skipped run {name}: {error.message}")  # an older one may be left
            passed_over.add(name)
    if unfinished is not None:
        raise unfinished
    return None


async def _resume(
    store: RunStore,
    name: str,
    overrides: ResumeOverrides,
    account: AccountSelection,
    out: ByteSink,
    *,
    progress: Progress,
    stop: StopSignal,
) -> Summary:
    require_same_row_rules(store, name)  # before the journal is upgraded
    with open_run(store, name) as run:
        match run.info.settings:
            case ExportRunSettings() as stored:
                work = _prepare_export(run, stored, overrides, account, out)
                return await run_export(work, progress=progress, stop=stop)
            case ImportRunSettings() | ReplayRunSettings() as stored:
                return await run_import(_prepare_import(run, stored, overrides, account), progress=progress, stop=stop)


def _prepare_import(
    run: OpenRun, stored: ImportRunSettings | ReplayRunSettings, overrides: ResumeOverrides, account: AccountSelection
) -> ImportRun:
    # the user may have asked for a report only at the time; a resume is there to look the rows up
    settings = overrides.apply_to_import(replace(stored.imports, on_doubt=InDoubtPolicy.LOOKUP))
    inputs = run.journal.inputs()
    require_unchanged_inputs(inputs)
    read = sum(source.rows_read for source in inputs)
    if settings.limit is not None and settings.limit < read:
        raise RefusedError(f"{read} rows were read already, more than --limit {settings.limit}.", hint="Use a higher limit.")
    chosen = select_account(account.with_fallback(stored.account))
    run.journal.change_settings(replace(stored, imports=settings, account=chosen.selection.to_json()))
    is_replay = isinstance(stored, ReplayRunSettings)
    codes = stored.only_codes if isinstance(stored, ReplayRunSettings) else ()
    opener = InputOpener(settings=settings, folder=run.folder, letters=is_replay, only_codes=codes)
    return ImportRun(run=run, settings=settings, opener=opener, account=chosen)


def _prepare_export(
    run: OpenRun, stored: ExportRunSettings, overrides: ResumeOverrides, account: AccountSelection, out: ByteSink
) -> ExportRun:
    require_export_extras(stored.export)
    settings = overrides.apply_to_export(stored.export, run=run.info.run)
    chosen = select_account(account.with_fallback(stored.account))
    run.journal.change_settings(replace(stored, export=settings, account=chosen.selection.to_json()))
    return ExportRun(run=run, settings=settings, account=chosen, out=out)
