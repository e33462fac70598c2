"""File locks: one process works, any number may check, and a check is never taken for work."""

from __future__ import annotations

import fcntl
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bulkzoho.errors import JournalError, RefusedError
from bulkzoho.storage.files.file_lock import FileLock, exclusive_lock, lock_owner


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "lock").touch()
    return tmp_path / "lock"


@contextmanager
def checking(path: Path) -> Iterator[None]:
    """Hold the lock shared, as a process does while it checks."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def test_two_checks_do_not_see_each_other_as_a_worker(path: Path) -> None:
    with checking(path):
        assert lock_owner(path) is None


def test_many_checks_do_not_keep_a_worker_out(path: Path) -> None:
    over = threading.Event()

    def check() -> None:
        while not over.is_set():
            lock_owner(path)

    checkers = [threading.Thread(target=check) for _ in range(2)]
    for checker in checkers:
        checker.start()
    try:
        for _ in range(300):
            FileLock.acquire(path, what="run r1").release()
    finally:
        over.set()
        for checker in checkers:
            checker.join()


def test_a_worker_is_seen_immediately(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = FileLock.acquire(path, what="run r1")
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)

    with pytest.raises(RefusedError, match=f"by process {os.getpid()}"):
        FileLock.acquire(path, what="run r1")

    assert waits == []
    assert lock_owner(path) == str(os.getpid())
    lock.release()


def test_a_lock_that_cannot_be_written_to_a_full_disk_is_released(path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(JournalError, match="Make room"):
            FileLock.acquire(path, what="run r1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    FileLock.acquire(path, what="run r1").release()


@pytest.mark.parametrize(
    "take", [lambda path: FileLock.acquire(path, what="run r1"), lambda path: exclusive_lock(path).__enter__()]
)
def test_the_error_of_a_lock_that_cannot_be_made_names_it_and_a_remedy(path: Path, take: Callable[[Path], object]) -> None:
    with pytest.raises(JournalError, match="BULKZOHO_HOME") as caught:
        take(path / "below a file")

    assert str(path) in caught.value.message


def test_a_check_that_does_not_end_is_reported_as_an_unknown_process(path: Path) -> None:
    with checking(path), pytest.raises(RefusedError, match="by process unknown"):
        FileLock.acquire(path, what="run r1")
