"""The Python API: import, export, replay and resume.  The command line uses the same functions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bulkzoho.app.export_records import export_records
from bulkzoho.app.replay import replay_letters
from bulkzoho.app.resume import resume_run
from bulkzoho.app.start_import import import_files, import_rows
from bulkzoho.domain.model.account import DEFAULT_ACCOUNT, AccountSelection
from bulkzoho.domain.model.export import ConvertedLeads, ExportRoute, ExportSettings
from bulkzoho.domain.model.progress import ProgressSnapshot
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.settings import ImportSettings, ReplaySettings
from bulkzoho.domain.model.summary import RunListEntry, Summary
from bulkzoho.domain.transform.python_values import Missing
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.interfaces import Progress
from bulkzoho.storage.store.open_store import open_store
from bulkzoho.storage.store.run_catalog import list_runs

__all__ = ["Client", "connect"]


class NoProgress:
    """A :class:`bulkzoho.interfaces.Progress` that shows nothing."""

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Ignore the snapshot."""

    def tell(self, line: str) -> None:
        """Ignore the message."""


def connect(*, profile: str | None = None) -> Client:
    """Return the CRM account of the environment, or of *profile*, for use in ``async with``.

    It makes no call before the first run.
    """
    return Client(AccountSelection(profile=profile) if profile is not None else DEFAULT_ACCOUNT)


class Client:
    """One CRM account.  Each import, export and replay is a run with a journal, and can be resumed, also from the shell.

    Use a client from one task at a time; concurrent runs share the quota.  Cancelling a call leaves a run that can be resumed.
    """

    def __init__(self, account: AccountSelection = DEFAULT_ACCOUNT) -> None:
        self._account = account

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Do nothing: no resources are held between runs."""

    async def import_rows(
        self,
        rows: Iterable[dict[str, Any]] | AsyncIterable[dict[str, Any]],
        *,
        crm_module: str,
        operation: str = "insert",
        match_on: Sequence[str] = (),
        missing: Missing = "error",
        progress: Progress | None = None,
        stop: StopSignal | None = None,
        **settings: Any,
    ) -> Summary:
        """Import *rows*: mappings from field name to value.

        ``None`` clears a field; a key that a row does not have leaves the field alone.  Values may be texts, numbers, also
        ``Decimal`` and those of numpy, booleans, dates, times, enumerations, UUIDs, and lists and mappings of these.

        Args:
            rows: Read no faster than they are sent, so that memory does not grow with their number.
            crm_module: API name or label.
            operation: insert, update, upsert or delete.
            match_on: For upsert: the fields that identify a record.
            missing: The meaning of nan, infinity, NaT and ``pandas.NA``, which are no values: ``error`` refuses the row,
                ``skip`` leaves the key out, so that the CRM keeps its value.
            progress: Receives the progress of the run.
            stop: Ends the run early, resumable.
            settings: Further fields of :class:`bulkzoho.domain.model.settings.ImportSettings`.

        Raises:
            ValueError: A row is not a mapping or holds a value that cannot be sent; the message names row and field.  All rows
                before it are sent, and the run ends as failed, as when *rows* raises.
            BulkZohoError: The run was refused before anything was sent.  The summary says how a started run ended.
        """
        imports = _import_settings((), crm_module, operation, match_on, settings)
        return await import_rows(
            rows, imports, missing=missing, account=self._account, progress=progress or NoProgress(), stop=stop or StopSignal()
        )

    async def import_files(
        self,
        *files: str | Path,
        crm_module: str,
        operation: str = "insert",
        match_on: Sequence[str] = (),
        progress: Progress | None = None,
        stop: StopSignal | None = None,
        **settings: Any,
    ) -> Summary:
        """Import *files*; the other arguments are those of :meth:`import_rows`."""
        imports = _import_settings([_absolute(file) for file in files], crm_module, operation, match_on, settings)
        return await import_files(imports, account=self._account, progress=progress or NoProgress(), stop=stop or StopSignal())

    def export(  # noqa: PLR0913  keyword arguments of the public API
        self,
        crm_module: str,
        *,
        fields: Sequence[str] = (),
        where: str | None = None,
        ids: Iterable[str] | None = None,
        converted: str = "false",
        route: str = "auto",
        progress: Progress | None = None,
        stop: StopSignal | None = None,
        **settings: Any,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the records of *crm_module*, each once, as mappings from API name to value.

        Values are those of the API, except that numbers with a point or an exponent are :class:`decimal.Decimal`.  The mappings
        can be passed to :meth:`import_rows`.

        All records are first read into a file in the state directory: memory does not grow with their number, and an export that
        cannot be finished yields none.

        Args:
            crm_module: API name or label.
            fields: API names; empty: all.
            where: A condition, as in ``bulkzoho export --where``.
            ids: Only the records with these ids, in ascending order of the ids.
            converted: Converted leads: ``false`` (leave out), ``true`` (only these), ``both``.
            route: ``auto``, ``list``, ``coql`` or ``bulk``.
            progress: Receives the progress of the run.
            stop: Ends the run early, resumable.
            settings: Further fields of :class:`ExportSettings`, such as ``include_deleted`` and ``since``.

        Raises:
            BulkZohoError: The export was refused or did not complete.
        """
        exports = ExportSettings(
            crm_module=crm_module,
            fields=tuple(fields),
            where=where,
            converted=ConvertedLeads(converted),
            route=ExportRoute(route),
            **settings,
        )
        return export_records(
            exports, ids=ids, account=self._account, progress=progress or NoProgress(), stop=stop or StopSignal()
        )

    async def replay(self, letters: str | Path, *, progress: Progress | None = None, stop: StopSignal | None = None) -> Summary:
        """Send the rejected rows in the dead-letter file *letters* again, each at most once."""
        replays = ReplaySettings(letters=_absolute(letters))
        return await replay_letters(replays, account=self._account, progress=progress or NoProgress(), stop=stop or StopSignal())

    async def resume(
        self, run: str | None = None, *, progress: Progress | None = None, stop: StopSignal | None = None
    ) -> Summary | None:
        """Finish an interrupted run, by default the newest one; return None if there is none."""
        return await resume_run(run, account=self._account, progress=progress or NoProgress(), stop=stop or StopSignal())

    def runs(self) -> list[RunListEntry]:
        """Return all runs in the state directory, newest first."""
        return list_runs(open_store())


def _absolute(path: str | Path) -> str:
    """Return the absolute path, so that the run can be resumed from any folder."""
    return str(Path(path).absolute())


def _import_settings(
    inputs: Sequence[str], crm_module: str, operation: str, match_on: Sequence[str], settings: dict[str, Any]
) -> ImportSettings:
    imports = ImportSettings(
        inputs=tuple(inputs), crm_module=crm_module, operation=Operation(operation), match_on=tuple(match_on)
    )
    return replace(imports, **settings)


Crm = Client  #: name of 0.1
