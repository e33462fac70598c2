"""Another time for the installed program: libfaketime sets or speeds up all of its clocks, and the waits in its event loop."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

__all__ = ["ClockThatJumps", "at_time", "faster", "later"]


def _library() -> str:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")) or sorted(Path("/usr").glob("**/libfaketimeMT.so.1"))
    assert found, "libfaketime is needed to show days (Debian package faketime)"
    return str(found[0])


def _faked(fake: str) -> dict[str, str]:
    return {"LD_PRELOAD": _library(), "FAKETIME": fake, "FAKETIME_NO_CACHE": "1", "TZ": "UTC"}


def later(seconds: float) -> Mapping[str, str]:
    """Give the environment of a program that lives so much later than we do."""
    return _faked(f"{seconds:+.3f}")


def at_time(text: str, *, scale: float = 1.0) -> Mapping[str, str]:
    """Give the environment of a program that starts at this time (UTC), from where its time runs *scale* times as fast."""
    return _faked(f"@{text} x{scale:g}")


def faster(scale: float, *, now_s: float) -> Mapping[str, str]:
    """Give the environment of a program for which it is *now_s*, seconds since 1970, and whose time runs so fast."""
    return _faked(f"{now_s - time.time():+.3f} x{scale:g}")


class ClockThatJumps:
    """A wall clock that can be set while the program runs; its monotonic clock knows nothing of it, as after a machine slept."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set_to(0.0)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of the program."""
        faked = _faked("")
        del faked["FAKETIME"]
        return {**faked, "FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def set_to(self, ahead_s: float) -> None:
        """Let the program's wall clock be so much ahead of ours from now on."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{ahead_s:+.0f}\n")
        os.replace(fresh, self._file)
