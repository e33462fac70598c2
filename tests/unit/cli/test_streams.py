"""Standard output: all of it, or an error."""

from __future__ import annotations

import errno
import io
import sys
from typing import Any

import pytest

from bulkzoho.cli.streams import StandardOutput, print_data
from bulkzoho.errors import RunFailedError


class _Unbuffered(io.RawIOBase):
    """Standard output as ``PYTHONUNBUFFERED`` makes it, on a disk with *room* bytes: a write takes some, and says how many."""

    def __init__(self, room: int) -> None:
        self._room = room
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if len(self.taken) == self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        some = bytes(data[: min(3, self._room - len(self.taken))])
        self.taken += some
        return len(some)


def _installed(monkeypatch: pytest.MonkeyPatch, room: int) -> _Unbuffered:
    raw = _Unbuffered(room)
    out: Any = raw  # what takes bytes need not be buffered
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="utf-8", write_through=True))
    return raw


def test_a_write_that_takes_a_part_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = _installed(monkeypatch, room=100)

    StandardOutput().write(b"0123456789")
    print_data("Zürich")

    assert raw.taken == "0123456789Zürich\n".encode()


@pytest.fixture
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the real standard output from being silenced when a write fails."""
    monkeypatch.setattr("os.dup2", lambda *_: None)


@pytest.mark.usefixtures("_restored")
def test_a_disk_that_fills_up_within_a_write_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = _installed(monkeypatch, room=5)
    monkeypatch.setattr(raw, "fileno", lambda: -1)

    with pytest.raises(OSError, match="No space left"):
        StandardOutput().write(b"0123456789")
    with pytest.raises(RunFailedError, match="standard output cannot be written"):
        print_data("0123456789")
