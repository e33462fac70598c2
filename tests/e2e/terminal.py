"""The installed program at a terminal of its own, and typed answers."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from .harness import PROGRAM, Program

__all__ = ["Terminal", "on_a_terminal"]

# a session leader that opens a terminal gets it as its own: only then does the program find /dev/tty
ATTACH = """
import os, sys
terminal = os.open(sys.argv[1], os.O_RDWR)
for stream in (0, 1, 2):
    os.dup2(terminal, stream)
os.execv(sys.argv[2], sys.argv[2:])
"""


class Terminal:
    """One command; the content of the screen is in ``screen``."""

    def __init__(self, *words: str, folder: Path, environment: Mapping[str, str], term: str = "dumb") -> None:
        self._main, self._side = pty.openpty()
        self.screen = ""
        self._answered = 0
        self._process = subprocess.Popen(
            [sys.executable, "-c", ATTACH, os.ttyname(self._side), PROGRAM, *words],
            cwd=folder,
            env={**environment, "TERM": term},
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._main)
        os.close(self._side)

    def answer(self, question: str, words: str) -> None:
        """Wait until *question* is the last thing on the screen, and type *words*."""
        self._read_until(lambda: self._asks(question), f"{question!r}")
        self._answered = len(self.screen)
        os.write(self._main, f"{words}\n".encode())

    def end(self) -> int:
        """Read on to its end; return the exit code."""
        self._read_until(lambda: self._process.poll() is not None, "its end")
        self._read_some()
        return self._process.returncode

    def _asks(self, question: str) -> bool:
        last = self.screen[self._answered :].rpartition("\n")[2]
        return question in last and last.endswith(": ")

    def _read_until(self, holds: object, what: str, *, timeout_s: float = 30.0) -> None:
        assert callable(holds)
        end = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < end, f"{what} did not come:\n{self.screen}"
            self._read_some()

    def _read_some(self) -> None:
        while select.select([self._main], [], [], 0.05)[0]:
            self.screen += os.read(self._main, 65536).decode(errors="replace").replace("\r\n", "\n")


def on_a_terminal(bulkzoho: Program, *words: str) -> tuple[int, str]:
    """Run a command with a terminal for its standard error; return its exit code and what the terminal was sent."""
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BULKZOHO_")}
    environment = {
        **clean,
        **{k: v for k, v in bulkzoho.environment.items() if v},
        "BULKZOHO_HOME": str(bulkzoho.home),
        "TERM": "xterm",
    }
    process = subprocess.Popen(
        [PROGRAM, *words],
        cwd=bulkzoho.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([ours], [], [], 0.1)
        try:
            part = os.read(ours, 65536) if ready else b""
        except OSError:  # Linux says so when the other end is closed
            break
        seen += part
        if not part and process.poll() is not None:
            break
    os.close(ours)
    return process.wait(10), seen.decode()
