"""Result of a check, and how one runs: with its own timeout, and never raising."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulkzoho.engine.concurrency.gather import first_error
from bulkzoho.errors import BulkZohoError

__all__ = ["CHECK_TIMEOUT_S", "CheckResult", "CheckStatus", "failure", "ok", "run_check", "warning"]

CHECK_TIMEOUT_S: Final = 4.0  # seconds for one check


class CheckStatus(StrEnum):
    """Status of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Result of one check."""

    name: str
    state: CheckStatus
    message: str
    hint: str = ""


def ok(name: str, message: str) -> CheckResult:
    """Return a passed check."""
    return CheckResult(name=name, state=CheckStatus.OK, message=message)


def warning(name: str, message: str, hint: str) -> CheckResult:
    """Return a warning."""
    return CheckResult(name=name, state=CheckStatus.WARNING, message=message, hint=hint)


def failure(name: str, error: BulkZohoError) -> CheckResult:
    """Return a failure that prevents runs."""
    return CheckResult(name=name, state=CheckStatus.FAILURE, message=error.message, hint=error.hint)


async def run_check(name: str, check: Callable[[], Awaitable[Iterable[CheckResult]]]) -> list[CheckResult]:
    """Run *check*; an error or a timeout becomes a failure."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return list(await _ungrouped(check()))
    except BulkZohoError as error:
        return [failure(name, error)]
    except OSError as error:
        if isinstance(error, TimeoutError):
            return [_timed_out(name)]
        message = f"{error.strerror or 'system error'}."
        return [
            CheckResult(name=name, state=CheckStatus.FAILURE, message=message, hint="Check that the state directory is writable.")
        ]


async def _ungrouped(check: Awaitable[Iterable[CheckResult]]) -> Iterable[CheckResult]:
    try:
        return await check
    except BaseExceptionGroup as group:
        raise first_error(group) from group


def _timed_out(name: str) -> CheckResult:
    return CheckResult(
        name=name,
        state=CheckStatus.FAILURE,
        message=f"no response within {CHECK_TIMEOUT_S:g} s.",
        hint="Check the network and the proxy. If both work, see Zoho's status page.",
    )
