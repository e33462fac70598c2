"""The run's lock: one works, many may look, and no look is taken for work."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bulkzoho.errors import RefusedError
from bulkzoho.journal.lock import RunLock, holder_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "lock").touch()
    return tmp_path / "lock"


@contextmanager
def looking(path: Path) -> Iterator[None]:
    """Be in the middle of a look, as another process would be."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def test_two_who_look_do_not_take_each_other_for_a_worker(path: Path) -> None:
    with looking(path):
        assert not holder_of(path)


def test_many_looks_keep_no_worker_out(path: Path) -> None:
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            holder_of(path)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(300):
            RunLock.take(path, what="run r1").release()
    finally:
        over.set()
        for looker in lookers:
            looker.join()


def test_who_works_is_seen_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = RunLock.take(path, what="run r1")
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)

    with pytest.raises(RefusedError, match=f"by process {os.getpid()}"):
        RunLock.take(path, what="run r1")

    assert holder_of(path)
    assert waits == []
    lock.release()


def test_a_look_that_does_not_end_is_told(path: Path) -> None:
    with looking(path), pytest.raises(RefusedError, match="by process unknown"):
        RunLock.take(path, what="run r1")
