"""What of the system's refusals is no defect."""

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


def refusal(number: int, path: Path | None = None) -> OSError:
    return OSError(number, os.strerror(number)) if path is None else OSError(number, os.strerror(number), str(path))


@pytest.mark.parametrize(
    "error",
    [
        refusal(errno.EACCES, HOME / "runs"),
        refusal(errno.EACCES, HOME),
        refusal(errno.ENOTDIR, HOME.parent),  # a folder above it
        refusal(errno.ENOSPC, HOME / "quota" / "1.db"),
        refusal(errno.ENOSPC),  # what a write says names no file
        ExceptionGroup("of a task", [refusal(errno.EROFS, HOME)]),
    ],
)
def test_what_concerns_the_state_folder_is_told_with_the_remedy(error: Exception) -> None:
    told = state_error(error)

    assert told is not None
    assert str(HOME.parent) in told.message
    assert "BULKZOHO_HOME" in told.hint
    assert (told.code, told.exit_code) == ("HOME_UNUSABLE", 1)


@pytest.mark.parametrize(
    "error",
    [
        refusal(errno.EACCES, Path("/somewhere/else")),
        refusal(errno.EACCES),
        refusal(errno.ENOENT, HOME / "runs"),  # we make what we need there
        ValueError("no refusal"),
        ExceptionGroup("of tasks", [refusal(errno.EROFS, HOME), ValueError("no refusal")]),
    ],
)
def test_anything_else_is_a_defect(error: Exception) -> None:
    assert state_error(error) is None
