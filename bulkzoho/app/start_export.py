"""Start an export."""

from __future__ import annotations

from pathlib import Path

from bulkzoho.app.credentials import select_account
from bulkzoho.app.export_ids import read_ids, save_requested_ids
from bulkzoho.app.run_export import ExportRun, require_export_extras, run_export
from bulkzoho.app.run_lifecycle import NewRun, new_run
from bulkzoho.domain.model.account import DEFAULT_ACCOUNT, AccountSelection
from bulkzoho.domain.model.export import STANDARD_OUTPUT, ExportSettings, ExportSummary
from bulkzoho.domain.model.run_settings import ExportRunSettings
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.formats.part_joiner import ByteSink, refuse_unwritable
from bulkzoho.interfaces import Progress
from bulkzoho.storage.store.open_store import open_store
from bulkzoho.storage.store.run_folder import RunFolder

__all__ = ["export_module"]


async def export_module(
    settings: ExportSettings, *, account: AccountSelection = DEFAULT_ACCOUNT, out: ByteSink, progress: Progress, stop: StopSignal
) -> ExportSummary:
    """Export a module; *out* receives the file if it goes to standard output.

    Raises:
        BulkZohoError: Before the run existed: credentials missing, module, field, format or output refused.
    """
    require_export_extras(settings)
    if settings.output != STANDARD_OUTPUT:
        refuse_unwritable(Path(settings.output))
    ids = None if settings.ids is None else read_ids(settings.ids)
    chosen = select_account(account)

    def prepare(folder: RunFolder) -> NewRun:
        if ids is not None:
            save_requested_ids(folder, ids)
        return NewRun(settings=ExportRunSettings(export=settings, account=chosen.selection.to_json()))

    with new_run(open_store(), settings.crm_module, prepare) as run:
        work = ExportRun(run=run, settings=settings, account=chosen, out=out)
        return await run_export(work, progress=progress, stop=stop)
