"""The library: what a program needs to move records, in one class.  The command line uses the same functions."""

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
from bulkzoho.zoho.auth.account_resolver import DEFAULT_ACCOUNT, AccountSelection

__all__ = ["Client", "connect"]


class NoProgress:
    """Watches a run and says nothing; see :class:`bulkzoho.interfaces.Progress`."""

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Look away."""

    def tell(self, line: str) -> None:
        """Keep silent."""


def connect(*, profile: str | None = None) -> Crm:
    """Give the CRM of the environment, or of *profile*, for use in ``async with``.

    Nothing is called before the first run.
    """
    return Client(AccountSelection(profile=profile) if profile is not None else DEFAULT_ACCOUNT)


class Client:
    """One CRM account.  Each import, replay and resume is a run of its own, journalled and resumable like one of the shell.

    Safe to use from one task at a time; runs at once share the quota.  Cancelling a call leaves a run that can be resumed.
    """

    def __init__(self, account: AccountSelection = DEFAULT_ACCOUNT) -> None:
        self._account = account

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing is held between runs."""

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
            rows: Taken no faster than they are sent; may be endless for all the memory it costs.
            crm_module: API name or label.
            operation: insert, update, upsert or delete.
            match_on: For upsert: the fields that recognise a record.
            missing: The meaning of nan, infinity, NaT and ``pandas.NA``, which are no values: ``error`` refuses the row,
                ``skip`` leaves the key out, so that the CRM keeps its value.
            progress: Whoever watches.
            stop: Ends the run early, resumable.
            settings: Further fields of :class:`bulkzoho.domain.model.settings.ImportSettings`.

        Raises:
            ValueError: A row is not a mapping or holds a value that cannot be sent; the message names row and field.  All rows
                before it are sent, and the run ends as failed, as when *rows* raises.
            BulkZohoError: The run was refused before anything was sent; how a run ended that began is in the summary.
        """
        told = _told((), crm_module, operation, match_on, settings)
        return await import_rows(
            rows, told, missing=missing, account=self._account, progress=progress or NoProgress(), stop=stop or StopSignal()
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
        """Import *files*; otherwise as :meth:`import_rows`."""
        told = _told([_absolute(file) for file in files], crm_module, operation, match_on, settings)
        return await import_files(told, account=self._account, progress=progress or NoProgress(), stop=stop or StopSignal())

    def export(
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
        """Give the records of *crm_module*, each once, as mappings from API name to value.

        Values are as the API gives them, but for numbers with a point or an exponent, which are :class:`decimal.Decimal`.  These
        can be given to :meth:`import_rows`.

        The records are read whole into a file of the home folder first: memory does not grow with their number, and no record
        of an export that cannot be finished is given.

        Args:
            crm_module: API name or label.
            fields: API names; all of them when empty.
            where: A condition, as in ``bulkzoho export --where``.
            ids: Only the records of these ids, in the order of the ids.
            converted: Leads that were converted: ``false`` (left out), ``true`` (alone), ``both``.
            route: ``auto``, ``list``, ``coql`` or ``bulk``.
            progress: Whoever watches.
            stop: Ends it early.
            settings: Further fields of :class:`ExportSettings`, such as ``include_deleted`` and ``since``.

        Raises:
            BulkZohoError: The export was refused, or did not complete.
        """
        told = ExportSettings(
            crm_module=crm_module,
            fields=tuple(fields),
            where=where,
            converted=ConvertedLeads(converted),
            route=ExportRoute(route),
            **settings,
        )
        return export_records(told, ids=ids, account=self._account, progress=progress or NoProgress(), stop=stop or StopSignal())

    async def replay(self, letters: str | Path, *, progress: Progress | None = None, stop: StopSignal | None = None) -> Summary:
        """Send the dead letters in the file *letters* again, each at most once."""
        told = ReplaySettings(letters=_absolute(letters))
        return await replay_letters(told, account=self._account, progress=progress or NoProgress(), stop=stop or StopSignal())

    async def resume(
        self, run: str | None = None, *, progress: Progress | None = None, stop: StopSignal | None = None
    ) -> Summary | None:
        """Finish an interrupted run, the last one by default; None when there is none."""
        return await resume_run(run, account=self._account, progress=progress or NoProgress(), stop=stop or StopSignal())

    def runs(self) -> list[RunListEntry]:
        """Give all runs of this home, newest first."""
        return list_runs(open_store())


def _absolute(path: str | Path) -> str:
    """Give *path* so that the run can be resumed from anywhere."""
    return str(Path(path).absolute())


def _told(
    inputs: Sequence[str], crm_module: str, operation: str, match_on: Sequence[str], settings: dict[str, Any]
) -> ImportSettings:
    told = ImportSettings(inputs=tuple(inputs), crm_module=crm_module, operation=Operation(operation), match_on=tuple(match_on))
    return replace(told, **settings)


Crm = Client  #: name of 0.1
