"""Writing to standard output: everything, or an error."""

from __future__ import annotations

import errno
import io
import sys
from typing import Any

import pytest

from bulkzoho.cli.streams import StandardOutput, print_data
from bulkzoho.errors import RunFailedError


class _Unbuffered(io.RawIOBase):
    """Unbuffered standard output on a disk with *room* bytes: a write may be partial."""

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
    out: Any = raw  # a TextIOWrapper also accepts an unbuffered stream
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="utf-8", write_through=True))
    return raw


def test_a_partial_write_is_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = _installed(monkeypatch, room=100)

    StandardOutput().write(b"0123456789")
    print_data("Zürich")

    assert raw.taken == "0123456789Zürich\n".encode()


@pytest.fixture
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the real standard output from being silenced when a write fails."""
    monkeypatch.setattr("os.dup2", lambda *_: None)


@pytest.mark.usefixtures("_restored")
def test_a_full_disk_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = _installed(monkeypatch, room=5)
    monkeypatch.setattr(raw, "fileno", lambda: -1)

    with pytest.raises(OSError, match="No space left"):
        StandardOutput().write(b"0123456789")
    with pytest.raises(RunFailedError, match="standard output cannot be written"):
        print_data("0123456789")
