"""The layout of one run's folder: every file name in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bulkzoho.domain.model.journal_events import SPOOL_SUFFIX
from bulkzoho.errors import RunFailedError
from bulkzoho.storage.files.private_folder import make_private_folder
from bulkzoho.storage.files.write_errors import CANNOT_WRITE
from bulkzoho.storage.store.home import HomeLayout, require_local_file_system

__all__ = ["RunFolder", "make_run_folder", "started_key"]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths of one run.  The folder is 0700, its files 0600."""

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
        """Locked by the process that works on the run."""
        return self.path / "lock"

    @property
    def log(self) -> Path:
        """The log of the run: one event per line."""
        return self.path / "run.log"

    @property
    def report(self) -> Path:
        """The summary."""
        return self.path / "report.json"

    @property
    def dead_letters(self) -> Path:
        """Rejected rows."""
        return self.path / "dead-letter.jsonl"

    @property
    def results(self) -> Path:
        """Accepted rows with their ids."""
        return self.path / "results.jsonl"

    @property
    def in_doubt(self) -> Path:
        """Rows whose outcome is unknown."""
        return self.path / "in-doubt.jsonl"

    @property
    def users(self) -> Path:
        """The organization's users, as far as rows name them."""
        return self.path / "users.json"

    @property
    def differences(self) -> Path:
        """The differences that a verification found."""
        return self.path / "differences.jsonl"

    @property
    def requested_ids(self) -> Path:
        """The record ids that an export was given."""
        return self.path / "ids.txt"

    @property
    def missing_ids(self) -> Path:
        """Those of them that were not found."""
        return self.path / "missing-ids.txt"

    @property
    def partitions(self) -> Path:
        """The folder of an export's partitions, until they are joined."""
        return self.path / "strands"

    def spool(self, index: int) -> Path:
        """Return the copy of input *index*, if it can be read only once."""
        return self.path / f"input-{index}{SPOOL_SUFFIX}"

    def partition(self, number: int) -> Path:
        """Return the records of partition *number*."""
        return self.partitions / f"{number:06}"

    def missing_ids_of(self, number: int) -> Path:
        """Return the missing ids of partition *number*."""
        return self.path / "missing" / f"{number:06}"


def make_run_folder(home: HomeLayout, crm_module: str) -> RunFolder:
    """Make the folder of a new run, named by time (UTC) and module.

    Raises:
        RefusedError: The home is on a network file system.
        RunFailedError: The folder cannot be made.
    """
    require_local_file_system(home.path)
    word = re.sub(r"[^a-z0-9]+", "-", crm_module.casefold()).strip("-") or "run"
    now = datetime.now(UTC)
    fraction = now.microsecond // 16  # so that the names of runs sort by the time they started
    folder = home.runs / f"{now:%Y%m%d-%H%M%S}-{word[:40]}-{fraction:04x}"
    try:
        make_private_folder(home.runs)
        folder.mkdir(mode=0o700)
    except OSError as error:
        if isinstance(error, FileExistsError) and folder.exists():  # another process started at the same moment
            return make_run_folder(home, crm_module)
        raise RunFailedError(
            f"{folder}: the run's folder cannot be made ({error.strerror}).",
            hint="Give write permission, make room, or set BULKZOHO_HOME to another directory.",
            code=CANNOT_WRITE,
        ) from error
    return RunFolder(folder)


def started_key(run: str) -> tuple[str, str]:
    """Return when a run started, as its name says: the second, then the fraction."""
    return run[:15], run[-4:]
