"""Set or speed up the clocks of the installed program, and the waits in its event loop, with libfaketime."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

__all__ = ["ClockThatJumps", "Sleep", "at_time", "later"]


def _library() -> str:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")) or sorted(Path("/usr").glob("**/libfaketimeMT.so.1"))
    assert found, "libfaketime is needed to show days (Debian package faketime)"
    return str(found[0])


def _faked(fake: str) -> dict[str, str]:
    return {"LD_PRELOAD": _library(), "FAKETIME": fake, "FAKETIME_NO_CACHE": "1", "TZ": "UTC"}


def later(seconds: float) -> Mapping[str, str]:
    """Return the environment of a program whose clock is ahead of ours."""
    return _faked(f"{seconds:+.3f}")


def at_time(text: str, *, scale: float = 1.0) -> Mapping[str, str]:
    """Return the environment of a program that starts at this time (UTC) and whose time runs *scale* times as fast."""
    return _faked(f"@{text} x{scale:g}")


class Sleep(Enum):
    """The clocks of a program that advance while nothing runs."""

    NOTHING_STOPS = "all clocks"  #: time passes
    MONOTONIC_STOPS = "wall clock only"  #: the machine was asleep


class ClockThatJumps:
    """The clocks of a program, which can be set forward while it runs."""

    def __init__(self, folder: Path, sleep: Sleep) -> None:
        self._file = folder / "clock"
        self._sleep = sleep
        self.set_to(0.0)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of the program."""
        faked = {**_faked(""), "FAKETIME_TIMESTAMP_FILE": str(self._file)}
        del faked["FAKETIME"]
        return {**faked, "FAKETIME_DONT_FAKE_MONOTONIC": "1"} if self._sleep is Sleep.MONOTONIC_STOPS else faked

    def set_to(self, ahead_s: float) -> None:
        """Set the program's clock ahead of ours."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{ahead_s:+.0f}\n")
        fresh.replace(self._file)
