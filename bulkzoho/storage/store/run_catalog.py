"""Where the state lives: the home folder, the runs in it, their names and files."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bulkzoho.domain.model.journal_events import SPOOL_SUFFIX, RunInfo
from bulkzoho.domain.model.run import RunListEntry, RunStatus
from bulkzoho.errors import JournalError, RefusedError, RunFailedError
from bulkzoho.storage.files.file_lock import is_locked, lock_owner
from bulkzoho.storage.store.connection import UNBORN
from bulkzoho.storage.store.sqlite_journal import SqliteJournal

__all__ = [
    "RunFolder",
    "find_run",
    "home_folder",
    "iter_runs",
    "list_runs",
    "new_run_folder",
    "newest_resumable_run",
    "refuse_network_home",
    "running_runs",
    "started_key",
]


_NETWORK_FILE_SYSTEMS = frozenset({"afs", "ceph", "cifs", "fuse.sshfs", "nfs", "nfs4", "smb3", "smbfs"})


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run (0700, files 0600)."""

    path: Path

    @property
    def run(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / "journal.db"

    @property
    def lock(self) -> Path:
        """What the working process holds."""
        return self.path / "lock"

    @property
    def letters(self) -> Path:
        """Refused rows."""
        return self.path / "dead-letter.jsonl"

    @property
    def results(self) -> Path:
        """Accepted rows with their ids."""
        return self.path / "results.jsonl"

    @property
    def in_doubt(self) -> Path:
        """Rows whose fate is not known."""
        return self.path / "in-doubt.jsonl"

    @property
    def users(self) -> Path:
        """Whom cells may mean as owners, once that was asked."""
        return self.path / "users.json"

    @property
    def report(self) -> Path:
        """The summary."""
        return self.path / "report.json"

    def spool(self, index: int) -> Path:
        """What can be read only once, as it was read."""
        return self.path / f"input-{index}{SPOOL_SUFFIX}"


def home_folder() -> Path:
    """Give the state folder: ``BULKZOHO_HOME``, or the platform's state directory."""
    told = os.environ.get("BULKZOHO_HOME")
    if told:
        return Path(told).expanduser().absolute()
    import platformdirs  # noqa: PLC0415  not needed when the environment says where

    return Path(platformdirs.user_state_dir("bulkzoho"))


def new_run_folder(crm_module: str) -> RunFolder:
    """Make the folder of a new run, named by time (UTC) and module.

    Raises:
        RunFailedError: It cannot be made; says where and what to do.
    """
    refuse_network_home(home_folder())
    word = re.sub(r"[^a-z0-9]+", "-", crm_module.casefold()).strip("-") or "run"
    now = datetime.now(UTC)
    part = now.microsecond // 16  # of the second, so that the names of runs tell their order
    folder = home_folder() / "runs" / f"{now:%Y%m%d-%H%M%S}-{word[:40]}-{part:04x}"
    try:
        for parent in (home_folder(), folder.parent):
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        if isinstance(error, FileExistsError) and folder.exists():  # another process began at the same moment
            return new_run_folder(crm_module)
        raise RunFailedError(
            f"{folder}: the run's folder cannot be made ({error.strerror}).",
            hint="Give write permission, make room, or set BULKZOHO_HOME to another folder.",
            code="CANNOT_WRITE",
        ) from error
    return RunFolder(folder)


def refuse_network_home(home: Path) -> None:
    """Refuse a home on a network file system, where neither locks nor a write-ahead log can be trusted (Linux tells)."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return  # not Linux: the journal's own check has to do
    real = home.resolve()
    under = [(point, kind) for _, point, kind, *_ in mounts if real.is_relative_to(point.replace("\\040", " "))]
    point, kind = max(under, key=lambda one: len(one[0]), default=("", ""))
    if kind in _NETWORK_FILE_SYSTEMS:
        raise RefusedError(
            f"{home}: lies on a network file system ({kind} at {point}), where a journal is not safe.",
            hint="Set BULKZOHO_HOME to a folder on a local disk.",
            code="HOME_ON_NETWORK",
        )


def find_run(name: str) -> RunFolder:
    """Give the run called *name* (its beginning is enough when only one begins so).

    Raises:
        RefusedError: There is none, or there are several.
    """
    folders = [one for one in _folders() if one.run == name] or [one for one in _folders() if one.run.startswith(name)]
    if len(folders) == 1:
        return folders[0]
    if folders:
        raise RefusedError(f"several runs begin with {name!r}.", hint="Give more of the name; `bulkzoho runs` lists them.")
    raise RefusedError(f"there is no run {name!r}.", hint="`bulkzoho runs` lists the runs of this home.", code="NO_SUCH_RUN")


def iter_runs(*, all_of_them: bool = False) -> Iterator[tuple[RunFolder, RunInfo, SqliteJournal]]:
    """Give every run that can be read, newest first, with its journal open for reading until the next is taken.

    Who must not miss one (is this content, this letter on its way already?) asks for *all_of_them*.

    Raises:
        JournalError: A run's journal cannot be read, and all of them were asked for.
    """
    for folder in sorted(_folders(), key=lambda one: started_key(one.run), reverse=True):
        try:
            journal = SqliteJournal.open(folder.journal, read_only=True)
        except JournalError as error:
            if all_of_them and error.code != UNBORN:
                raise
            continue
        try:
            try:
                facts = journal.facts()
            except JournalError as error:
                if all_of_them and error.code != UNBORN:
                    raise
                continue
            yield folder, facts, journal
        finally:
            journal.close()


def newest_resumable_run(*, limited: bool = False, but: Collection[str] = ()) -> RunFolder | None:
    """Give the newest run that has something left to do and that no process works on; *limited* ones count when asked for.

    Runs named in *but* are passed over.
    """
    for folder, facts, journal in iter_runs():
        if folder.run in but or is_locked(folder.lock):
            continue
        unfinished = any(True for one in journal.shipments() if one.state == "sent")
        complete = all(source.complete for source in journal.sources())
        more = limited and not complete
        tally = journal.whole_tally()
        damaged = facts.status is RunStatus.FAILED and not complete  # or its ending alone could not be written down
        hopeless = damaged and tally.read and not (tally.unsent or tally.in_doubt)
        if (facts.status is not RunStatus.COMPLETED and not hopeless) or unfinished or more:
            return folder
    return None


def list_runs() -> list[RunListEntry]:
    """Give all runs, newest first; ``running`` only where a process holds the run's lock."""
    lines = []
    for folder, facts, journal in iter_runs():
        status: str = facts.status
        if facts.status is RunStatus.RUNNING and not is_locked(folder.lock):
            status = RunStatus.INTERRUPTED
        lines.append(
            RunListEntry(
                run=facts.run,
                command=facts.command,
                crm_module=facts.crm_module,
                operation=facts.operation or "",
                status=status,
                started=facts.started,
                tally=journal.whole_tally(),
                folder=str(folder.path),
            )
        )
    return lines


def running_runs() -> list[tuple[str, str]]:
    """Give each run that a process works on now, and that process; the newest first."""
    found = [(folder.run, lock_owner(folder.lock)) for folder in _folders()]
    working = [(run, process) for run, process in found if process is not None]
    return sorted(working, key=lambda one: started_key(one[0]), reverse=True)


def started_key(run: str) -> tuple[str, str]:
    """Give when a run began, as its name says: the second, then the part of it."""
    return run[:15], run[-4:]


def _folders() -> list[RunFolder]:
    runs = home_folder() / "runs"
    try:
        return [RunFolder(one) for one in runs.iterdir() if (one / "journal.db").exists()]
    except FileNotFoundError:
        return []
