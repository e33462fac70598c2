"""The life of a run, the same for imports and exports: folder, lock, journal, log, account, stop.

A run that is refused before it sent anything leaves no trace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from bulkzoho.app.run_log import log_run_started, open_run_log
from bulkzoho.app.session import CrmSession
from bulkzoho.domain.model.journal_events import InputInfo, RunInfo
from bulkzoho.domain.model.run_settings import RunSettings
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal, stop_reason
from bulkzoho.errors import BulkZohoError, RefusedError
from bulkzoho.interfaces import RunJournal, RunStore
from bulkzoho.storage.store.run_folder import RunFolder

__all__ = ["NewRun", "OpenRun", "absorb_stop", "new_run", "open_run", "require_organization", "require_user"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What the journal of a new run holds from the beginning."""

    settings: RunSettings
    inputs: Sequence[InputInfo] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run that this process works on: it holds the lock and has the journal open."""

    store: RunStore
    folder: RunFolder
    journal: RunJournal
    info: RunInfo  #: as of the beginning of this process
    is_new: bool  #: whether this is its first process


@contextmanager
def new_run(store: RunStore, crm_module: str, prepare: Callable[[RunFolder], NewRun]) -> Iterator[OpenRun]:
    """Start a run and keep it open while the context lasts.

    Its journal is durable before the context begins.  *prepare* may write to the run's folder first.

    Raises:
        BulkZohoError: The run cannot be made, or *prepare* refused it.
    """
    folder = RunFolder(store.folder(store.reserve(crm_module)))
    with store.lock(folder.run):
        try:
            start = prepare(folder)
            info = RunInfo(
                run=folder.run,
                crm_module=crm_module,
                settings=start.settings,
                started=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
            journal = store.create(info, start.inputs)
        except BulkZohoError:
            if folder.run not in store.names():
                store.remove(folder.run)
            raise
        try:
            with _logged(folder, info):
                yield OpenRun(store=store, folder=folder, journal=journal, info=info, is_new=True)
        except RefusedError:
            if not journal.last_id():  # nothing was sent or settled
                store.remove(folder.run)
            raise
        finally:
            journal.close()


@contextmanager
def open_run(store: RunStore, run: str) -> Iterator[OpenRun]:
    """Open an existing run and keep it open while the context lasts.

    Raises:
        RefusedError: Another process works on it.
        JournalError: Its journal cannot be read.
    """
    folder = RunFolder(store.folder(run))
    with store.lock(run):
        journal = store.open(run)
        try:
            info = journal.info()
            with _logged(folder, info):
                yield OpenRun(store=store, folder=folder, journal=journal, info=info, is_new=False)
        finally:
            journal.close()


@contextmanager
def _logged(folder: RunFolder, info: RunInfo) -> Iterator[None]:
    with open_run_log(folder.log):
        log_run_started(info)
        yield


async def absorb_stop(work: Coroutine[Any, Any, T], stop: StopSignal) -> T | None:
    """Return the result of *work*, or None if a stop or an error ended it: *stop* then has the reason.

    A second Ctrl-C cancels *work* only, never what follows.

    Raises:
        RefusedError: As it is: nothing was sent.
        CancelledError: The task was cancelled from outside.
    """
    if _is_cancelled(stop):
        work.close()
        return None
    task = asyncio.current_task()
    previous = stop.set_task(task)
    try:
        return await work
    except asyncio.CancelledError:
        if task is None or not _is_cancelled(stop):
            raise
        task.uncancel()
    except StopRequestedError:
        pass  # stopped before anything was sent
    except RefusedError:
        raise
    except BulkZohoError as error:
        stop.request(stop_reason(error), error)
    finally:
        stop.set_task(None if _is_cancelled(stop) else previous)  # a third Ctrl-C must not cancel what follows
    return None


def _is_cancelled(stop: StopSignal) -> bool:
    return stop.hard  # a function, because mypy takes an attribute for unchanged across an await


def require_organization(run: str, crm: CrmSession, *organizations: str) -> None:
    """Refuse credentials of another organization than one of *organizations*, of which "" is not known yet.

    Raises:
        RefusedError: They are of another one.
    """
    for organization in filter(None, organizations):
        if organization != crm.organization.id:
            raise RefusedError(
                f"run {run} belongs to organization {organization}; these credentials are for {crm.organization.id}.",
                hint="Use the credentials of the run's organization.",
                code="OTHER_ORGANIZATION",
            )


def require_user(info: RunInfo, crm: CrmSession) -> None:
    """Refuse credentials of another user than the one who started the run.

    Raises:
        RefusedError: They are of another one.
    """
    if info.user and crm.user is not None and info.user != crm.user.id:
        raise RefusedError(
            f"run {info.run} was started as user {info.user}; these credentials are of user {crm.user.id}.",
            hint="Use the credentials of that user: a lookup searches for the records that the user created.",
            code="OTHER_USER",
        )
