"""A sandbox and a program for each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .harness import Program, SandboxMaker, SandboxProcess

PLENTY = ("--edition", "ultimate", "--licences", "1000")


@pytest.fixture
def new_sandbox() -> Iterator[SandboxMaker]:
    """Return a function that starts sandboxes; they end with the test."""
    with ExitStack() as stack:
        yield lambda *flags: stack.enter_context(SandboxProcess(*flags))


@pytest.fixture
def sandbox(new_sandbox: SandboxMaker) -> SandboxProcess:
    """Return a sandbox with ample quotas."""
    return new_sandbox(*PLENTY)


@pytest.fixture
def bulkzoho(tmp_path: Path, sandbox: SandboxProcess) -> Program:
    """Return the program, connected to that sandbox, without rate limit and settle wait, so that tests are quick."""
    quick = {"BULKZOHO_SETTLE_WAIT": "0", "BULKZOHO_PLAN": ""}
    return Program(tmp_path, {**sandbox.environment, **quick})
