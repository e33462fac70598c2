"""The store in SQLite files: one folder per run in the state directory, with the run's journal and its lock."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from bulkzoho.domain.model.journal_events import InputInfo, RunInfo
from bulkzoho.storage.files.atomic_write import write_atomic
from bulkzoho.storage.files.file_lock import FileLock, exclusive_lock, lock_owner
from bulkzoho.storage.files.fsync import sync_folder
from bulkzoho.storage.store.home import HomeLayout
from bulkzoho.storage.store.run_folder import RunFolder, make_run_folder, started_key
from bulkzoho.storage.store.sqlite_journal import SqliteJournal

__all__ = ["SqliteRunStore"]


class SqliteRunStore:
    """See :class:`bulkzoho.interfaces.RunStore`."""

    def __init__(self, home: HomeLayout) -> None:
        self._home = home

    def folder(self, run: str) -> Path:
        """See :meth:`bulkzoho.interfaces.RunStore.folder`."""
        return self._home.runs / run

    def reserve(self, crm_module: str) -> str:
        """See :meth:`bulkzoho.interfaces.RunStore.reserve`."""
        return make_run_folder(self._home, crm_module).run

    def create(self, info: RunInfo, inputs: Sequence[InputInfo]) -> SqliteJournal:
        """See :meth:`bulkzoho.interfaces.RunStore.create`."""
        folder = self._folder(info.run)
        journal = SqliteJournal.create(folder.journal, info, inputs)
        for path in (folder.path, folder.path.parent):
            sync_folder(path)  # the names of journal and lock survive a power cut before anything is sent
        return journal

    def open(self, run: str, *, read_only: bool = False) -> SqliteJournal:
        """See :meth:`bulkzoho.interfaces.RunStore.open`."""
        return SqliteJournal.open(self._folder(run).journal, read_only=read_only)

    def names(self) -> list[str]:
        """See :meth:`bulkzoho.interfaces.RunStore.names`."""
        try:
            folders = [RunFolder(path) for path in self._home.runs.iterdir()]
        except FileNotFoundError:
            return []
        return sorted((folder.run for folder in folders if folder.journal.exists()), key=started_key, reverse=True)

    def remove(self, run: str) -> None:
        """See :meth:`bulkzoho.interfaces.RunStore.remove`."""
        shutil.rmtree(self.folder(run), ignore_errors=True)

    def lock(self, run: str) -> FileLock:
        """See :meth:`bulkzoho.interfaces.RunStore.lock`."""
        return FileLock.acquire(self._folder(run).lock, what=f"run {run}")

    def owner(self, run: str) -> str | None:
        """See :meth:`bulkzoho.interfaces.RunStore.owner`."""
        return lock_owner(self._folder(run).lock)

    def start_lock(self) -> AbstractContextManager[None]:
        """See :meth:`bulkzoho.interfaces.RunStore.start_lock`."""
        return exclusive_lock(self._home.start_lock)

    @contextmanager
    def cursor(self, org: str, name: str) -> Iterator[JsonCursorFile]:
        """See :meth:`bulkzoho.interfaces.RunStore.cursor`."""
        path = self._home.cursor(org, name)
        with FileLock.acquire(path.with_suffix(".lock"), what=f"an export with the state {name}"):
            yield JsonCursorFile(path)

    def _folder(self, run: str) -> RunFolder:
        return RunFolder(self.folder(run))


class JsonCursorFile:
    """See :class:`bulkzoho.interfaces.CursorFile`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mapping[str, Any] | None:
        """See :meth:`bulkzoho.interfaces.CursorFile.read`."""
        try:
            cursor = json.loads(self._path.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return cursor if isinstance(cursor, dict) else None

    def write(self, cursor: Mapping[str, Any]) -> None:
        """See :meth:`bulkzoho.interfaces.CursorFile.write`."""
        write_atomic(self._path, json.dumps(cursor).encode())
