"""Checks of this machine: versions, state directory and its files, clock."""

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
LOW_BYTES: Final = 1_000_000_000  # free: a run of some millions of rows may need as much
MIN_BYTES: Final = 50_000_000  # free: no run should start with less
SKEW_WARNED_S: Final = 30.0  # seconds; with more, lookups by time widen their window
SKEW_FAILED_S: Final = 300.0  # seconds; with more, time windows, logs and certificates are wrong too
DATE_PRECISION_S: Final = 1.5  # seconds: Date has whole seconds, and a response takes time
_NOT_OWNER: Final = 0o077  # permission bits of group and others


def check_versions() -> list[CheckResult]:
    """Return the versions."""
    versions = [f"bulkzoho {_version('bulkzoho')}", f"Python {platform.python_version()}"]
    return [ok("versions", ", ".join([*versions, *(f"{name} {_version(name)}" for name in _PACKAGES)]))]


def check_home() -> list[CheckResult]:
    """Check that the state directory is writable and readable only by its owner."""
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
        return [failure("state directory", error)]
    except OSError as error:
        return [
            failure(
                "state directory",
                RunFailedError(
                    f"{home}: cannot be written: {error.strerror}.",
                    hint="Check permissions and free disk space, or set BULKZOHO_HOME to another directory.",
                ),
            )
        ]
    space = f"{free / 1e9:,.1f} GB free"
    if free < MIN_BYTES:
        return [failure("state directory", RunFailedError(f"{home}: {space}.", hint="Free disk space, or set BULKZOHO_HOME."))]
    if free < LOW_BYTES:
        return [
            warning("state directory", f"{home}: {space}.", "Free disk space before a long run, or set BULKZOHO_HOME."),
            *_modes(layout),
        ]
    return [ok("state directory", f"{home}, {space}"), *_modes(layout)]


def check_clock(skew_s: float | None) -> list[CheckResult]:
    """Check the clock; *skew_s* is how far the service's clock is ahead."""
    if skew_s is None:
        return []
    off_s, where = abs(skew_s), "behind" if skew_s > 0 else "ahead of"
    hint = "Enable time synchronization (timedatectl set-ntp true, chronyd, ntpd)."
    if off_s <= DATE_PRECISION_S:
        return [ok("clock", "in sync with the service's")]
    message = f"this machine's clock is {_duration(off_s)} {where} the service's"
    if off_s > SKEW_FAILED_S:
        return [failure("clock", AccessError(f"{message}.", hint=hint, code="CLOCK"))]
    if off_s > SKEW_WARNED_S:
        return [warning("clock", f"{message}.", hint)]
    return [ok("clock", message)]


def _modes(home: HomeLayout) -> list[CheckResult]:
    """Warn about secret files that others can read."""
    readable = [str(path) for path in home.secret_files() if path.exists() and path.stat().st_mode & _NOT_OWNER]
    if not readable:
        return []
    return [warning("file modes", f"other users can read {', '.join(readable)}.", f"chmod 600 {' '.join(readable)}")]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(unknown version)"


def _duration(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004  two minutes
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
