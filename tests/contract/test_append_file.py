"""The contract of TrackedFile, run on each implementation."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bulkzoho.errors import RunFailedError
from bulkzoho.interfaces import TrackedFile
from bulkzoho.storage.files.append_file import AppendFile

Open = Callable[[], TrackedFile]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


@pytest.fixture(params=[AppendFile])
def open_file(request: pytest.FixtureRequest, path: Path) -> Iterator[Open]:
    opened: list[TrackedFile] = []

    def make() -> TrackedFile:
        opened.append(request.param(path))
        return opened[-1]

    yield make
    for file in opened:
        file.close()


def test_appended_data_are_in_the_file_in_order(open_file: Open, path: Path) -> None:
    file = open_file()

    file.append(b"one\n")
    file.append(b"two\n")
    file.sync()

    assert path.read_bytes() == b"one\ntwo\n"
    assert file.length == 8


def test_a_reopened_file_continues_at_its_end(open_file: Open, path: Path) -> None:
    first = open_file()
    first.append(b"one\n")
    first.close()

    second = open_file()
    second.append(b"two\n")

    assert second.length == 8
    assert path.read_bytes() == b"one\ntwo\n"


def test_lines_beyond_the_valid_length_are_removed(open_file: Open, path: Path) -> None:
    file = open_file()
    file.append(b"one\ntwo\n")

    file.cut(4)
    file.append(b"2\n")

    assert path.read_bytes() == b"one\n2\n"
    assert file.length == 6


def test_a_file_shorter_than_its_valid_length_fails(open_file: Open) -> None:
    file = open_file()
    file.append(b"one\n")

    with pytest.raises(RunFailedError, match="has 4 bytes, but 8 were written"):
        file.cut(8)


def test_closing_twice_is_harmless(open_file: Open, path: Path) -> None:
    file = open_file()
    file.append(b"one\n")

    file.close()
    file.close()

    assert path.read_bytes() == b"one\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_new_file_is_readable_by_its_owner_only(open_file: Open, path: Path) -> None:
    open_file()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="needs setrlimit")
def test_a_partial_write_on_a_full_disk_is_removed(open_file: Open, path: Path) -> None:
    import resource
    import signal

    file = open_file()
    file.append(b"one\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))

    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)) as caught:
            file.append(b"twenty bytes of text")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"one\n"
    file.append(b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
