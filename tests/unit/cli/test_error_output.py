"""Errors of the operating system about the state directory."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bulkzoho.cli.error_output import state_error

HOME = Path("/somewhere/home")


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKZOHO_HOME", str(HOME))


def os_error(number: int, path: Path | None = None) -> OSError:
    return OSError(number, os.strerror(number)) if path is None else OSError(number, os.strerror(number), str(path))


@pytest.mark.parametrize(
    "error",
    [
        os_error(errno.EACCES, HOME / "runs"),
        os_error(errno.EACCES, HOME),
        os_error(errno.ENOTDIR, HOME.parent),  # a folder above it
        os_error(errno.ENOSPC, HOME / "quota" / "1.db"),
        os_error(errno.ENOSPC),  # a failed write names no file
        ExceptionGroup("of a task", [os_error(errno.EROFS, HOME)]),
    ],
)
def test_an_error_of_the_state_directory_has_a_hint(error: Exception) -> None:
    shown = state_error(error)

    assert shown is not None
    assert str(HOME.parent) in shown.message
    assert "BULKZOHO_HOME" in shown.hint
    assert (shown.code, shown.exit_code) == ("HOME_UNUSABLE", 1)


@pytest.mark.parametrize(
    "error",
    [
        os_error(errno.EACCES, Path("/somewhere/else")),
        os_error(errno.EACCES),
        os_error(errno.ENOENT, HOME / "runs"),  # bulkzoho creates what it needs there
        ValueError("not an error of the system"),
        ExceptionGroup("of tasks", [os_error(errno.EROFS, HOME), ValueError("not an error of the system")]),
    ],
)
def test_any_other_error_is_a_bug(error: Exception) -> None:
    assert state_error(error) is None
