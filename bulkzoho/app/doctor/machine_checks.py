"""The doctor's checks of this machine: versions, the state folder and its files, the clock."""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from bulkzoho.app.doctor.check_result import CheckResult, failure, ok, warning
from bulkzoho.errors import AccessError, BulkZohoError, RunFailedError
from bulkzoho.storage.files.private_folder import make_private_folder
from bulkzoho.storage.store.home import HomeLayout, current_home, require_local_file_system

__all__ = ["check_clock", "check_home", "check_versions"]

_PACKAGES: Final = ("aiohttp", "aiolimiter", "orjson", "click")
LITTLE_BYTES: Final = 1_000_000_000  # of room: a run of some millions of rows may fill it
LEAST_BYTES: Final = 50_000_000  # of room: below this no run should begin
SKEW_WARNED_S: Final = 30.0  # seconds; beyond it lookups by time widen their window
SKEW_FAILED_S: Final = 300.0  # seconds; beyond it windows of the day, logs and certificates are wrong as well
DATE_GRAIN_S: Final = 1.5  # seconds: Date is whole seconds, and an answer takes its time
_OTHERS: Final = 0o077  # permission bits of anybody but the owner


def check_versions() -> list[CheckResult]:
    """Name what runs."""
    told = [f"bulkzoho {_version('bulkzoho')}", f"Python {platform.python_version()}"]
    return [ok("versions", ", ".join([*told, *(f"{name} {_version(name)}" for name in _PACKAGES)]))]


def check_home() -> list[CheckResult]:
    """See that runs can be kept, and that nobody else reads them."""
    layout = current_home()
    home = layout.path
    try:
        require_local_file_system(home)
        make_private_folder(home)
        probe = home / ".doctor"
        probe.write_bytes(b"")
        probe.unlink()
        free = shutil.disk_usage(home).free
    except BulkZohoError as error:
        return [failure("state folder", error)]
    except OSError as error:
        return [
            failure(
                "state folder",
                RunFailedError(
                    f"{home}: cannot be written: {error.strerror}.",
                    hint="Give write permission, make room, or set BULKZOHO_HOME to another folder.",
                ),
            )
        ]
    room = f"{free / 1e9:,.1f} GB free"
    if free < LEAST_BYTES:
        return [failure("state folder", RunFailedError(f"{home}: {room}.", hint="Make room, or set BULKZOHO_HOME."))]
    if free < LITTLE_BYTES:
        return [
            warning("state folder", f"{home}: {room}.", "Make room before a long run, or set BULKZOHO_HOME."),
            *_modes(layout),
        ]
    return [ok("state folder", f"{home}, {room}"), *_modes(layout)]


def check_clock(skew_s: float | None) -> list[CheckResult]:
    """Judge how far the service's clock is ahead of ours."""
    if skew_s is None:
        return []
    off_s, where = abs(skew_s), "behind" if skew_s > 0 else "ahead of"
    hint = "Let the system keep its time (timedatectl set-ntp true, chronyd, ntpd)."
    if off_s <= DATE_GRAIN_S:
        return [ok("clock", "as the service's, to the second")]
    words = f"this machine's clock is {_duration(off_s)} {where} the service's"
    if off_s > SKEW_FAILED_S:
        return [failure("clock", AccessError(f"{words}.", hint=hint, code="CLOCK"))]
    if off_s > SKEW_WARNED_S:
        return [warning("clock", f"{words}.", hint)]
    return [ok("clock", words)]


def _modes(home: HomeLayout) -> list[CheckResult]:
    """Find what others may read of what should be the owner's alone."""
    readable = [str(path) for path in home.secret_files() if path.exists() and path.stat().st_mode & _OTHERS]
    if not readable:
        return []
    return [warning("file modes", f"others may read {', '.join(readable)}.", f"chmod 600 {' '.join(readable)}")]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"


def _duration(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004  two minutes
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
