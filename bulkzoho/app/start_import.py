"""Start an import of files or of a program's rows."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from dataclasses import replace

from bulkzoho.app.credentials import select_account
from bulkzoho.app.inputs import STANDARD_INPUT, InputOpener, describe_inputs
from bulkzoho.app.iterable_input import Row, RowStream, run_with_rows
from bulkzoho.app.run_import import ImportRun, run_import
from bulkzoho.app.run_lifecycle import NewRun, new_run
from bulkzoho.domain.model.account import DEFAULT_ACCOUNT, AccountSelection
from bulkzoho.domain.model.journal_events import ROWS_NAME
from bulkzoho.domain.model.run_settings import ImportRunSettings
from bulkzoho.domain.model.settings import ImportSettings, InputFormat, InputSettings
from bulkzoho.domain.model.summary import Summary
from bulkzoho.domain.transform.python_values import Missing, RowEncoder
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.interfaces import Progress
from bulkzoho.storage.store.open_store import open_store
from bulkzoho.storage.store.run_folder import RunFolder
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount

__all__ = ["import_files", "import_rows"]


async def import_files(
    settings: ImportSettings, *, account: AccountSelection = DEFAULT_ACCOUNT, progress: Progress, stop: StopSignal
) -> Summary:
    """Import the files of *settings*.

    Raises:
        BulkZohoError: Before the run existed: credentials missing, a file, header, module or field refused.
    """
    chosen = select_account(account)  # missing credentials are reported before there is a run

    def opener_in(folder: RunFolder) -> InputOpener:
        return InputOpener(settings=settings, folder=folder)

    return await _import(settings, opener_in, chosen, progress=progress, stop=stop)


async def import_rows(
    rows: Iterable[Row] | AsyncIterable[Row],
    settings: ImportSettings,
    *,
    missing: Missing = "error",
    account: AccountSelection = DEFAULT_ACCOUNT,
    progress: Progress,
    stop: StopSignal,
) -> Summary:
    """Import *rows* of a program; ``settings.inputs`` is ignored.

    The rows are copied into the run's folder before they are sent, so that the run can be resumed.  Memory does not grow with
    their number: they are taken no faster than they are sent.

    Raises:
        BulkZohoError: As :func:`import_files`.
        ValueError: A row cannot be sent, which ends the run as an error of *rows* does; *missing* is an unknown word.
        Exception: *rows* raised it.  All rows before are sent; the run cannot be resumed beyond them.
    """
    encoder = RowEncoder(missing)
    chosen = select_account(account)
    settings = replace(settings, inputs=(STANDARD_INPUT,), files=InputSettings(format=InputFormat.JSONL))

    async def run(stream: RowStream) -> Summary:
        def opener_in(folder: RunFolder) -> InputOpener:
            return InputOpener(settings=settings, folder=folder, stream=stream, spool_name=ROWS_NAME)

        return await _import(settings, opener_in, chosen, progress=progress, stop=stop)

    return await run_with_rows(rows, run, encoder=encoder)


async def _import(
    settings: ImportSettings,
    opener_in: Callable[[RunFolder], InputOpener],
    chosen: ResolvedAccount,
    *,
    progress: Progress,
    stop: StopSignal,
) -> Summary:
    def prepare(folder: RunFolder) -> NewRun:
        kept = ImportRunSettings(imports=settings, account=chosen.selection.to_json())
        return NewRun(settings=kept, inputs=describe_inputs(opener_in(folder)))

    with new_run(open_store(), settings.crm_module, prepare) as run:
        work = ImportRun(run=run, settings=settings, opener=opener_in(run.folder), account=chosen)
        return await run_import(work, progress=progress, stop=stop)
