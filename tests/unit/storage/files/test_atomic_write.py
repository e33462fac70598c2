"""Files that are written completely or not at all."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkzoho.storage.files.atomic_write import AtomicFile, write_atomic


def _write_in_pieces(path: Path, data: bytes) -> None:
    with AtomicFile(path, temporary_name=".run.tmp") as file:
        for at in range(0, len(data), 7):
            file.write(data[at : at + 7])
        file.commit()


both = pytest.mark.parametrize("write", [write_atomic, _write_in_pieces])


@both
def test_a_file_is_readable_by_its_owner_only(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    path = tmp_path / "report.json"

    write(path, b'{"rows": 100}')

    assert path.read_bytes() == b'{"rows": 100}'
    assert sys.platform == "win32" or stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["report.json"]


@both
@pytest.mark.skipif(sys.platform == "win32", reason="needs setrlimit")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    import resource
    import signal

    path = tmp_path / "report.json"
    write(path, b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))

    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            write(path, b"x" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_file_without_commit_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "differences.jsonl"
    path.write_bytes(b"old")

    with AtomicFile(path) as file:
        file.write(b"new")

    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["differences.jsonl"]
